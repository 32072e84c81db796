import { Injectable } from '@nestjs/common';

import { Database, statement } from '../platform/database/database.js';
import type { Export, ExportState } from './export.entity.js';
import type { Piece } from './users-as-text.js';

const COLUMNS = `e.id, e.state, e.format, e.filter, e.actor_id AS "actorId", e.on_behalf_of AS "onBehalfOf", e.rows, e.total, e.bytes, e.chunks, e.cursor, e.problem, e.job_id AS "jobId",
  e.created_at AS "createdAt", e.updated_at AS "updatedAt", e.finished_at AS "finishedAt", e.version`;
const ADD = statement(
  'export_chunks_add',
  'INSERT INTO roster.export_chunks (export_id, number, bytes) VALUES ($1, $2, $3)',
);
const ADVANCE = statement(
  'exports_advance',
  `UPDATE roster.exports SET state = 'running', rows = rows + $2, bytes = bytes + $3, chunks = chunks + 1, cursor = $4,
     total = coalesce($5, total), updated_at = $6, version = version + 1 WHERE id = $1`,
);

@Injectable()
export class ExportsRepository {
  constructor(private readonly db: Database) {}

  async insert(each: Export): Promise<void> {
    const { id, state, format, filter, actorId, onBehalfOf, createdAt } = each;
    await this.db.change(
      `INSERT INTO roster.exports (id, state, format, filter, actor_id, on_behalf_of, rows, bytes, chunks, created_at, updated_at, version)
       VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, $7, $7, 1)`,
      [id, state, format, filter, actorId, onBehalfOf, createdAt],
    );
  }

  find(id: string): Promise<Export | null> {
    return this.db.row(`SELECT ${COLUMNS} FROM roster.exports e WHERE e.id = $1`, [id]);
  }

  lock(id: string): Promise<Export | null> {
    return this.db.row(`SELECT ${COLUMNS} FROM roster.exports e WHERE e.id = $1 FOR UPDATE`, [id]);
  }

  async owed(id: string, jobId: string): Promise<void> {
    await this.db.change('UPDATE roster.exports SET job_id = $2 WHERE id = $1', [id, jobId]);
  }

  async add(id: string, number: number, { text, rows, next, total }: Piece, at: Date): Promise<void> {
    const bytes = Buffer.from(text);
    await this.db.change(ADD, [id, number, bytes]);
    await this.db.change(ADVANCE, [id, rows, bytes.length, next, total, at]);
  }

  async end(id: string, state: ExportState, problem: string | null, at: Date): Promise<void> {
    await this.db.change(
      `UPDATE roster.exports SET state = $2, problem = $3, cursor = NULL, total = rows, updated_at = $4, finished_at = $4,
         version = version + 1 WHERE id = $1`,
      [id, state, problem, at],
    );
  }

  /** A piece of the file; null when it was taken away meanwhile. */
  chunk(id: string, number: number): Promise<{ bytes: Buffer } | null> {
    return this.db.row('SELECT bytes FROM roster.export_chunks WHERE export_id = $1 AND number = $2', [id, number]);
  }
}
