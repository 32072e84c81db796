import { Injectable } from '@nestjs/common';

import { Database, statement } from '../platform/database/database.js';
import type { Deed } from '../platform/database/transaction.js';

export interface Fact {
  readonly id: string;
  readonly type: string;
  readonly subject: string | null;
  readonly subjectVersion: number | null;
  readonly data: object;
  readonly private: object;
  readonly occurredAt: Date;
}

/** A place in the order of commits (docs/architecture.md). */
export interface Position {
  /** An `xid8`: more than a number can hold. */
  readonly xid: string;
  readonly seq: string;
}

/** A fact as it was recorded, with its private part. */
export interface RecordedFact extends Omit<Fact, 'private'>, Position {
  readonly private: Readonly<Record<string, unknown>> | null;
}

/** Whether one place comes after another in the order of commits. */
export function isAfter(one: Position, other: Position): boolean {
  if (one.xid === other.xid) return BigInt(one.seq) > BigInt(other.seq);
  return BigInt(one.xid) > BigInt(other.xid);
}

const START: Position = { xid: '0', seq: '0' };

const INSERT = statement(
  'events_insert',
  `INSERT INTO roster.events (id, type, subject, subject_version, data, private, occurred_at)
   SELECT id, type, subject, version, data::jsonb, private::jsonb, at
   FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[])
     AS fact (id, type, subject, version, data, private, at)`,
);
const AFTER = statement(
  'events_after',
  `SELECT id, xid, seq, type, subject, subject_version AS "subjectVersion", data, private, occurred_at AS "occurredAt"
   FROM roster.events
   WHERE (xid, seq) > (CAST($1 AS xid8), CAST($2 AS bigint)) AND xid < pg_snapshot_xmin(pg_current_snapshot())
   ORDER BY xid, seq LIMIT $3`,
);
const POSITION = statement('events_position', 'SELECT xid, seq FROM roster.event_cursors WHERE reader = $1');
const END = statement('events_end', `SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xid, '0' AS seq`);
const PLACE = statement('events_place', 'SELECT xid, seq FROM roster.events WHERE id = $1');
const ADVANCE = statement(
  'events_advance',
  `INSERT INTO roster.event_cursors (reader, xid, seq) VALUES ($1, CAST($2 AS xid8), $3)
   ON CONFLICT (reader) DO UPDATE SET xid = excluded.xid, seq = excluded.seq`,
);
const ADVANCE_FROM = statement(
  'events_advance_from',
  `INSERT INTO roster.event_cursors AS cursor (reader, xid, seq) VALUES ($1, CAST($2 AS xid8), $3)
   ON CONFLICT (reader) DO UPDATE SET xid = excluded.xid, seq = excluded.seq
   WHERE (cursor.xid, cursor.seq) = (CAST($4 AS xid8), CAST($5 AS bigint))`,
);

@Injectable()
export class EventsRepository {
  constructor(private readonly db: Database) {}

  /** All facts of a transaction in one statement, in the order in which they were recorded. */
  insertion(facts: readonly Fact[]): Deed {
    const values = [
      facts.map((fact) => fact.id),
      facts.map((fact) => fact.type),
      facts.map((fact) => fact.subject),
      facts.map((fact) => fact.subjectVersion),
      facts.map((fact) => JSON.stringify(fact.data)),
      facts.map((fact) => JSON.stringify(fact.private)),
      facts.map((fact) => fact.occurredAt),
    ];
    return { deed: INSERT, values };
  }

  /** Facts of transactions that are still open, or of later ones, are not among them: the order would not be final. */
  after({ xid, seq }: Position, limit: number): Promise<RecordedFact[]> {
    return this.db.rows(AFTER, [xid, seq, limit]);
  }

  /** The place before whatever is not final yet. */
  async end(): Promise<Position> {
    return (await this.db.row<Position>(END))!;
  }

  /** Where a fact stands; null if there is none, or no more. */
  placeOf(id: string): Promise<Position | null> {
    return this.db.row(PLACE, [id]);
  }

  async positionOf(reader: string): Promise<Position> {
    return (await this.db.row<Position>(POSITION, [reader])) ?? START;
  }

  async advance(reader: string, { xid, seq }: Position): Promise<void> {
    await this.db.change(ADVANCE, [reader, xid, seq]);
  }

  /** @returns whether the reader stood where it was thought to stand */
  async advanceFrom(reader: string, from: Position, { xid, seq }: Position): Promise<boolean> {
    return (await this.db.change(ADVANCE_FROM, [reader, xid, seq, from.xid, from.seq])) === 1;
  }

  /** Partitions of all partitioned tables, from the month of `at` on; runs with the owner's rights (SECURITY DEFINER). */
  async ensurePartitions(at: Date, months: number): Promise<void> {
    await this.db.row('SELECT roster.ensure_partitions($1, $2)', [at, months]);
  }
}
