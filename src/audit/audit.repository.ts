import { Injectable } from '@nestjs/common';

import { Database, statement } from '../platform/database/database.js';
import { isCancelled } from '../platform/database/database-errors.js';
import type { PageStatement } from '../platform/http/lists/keyset.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import type { ChainEntry } from './chain.js';
import type { Checkpoint, Retirement } from './checkpoint.js';

/** An entry as PostgreSQL gives it. */
export type EntryRow = Omit<ChainEntry, 'seq' | 'occurredAt' | 'checkpoint'> & {
  readonly seq: string;
  readonly occurredAt: Date;
  readonly checkpointHash: string | null;
  readonly kid: string | null;
  readonly signature: string | null;
  readonly signedAt: Date | null;
};

/** Where the next entry goes, and what was signed last. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
  readonly signedSeq: number;
  readonly signedAt: Date | null;
  readonly signedKid: string | null;
}

const base64url = (column: string): string => `rtrim(translate(encode(${column}, 'base64'), E'+/\\n', '-_'), '=')`;
const moment = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const RETIREMENT = `(SELECT json_build_object('seq', r.seq, 'hash', encode(r.hash, 'hex'), 'signedAt', ${moment('r.signed_at')}, 'kid', r.kid,
  'signature', ${base64url('r.signature')}, 'createdAt', ${moment('r.created_at')})
  FROM roster.audit_retirements r WHERE r.seq = e.seq - 1 ORDER BY r.created_at DESC LIMIT 1)`;
export const ENTRY_COLUMNS = `e.id, e.seq, e.occurred_at AS "occurredAt", e.type, e.subject, e.subject_version AS "subjectVersion", e.data,
  e.actor_id AS "actorId", e.on_behalf_of AS "onBehalfOf", e.request_id AS "requestId", e.outcome,
  encode(e.details_digest, 'hex') AS "detailsDigest", encode(e.previous_hash, 'hex') AS "previousHash", encode(e.hash, 'hex') AS hash,
  d.details, encode(d.salt, 'hex') AS salt, encode(c.hash, 'hex') AS "checkpointHash", c.kid,
  ${base64url('c.signature')} AS signature, c.created_at AS "signedAt",
  ${RETIREMENT} AS retirement`;
export const ENTRIES = `roster.audit_entries e LEFT JOIN roster.audit_details d ON d.entry_id = e.id
  LEFT JOIN roster.audit_checkpoints c ON c.seq = e.seq`;
/** "AUDI": one copier at a time, whatever the number of processes. */
const CHAIN_LOCK = 0x41554449;

const LOCK = statement('audit_lock', 'SELECT pg_try_advisory_xact_lock($1) AS locked');
// Whichever is further: where the newest entries were removed, the gap stays to be seen.
const HEAD = statement(
  'audit_head',
  `SELECT h.seq, encode(h.hash, 'hex') AS hash, s.seq AS "signedSeq", s.created_at AS "signedAt", s.kid AS "signedKid"
   FROM (SELECT seq, hash FROM (
       (SELECT seq, hash FROM roster.audit_entries ORDER BY seq DESC LIMIT 1)
       UNION ALL (SELECT seq, hash FROM roster.audit_checkpoints ORDER BY seq DESC LIMIT 1)) newest ORDER BY seq DESC LIMIT 1) h
     LEFT JOIN (SELECT seq, created_at, kid FROM roster.audit_checkpoints ORDER BY seq DESC LIMIT 1) s ON true`,
);
const INSERT_ENTRIES = statement(
  'audit_insert_entries',
  `INSERT INTO roster.audit_entries (id, seq, occurred_at, type, subject, subject_version, data, actor_id, on_behalf_of,
     request_id, outcome, details_digest, previous_hash, hash)
   SELECT id, seq, at, type, subject, version, data::jsonb, actor, behalf, request, outcome, decode(digest, 'hex'),
     decode(previous, 'hex'), decode(hash, 'hex')
   FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::integer[], $7::text[], $8::text[],
     $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
     AS entry (id, seq, at, type, subject, version, data, actor, behalf, request, outcome, digest, previous, hash)`,
);
const INSERT_DETAILS = statement(
  'audit_insert_details',
  `INSERT INTO roster.audit_details (entry_id, salt, details)
   SELECT id, decode(salt, 'hex'), details::jsonb FROM unnest($1::uuid[], $2::text[], $3::text[]) AS entry (id, salt, details)`,
);
const INSERT_CHECKPOINT = statement(
  'audit_insert_checkpoint',
  `INSERT INTO roster.audit_checkpoints (seq, hash, kid, signature, created_at)
   VALUES ($1, decode($2, 'hex'), $3, $4, $5) ON CONFLICT (seq) DO NOTHING`,
);
const BETWEEN = statement(
  'audit_between',
  `SELECT ${ENTRY_COLUMNS} FROM ${ENTRIES}
   WHERE (e.seq, e.id) > ($1, CAST($2 AS uuid)) AND e.seq <= $3 ORDER BY e.seq, e.id LIMIT $4`,
);

