import { Injectable } from '@nestjs/common';

import { Database, statement } from '../platform/database/database.js';
import { isCancelled } from '../platform/database/database-errors.js';
import { TURN } from '../platform/database/turn.js';
import type { PageStatement } from '../platform/http/lists/keyset.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import type { Import, ImportState } from './import.entity.js';
import type { StagedRow } from './reading/file-reader.js';

export const IMPORT_COLUMNS = `i.id, i.state, i.format, i.on_conflict AS "onConflict", i.dry_run AS "dryRun", i.actor_id AS "actorId",
  i.on_behalf_of AS "onBehalfOf", i.permissions, i.bytes, i.rows, i.position, i.created, i.updated, i.skipped, i.failed, i.problem, i.job_id AS "jobId",
  i.created_at AS "createdAt", i.updated_at AS "updatedAt", i.finished_at AS "finishedAt", i.version`;
const FIND = statement('imports_find', `SELECT ${IMPORT_COLUMNS} FROM roster.imports i WHERE i.id = $1`);
const LOCK = statement('imports_lock', `SELECT ${IMPORT_COLUMNS} FROM roster.imports i WHERE i.id = $1 FOR UPDATE`);
const UNFINISHED = statement(
  'imports_unfinished',
  'SELECT count(*)::int AS count FROM roster.imports WHERE finished_at IS NULL AND actor_id = $1',
);
const SEIZE = statement('imports_seize', `${LOCK.text} SKIP LOCKED`);
const CHUNK = statement(
  'import_chunks_at',
  `SELECT first_row AS "firstRow", rows FROM roster.import_chunks WHERE import_id = $1 AND first_row <= $2
   ORDER BY first_row DESC LIMIT 1`,
);
const STAGE = statement(
  'import_chunks_add',
  `WITH uploading AS (
     UPDATE roster.imports SET rows = $2, bytes = $3, format = $4, updated_at = $5 WHERE id = $1 AND state = 'uploading' RETURNING id
   )
   INSERT INTO roster.import_chunks (import_id, first_row, rows) SELECT id, $6, $7::json FROM uploading`,
);
const REPORT = statement(
  'import_rows_add',
  `INSERT INTO roster.import_rows (import_id, number, id, line, status, user_id, code, pointer, detail)
   SELECT $1, number, id, line, status, "userId", code, pointer, detail
   FROM json_to_recordset($2::json) AS reported
     (number integer, id uuid, line integer, status text, "userId" uuid, code text, pointer text, detail text)`,
);
const ADVANCE = statement(
  'imports_advance',
  `UPDATE roster.imports SET state = 'running', position = $2, created = created + $3, updated = updated + $4,
     skipped = skipped + $5, failed = failed + $6, updated_at = $7, version = version + 1 WHERE id = $1`,
);
const DROP = statement(
  'import_chunks_drop',
  'DELETE FROM roster.import_chunks WHERE import_id = $1 AND first_row <= $2',
);
const CLAIM = statement(
  'import_claims_add',
  `INSERT INTO roster.import_claims (import_id, claim) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING RETURNING claim`,
);

const STAGED = [
  ['import_chunks', 'first_row'],
  ['import_claims', 'claim'],
] as const;

/** Rows as they were staged, the first of them first. */
export interface Chunk {
  readonly firstRow: number;
  readonly rows: readonly StagedRow[];
}

/** What became of one row. */
export interface ReportedRow {
  readonly number: number;
  readonly id: string;
  readonly line: number;
  readonly status: 'created' | 'updated' | 'skipped' | 'failed';
  readonly userId: string | null;
  readonly code: string | null;
  readonly pointer: string | null;
  readonly detail: string | null;
}

export type Counts = Record<ReportedRow['status'], number>;

@Injectable()
export class ImportsRepository {
  constructor(private readonly db: Database) {}

  /** How many of somebody's are not over; nobody else adds one of theirs until the transaction ends. */
  async unfinishedOf(actorId: string): Promise<number> {
    await this.db.row(TURN, [`imports of ${actorId}`]);
    const counted = await this.db.row<{ count: number }>(UNFINISHED, [actorId]);
    return counted!.count;
  }

  async insert(each: Import): Promise<void> {
    const { id, state, format, onConflict, dryRun, actorId, onBehalfOf, permissions, createdAt } = each;
    await this.db.change(
      `INSERT INTO roster.imports (id, state, format, on_conflict, dry_run, actor_id, on_behalf_of, permissions, bytes, rows,
         position, created, updated, skipped, failed, created_at, updated_at, version)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, 0, 0, 0, 0, $9, $9, 1)`,
      [id, state, format, onConflict, dryRun, actorId, onBehalfOf, permissions, createdAt],
    );
  }

