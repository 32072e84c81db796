import type { Client } from 'pg';

/** The first number that PostgreSQL gives to a transaction of anybody; a new cluster has used some 700 for itself. */
const FIRST = 3;
/** A cursor that stands here stands after every fact of its number. */
const LAST_SEQ = '9223372036854775807';

/**
 * The number of the transaction orders facts, and is a count of the cluster: one into which a dump was restored begins
 * anew, far below. Then every reader stands ahead of all that will ever happen, and reads nothing more, in silence.
 * This gives all that the former cluster counted new numbers, below those that will come: to the facts between the same
 * two readers' places the same number, so that their sequence orders them and nobody reads one twice or leaves one out.
 * What the new cluster has counted already stays. All of it is one transaction, else a reader would see half of it; it
 * runs once after a restore, before anything is served. It may be called at any time: mostly there is nothing to do.
 * @param owner a connection of the role that owns the tables
 * @returns whether there was something to do
 */
export async function renumberFacts(owner: Client): Promise<boolean> {
  if (!(await isAhead(owner))) return false;
  // One snapshot for all: what others record meanwhile is not seen, and has numbers of this cluster.
  await owner.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  try {
    await owner.query('LOCK TABLE roster.event_cursors IN EXCLUSIVE MODE');
    const former = await formerOnes(owner);
    const { rows } = await owner.query<{ partition: string }>(
      `SELECT inhrelid::regclass::text AS partition FROM pg_inherits WHERE inhparent = 'roster.events'::regclass`,
    );
    // A partition at a time: a statement that takes too long is cut.
    for (const { partition } of rows)
      await owner.query(
        `UPDATE ${partition} e SET xid = ${numberOf('e')} WHERE NOT (e.xid < $1 AND e.seq > $2)`,
        former,
      );
    await owner.query(
      `UPDATE roster.event_cursors e SET xid = ${numberOf('e')}, seq = ${LAST_SEQ} WHERE NOT (e.xid < $1 AND e.seq > $2)`,
      former,
    );
    await owner.query('COMMIT');
    return true;
  } catch (error) {
    await owner.query('ROLLBACK');
    throw error;
  }
}

/** Before the first migration there are no such tables. */
async function isAhead(owner: Client): Promise<boolean> {
  const { rows } = await owner.query<{ ahead: boolean }>(
    `SELECT coalesce(greatest(
       (SELECT xid FROM roster.events ORDER BY xid DESC LIMIT 1),
       (SELECT xid FROM roster.event_cursors ORDER BY xid DESC LIMIT 1)
     ) >= pg_snapshot_xmax(pg_current_snapshot()), false) AS ahead`,
  );
  return rows[0]!.ahead;
}

/** Where this cluster's numbers end, and the last of the sequence that the former one gave: it goes on with a restore. */
async function formerOnes(owner: Client): Promise<[xid: string, seq: string]> {
  const { rows } = await owner.query<{ xid: string; seq: string }>(
    `SELECT next AS xid, greatest(
       (SELECT max(seq) FROM roster.events WHERE xid >= next),
       (SELECT max(seq) FROM roster.event_cursors WHERE xid >= next AND seq < ${LAST_SEQ}), 0
     ) AS seq FROM pg_snapshot_xmax(pg_current_snapshot()) AS next`,
  );
  return [rows[0]!.xid, rows[0]!.seq];
}

/** Counts the readers' places before a row, as SQL. @param row a trusted name */
function numberOf(row: string): string {
  const places = `SELECT count(*) FROM (SELECT DISTINCT xid, seq FROM roster.event_cursors) c WHERE (c.xid, c.seq) < (${row}.xid, ${row}.seq)`;
  return `((${FIRST} + (${places}))::text)::xid8`;
}
