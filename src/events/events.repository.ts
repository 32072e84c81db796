import { Injectable } from '@nestjs/common';

import { Database, lookup, statement } from '../platform/database/database.js';
import { isCancelled } from '../platform/database/database-errors.js';
import type { Deed } from '../platform/database/transaction.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import { START } from './fact.js';
import type { Condition, Fact, Position, PublicFact, RecordedFact, Span, Standing, Stretch, Way } from './fact.js';

const INSERT = statement(
  'events_insert',
  `INSERT INTO roster.events (id, type, subject, subject_version, data, private, occurred_at)
   SELECT id, type, subject, version, data::jsonb, private::jsonb, at
   FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[])
     AS fact (id, type, subject, version, data, private, at)`,
);
/** Most transactions record one: PostgreSQL spends a third less on it than on a table of one row. */
const INSERT_ONE = statement(
  'events_insert_one',
  `INSERT INTO roster.events (id, type, subject, subject_version, data, private, occurred_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7)`,
);
const COLUMNS = `e.id, e.xid, e.seq, e.type, e.subject, e.subject_version AS "subjectVersion", e.data, e.occurred_at AS "occurredAt"`;
/** Of transactions that are over: nothing can come between these any more. */
const EDGE = 'pg_snapshot_xmin(pg_current_snapshot())';
/**
 * A place that the planner does not see. Where its statistics are older than the last facts it would expect none beyond
 * the place, and sort all that there are for each batch instead of walking the index as far as the batch goes.
 */
const hidden = (xid: string, seq: string): string => `((SELECT CAST(${xid} AS xid8)), (SELECT CAST(${seq} AS bigint)))`;
const FIND = lookup('events_find', `SELECT ${COLUMNS} FROM roster.events e WHERE e.id = $1`);
const AFTER = statement(
  'events_after',
  `SELECT ${COLUMNS}, e.private FROM roster.events e
   WHERE (e.xid, e.seq) > ${hidden('$1', '$2')} AND e.xid < ${EDGE}
   ORDER BY e.xid, e.seq LIMIT $3`,
);
const ON_WAY = `(e.xid, e.seq) > ${hidden('$1', '$2')} AND (e.xid, e.seq) <= ${hidden('$3', '$4')}`;
const OF_SUBJECT = `${ON_WAY} AND e.subject = $6`;
const past = (where: string): string =>
  `SELECT ${COLUMNS} FROM roster.events e WHERE ${where} ORDER BY e.xid, e.seq LIMIT $5`;
const distance = (where: string): string =>
  `SELECT count(*)::int AS count FROM (SELECT 1 FROM roster.events e WHERE ${where} LIMIT $5) counted`;
const PAST = statement('events_past', past(ON_WAY));
const PAST_OF = statement('events_past_of', past(OF_SUBJECT));
const DISTANCE = statement('events_distance', distance(ON_WAY));
const DISTANCE_OF = statement('events_distance_of', distance(OF_SUBJECT));
const BETWEEN = statement(
  'events_between',
  `SELECT id, xid, seq, type, subject, subject_version AS "subjectVersion", data, private, occurred_at AS "occurredAt"
   FROM roster.events
   WHERE id > CAST($1 AS uuid) AND id < CAST($2 AS uuid) AND occurred_at >= $3 AND occurred_at < $4
     AND xid < pg_snapshot_xmin(pg_current_snapshot())
   ORDER BY id LIMIT $5`,
);
const NEWEST = statement(
  'events_newest',
  `SELECT ${COLUMNS}, e.private FROM roster.events e WHERE e.xid < ${EDGE} ORDER BY e.xid DESC, e.seq DESC LIMIT 1`,
);
const POSITION = statement('events_position', 'SELECT xid, seq FROM roster.event_cursors WHERE reader = $1');
/**
 * The last fact that is final, be it on record or gone. Never the edge itself: it lies beyond transactions that were given up, whose numbers a crash
 * gives again (they are written to the log at leisure), and whoever stood there would never hear of those who get them.
 */