  find(id: string): Promise<Import | null> {
    return this.db.row(FIND, [id]);
  }

  /** Asked for before anything is written, so that the facts about it keep their order (platform/database/turn.ts). */
  async lock(id: string): Promise<Import | null> {
    await this.db.row(TURN, [`imports/${id}`]);
    return this.db.row(LOCK, [id]);
  }

  async owed(id: string, jobId: string): Promise<void> {
    await this.db.change('UPDATE roster.imports SET job_id = $2 WHERE id = $1', [id, jobId]);
  }

  /** The import, locked; null also while somebody else is at work on it, for whom nobody waits. */
  seize(id: string): Promise<Import | null> {
    return this.db.row(SEIZE, [id]);
  }

  /** @returns false if the upload was given up meanwhile */
  async stage(
    id: string,
    { rows, bytes, format, at }: { rows: number; bytes: number; format: string | null; at: Date },
    { firstRow, text }: { firstRow: number; text: string },
  ): Promise<boolean> {
    return (await this.db.change(STAGE, [id, rows, bytes, format, at, firstRow, text])) > 0;
  }

  /** @returns whether it was in one of the other states */
  async enter(
    id: string,
    state: ImportState,
    from: readonly ImportState[],
    at: Date,
    problem: string | null = null,
  ): Promise<boolean> {
    const finishedAt = ['incomplete', 'completed', 'cancelled', 'failed'].includes(state) ? at : null;
    const changed = await this.db.change(
      `UPDATE roster.imports SET state = $2, updated_at = $3, finished_at = $4, problem = $5, version = version + 1
       WHERE id = $1 AND state = ANY($6)`,
      [id, state, at, finishedAt, problem, from],
    );
    return changed > 0;
  }

  /** What is known of the file when it has been read. */
  async complete(id: string, rows: number, bytes: number, format: string | null, at: Date): Promise<void> {
    await this.db.change(
      `UPDATE roster.imports SET rows = $2, bytes = $3, format = $4, updated_at = $5 WHERE id = $1 AND state = 'uploading'`,
      [id, rows, bytes, format, at],
    );
  }

  /** The rows among which the one of this number is; null if there are none. */
  chunkAt(id: string, number: number): Promise<Chunk | null> {
    return this.db.row(CHUNK, [id, number]);
  }

  /** The rows up to this number are done with. */
  async drop(id: string, upTo: number): Promise<void> {
    await this.db.change(DROP, [id, upTo]);
  }

  async report(id: string, rows: readonly ReportedRow[]): Promise<void> {
    await this.db.change(REPORT, [id, JSON.stringify(rows)]);
  }

  async advance(id: string, position: number, counts: Counts, at: Date): Promise<void> {
    const { created, updated, skipped, failed } = counts;
    await this.db.change(ADVANCE, [id, position, created, updated, skipped, failed, at]);
  }

  /** @returns those that nobody had claimed */
  async claim(id: string, claims: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set((await this.db.rows<{ claim: string }>(CLAIM, [id, claims])).map(({ claim }) => claim));
  }

  /** Takes away an upload that turned out to be a repeated one. */
  async forget(id: string): Promise<void> {
    // Its pieces go with it.
    await this.db.change("DELETE FROM roster.imports WHERE id = $1 AND state = 'uploading'", [id]);
  }

  /** What was kept of an import for as long as it went on. */
  async dropAll(id: string): Promise<void> {
    for (const [table, key] of STAGED)
      await this.db.changeAll(
        `DELETE FROM roster.${table} WHERE import_id = $1 AND ${key} IN
           (SELECT ${key} FROM roster.${table} WHERE import_id = $1 LIMIT $2)`,
        [id],
      );
  }

  /** One page; a question that no index serves is cut by the server. @throws FilterTooCostly */
  page<Row>({ text, parameters }: PageStatement): Promise<(Row & { id: string; sort_key: string | null })[]> {
    return unlessTooCostly(this.db.rows(text, parameters));
  }

  /** How many there are, counted no further than `most`. @throws FilterTooCostly */
  async count(from: string, where: string, parameters: readonly unknown[], most: number): Promise<number> {
    const text = `SELECT count(*)::int AS count FROM (SELECT 1 FROM ${from} WHERE ${where} LIMIT ${most}) counted`;
    return (await unlessTooCostly(this.db.row<{ count: number }>(text, [...parameters])))!.count;
  }
}

async function unlessTooCostly<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    throw isCancelled(error) ? new FilterTooCostly() : error;
  }
}