@Injectable()
export class AuditRepository {
  constructor(private readonly db: Database) {}

  /** Whether nobody else copies until the transaction ends. In a statement of its own: the next one sees what they wrote. */
  async lockChain(): Promise<boolean> {
    return (await this.db.row<{ locked: boolean }>(LOCK, [CHAIN_LOCK]))!.locked;
  }

  /** The newest place of the chain; null before the first entry. */
  async head(): Promise<ChainHead | null> {
    type Row = Omit<ChainHead, 'seq' | 'signedSeq'> & { seq: string; signedSeq: string | null };
    const row = await this.db.row<Row>(HEAD);
    return row && { ...row, seq: Number(row.seq), signedSeq: Number(row.signedSeq ?? 0) };
  }

  async append(entries: readonly ChainEntry[]): Promise<void> {
    const each = <T>(pick: (entry: ChainEntry) => T): T[] => entries.map(pick);
    const ids = each(({ id }) => id);
    await this.db.change(INSERT_ENTRIES, [
      ids,
      each(({ seq }) => seq),
      each(({ occurredAt }) => occurredAt),
      each(({ type }) => type),
      each(({ subject }) => subject),
      each(({ subjectVersion }) => subjectVersion),
      each(({ data }) => JSON.stringify(data)),
      each(({ actorId }) => actorId),
      each(({ onBehalfOf }) => onBehalfOf),
      each(({ requestId }) => requestId),
      each(({ outcome }) => outcome),
      each(({ detailsDigest }) => detailsDigest),
      each(({ previousHash }) => previousHash),
      each(({ hash }) => hash),
    ]);
    await this.db.change(INSERT_DETAILS, [
      ids,
      each(({ salt }) => salt),
      each(({ details }) => JSON.stringify(details)),
    ]);
  }

  async keep({ seq, hash, kid, signature, createdAt }: Checkpoint): Promise<void> {
    await this.db.change(INSERT_CHECKPOINT, [seq, hash, kid, Buffer.from(signature, 'base64url'), createdAt]);
  }

  /** Entries after a place, up to a place, in their order: two that claim the same place too. */
  async between(after: { seq: number; id: string }, to: number, limit: number): Promise<ChainEntry[]> {
    return (await this.db.rows<EntryRow>(BETWEEN, [after.seq, after.id, to, limit])).map(entryOf);
  }

  async checkpointAt(seq: number): Promise<Checkpoint | null> {
    const row = await this.db.row<Omit<Checkpoint, 'createdAt' | 'signature'> & { signature: Buffer; createdAt: Date }>(
      `SELECT encode(hash, 'hex') AS hash, kid, signature, created_at AS "createdAt" FROM roster.audit_checkpoints WHERE seq = $1`,
      [seq],
    );
    return (
      row && { ...row, seq, signature: row.signature.toString('base64url'), createdAt: row.createdAt.toISOString() }
    );
  }

  async find(id: string): Promise<ChainEntry | null> {
    const row = await this.db.row<EntryRow>(`SELECT ${ENTRY_COLUMNS} FROM ${ENTRIES} WHERE e.id = $1`, [id]);
    return row && entryOf(row);
  }

  /** One page; a question that no index serves is cut by the server. @throws FilterTooCostly */
  page({ text, parameters }: PageStatement): Promise<(EntryRow & { sort_key: string | null })[]> {
    return unlessTooCostly(this.db.rows(text, parameters));
  }

  /** How many there are, counted no further than `most`. @throws FilterTooCostly */
  async count(where: string, parameters: readonly unknown[], most: number): Promise<number> {
    const text = `SELECT count(*)::int AS count FROM (SELECT 1 FROM ${ENTRIES} WHERE ${where} LIMIT ${most}) counted`;
    return (await unlessTooCostly(this.db.row<{ count: number }>(text, [...parameters])))!.count;
  }

  /** How many the planner expects: no row is read. */
  async estimate(where: string, parameters: readonly unknown[]): Promise<number> {
    type Plan = { 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] };
    const text = `EXPLAIN (FORMAT JSON) SELECT 1 FROM ${ENTRIES} WHERE ${where}`;
    return (await this.db.row<Plan>(text, [...parameters]))!['QUERY PLAN'][0].Plan['Plan Rows'];
  }
}

export function entryOf(row: EntryRow): ChainEntry {
  const { checkpointHash, kid, signature, signedAt, ...entry } = row;
  const checkpoint =
    kid === null ? null : { hash: checkpointHash!, kid, signature: signature!, createdAt: signedAt!.toISOString() };
  return { ...entry, seq: Number(row.seq), occurredAt: row.occurredAt.toISOString(), checkpoint };
}

async function unlessTooCostly<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    throw isCancelled(error) ? new FilterTooCostly() : error;
  }
}