const LAST = `SELECT l.xid, l.seq FROM (
    (SELECT e.xid, e.seq FROM roster.events e WHERE e.xid < edge.xid ORDER BY e.xid DESC, e.seq DESC LIMIT 1)
    UNION ALL SELECT r.xid, r.seq FROM roster.events_retired r) l
  ORDER BY l.xid DESC, l.seq DESC LIMIT 1`;
const END = statement(
  'events_end',
  `SELECT last.xid, last.seq FROM (SELECT ${EDGE} AS xid) edge, LATERAL (${LAST}) last`,
);
/** Whether a fact beyond a place has gone already: whoever went on from there would skip it. */
const retiredBeyond = (place: string): string =>
  `EXISTS (SELECT FROM roster.events_retired r WHERE (r.xid, r.seq) > ${place})`;
const PLACE = statement(
  'events_place',
  `SELECT xid, seq FROM roster.events e WHERE id = $1 AND NOT ${retiredBeyond('(e.xid, e.seq)')}`,
);
const STANDING = statement(
  'events_standing',
  `SELECT ${EDGE} AS edge, ${retiredBeyond(hidden('$1', '$2'))} AS "isRetired"`,
);
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
    if (facts.length === 1) return { deed: INSERT_ONE, values: valuesOf(facts[0]!) };
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

  static afterQuestion({ xid, seq }: Position, limit: number): { text: string; values: unknown[] } {
    return { text: AFTER.text, values: [xid, seq, limit] };
  }

  /** Facts of transactions that are still open, or of later ones, are not among them: the order would not be final. */
  after({ xid, seq }: Position, limit: number): Promise<RecordedFact[]> {
    return this.db.rows(AFTER, [xid, seq, limit]);
  }

  past(way: Way, limit: number): Promise<PublicFact[]> {
    return this.db.rows(way.subject === null ? PAST : PAST_OF, parametersOf(way, limit));
  }

  async distance(way: Way, most: number): Promise<number> {
    const counted = this.db.row<{ count: number }>(
      way.subject === null ? DISTANCE : DISTANCE_OF,
      parametersOf(way, most),
    );
    return (await counted)!.count;
  }

  /** By their ids, so that only the partitions of that time are read; a fact and its id are made at the same moment. */
  between({ from, to }: Span, after: string | null, limit: number): Promise<RecordedFact[]> {
    const [first, last] = [idAt(from.getTime() - ID_DRIFT), idAt(to.getTime() + ID_DRIFT)];
    return this.db.rows(BETWEEN, [after ?? first, last, from, to, limit]);
  }

  /** The last that is final; null if there is none. */
  newest(): Promise<RecordedFact | null> {
    return this.db.row(NEWEST);
  }

  /** The place before whatever is not final yet: that of the last fact that is. */
  async end(): Promise<Position> {
    return (await this.db.row<Position>(END)) ?? START;
  }

  /** Where a fact stands; null if there is none, or no more, or if some that came after it are no more. */
  placeOf(id: string): Promise<Position | null> {
    return this.db.row(PLACE, [id]);
  }

  find(id: string): Promise<PublicFact | null> {
    return this.db.row(FIND, [id]);
  }

  /**
   * Facts beyond a place, the place of the last fact that was final then, and how it stood; all are of one moment.
   * @throws FilterTooCostly where no index serves the condition
   */
  async page(condition: Condition, stretch: Stretch): Promise<Standing & { facts: PublicFact[]; end: Position }> {
    const { text, values } = EventsRepository.pageQuestion(condition, stretch);
    type Row = PublicFact & Standing & { lastXid: string | null; lastSeq: string };
    const rows = await unlessTooCostly(this.db.rows<Row>(text, values));
    const { edge, isRetired, lastXid, lastSeq } = rows[0]!;
    // Where there is no fact beyond the place, there is a row for the end alone.
    return {
      facts: rows.filter(({ id }) => id !== null),
      end: lastXid === null ? START : { xid: lastXid, seq: lastSeq },
      edge,
      isRetired,
    };
  }

  static pageQuestion(
    { sql, parameters }: Condition,
    { from, backwards, limit }: Stretch,
  ): { text: string; values: unknown[] } {
    const [xid, seq, most] = [1, 2, 3].map((nth) => `$${parameters.length + nth}`);
    const [beyond, order] = backwards ? ['<', 'DESC'] : ['>', 'ASC'];
    const text = `SELECT edge.xid AS edge, ${retiredBeyond(hidden(xid!, seq!))} AS "isRetired", last.xid AS "lastXid", last.seq AS "lastSeq", f.* FROM (SELECT ${EDGE} AS xid) edge
      LEFT JOIN LATERAL (${LAST}) last ON true
      LEFT JOIN LATERAL (
        SELECT ${COLUMNS} FROM roster.events e
        WHERE (e.xid, e.seq) ${beyond} ${hidden(xid!, seq!)} AND e.xid < edge.xid AND ${sql}
        ORDER BY e.xid ${order}, e.seq ${order} LIMIT ${most}) f ON true
      ORDER BY f.xid ${order}, f.seq ${order}`;
    return { text, values: [...parameters, from.xid, from.seq, limit] };
  }

  /** How it stands beyond a place. */
  async standing({ xid, seq }: Position): Promise<Standing> {
    return (await this.db.row<Standing>(STANDING, [xid, seq]))!;
  }

  /** How many there are, counted no further than `most`. @throws FilterTooCostly */
  async count({ sql, parameters }: Condition, most: number): Promise<number> {
    const text = `SELECT count(*)::int AS count FROM (SELECT 1 FROM roster.events e WHERE ${sql} LIMIT ${most}) counted`;
    return (await unlessTooCostly(this.db.row<{ count: number }>(text, [...parameters])))!.count;
  }

  /** How many the planner expects: no row is read. */
  async estimate({ sql, parameters }: Condition): Promise<number> {
    type Plan = { 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] };
    const text = `EXPLAIN (FORMAT JSON) SELECT 1 FROM roster.events e WHERE ${sql}`;
    return (await this.db.row<Plan>(text, [...parameters]))!['QUERY PLAN'][0].Plan['Plan Rows'];
  }

  async positionOf(reader: string): Promise<Position> {
    return (await this.db.row<Position>(POSITION, [reader])) ?? START;
  }

  async advance(reader: string, { xid, seq }: Position): Promise<void> {
    await this.db.change(ADVANCE, [reader, xid, seq]);
  }

  /** Lets a month go, or some facts, that every reader has had; with the owner's rights (SECURITY DEFINER). @returns who has not, too */
  async retire(before: Date, most: number): Promise<{ months: number; facts: number; waitsFor: string | null }> {
    const text = 'SELECT months, facts, waits_for AS "waitsFor" FROM roster.retire_events($1, $2)';
    return (await this.db.row<{ months: number; facts: number; waitsFor: string | null }>(text, [before, most]))!;
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

function parametersOf({ from, to, subject }: Way, limit: number): unknown[] {
  return [from.xid, from.seq, to.xid, to.seq, limit, ...(subject === null ? [] : [subject])];
}

async function unlessTooCostly<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    throw isCancelled(error) ? new FilterTooCostly() : error;
  }
}

/** How far the id of a fact may be from its moment: both are of one clock. Milliseconds. */
const ID_DRIFT = 1000;

/** The least UUIDv7 of a moment (RFC 9562). */
function idAt(milliseconds: number): string {
  const hex = Math.max(0, milliseconds).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

function valuesOf({ id, type, subject, subjectVersion, data, private: kept, occurredAt }: Fact): unknown[] {
  return [id, type, subject, subjectVersion, JSON.stringify(data), JSON.stringify(kept), occurredAt];
}
