import type { Client } from 'pg';

/** The first number that PostgreSQL gives to a transaction of anybody; a new cluster has used some 700 for itself. */
const FIRST = 3;
/** A cursor that stands here stands after every fact of its number. */
const LAST_SEQ = '9223372036854775807';

/**
 * The number of the transaction orders facts, and is a count of the cluster: one into which a dump was restored begins
 * anew, far below. Then every reader stands ahead of all that will ever happen, and reads nothing more, in silence.
 * This gives all that the former cluster counted new numbers, below those that will come: to the facts between the same
 * two places (where a reader stands, or where somebody began to listen) the same number, so that their sequence orders
 * them and nobody reads one twice or leaves one out. What the new cluster has counted already stays. All of it is one
 * transaction, else a reader would see half of it; it runs once after a restore, before anything is served. It may be
 * called at any time: mostly there is nothing to do.
 * @param owner a connection of the role that owns the tables
 * @returns whether there was something to do
 */
export async function renumberFacts(owner: Client): Promise<boolean> {
  const others = await otherNumbers(owner);
  if (!(await isAhead(owner, others))) return false;
  const former = await formerOnes(owner);
  const places = await placesOf(owner, others);
  await makeRoom(owner, places.length);
  // One snapshot for all: what others record meanwhile is not seen, and has numbers of this cluster.
  await owner.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  try {
    await owner.query('LOCK TABLE roster.event_cursors IN EXCLUSIVE MODE');
    for (const [table, change] of await changesOf(owner, others))
      await owner.query(`UPDATE ${table} e SET ${change}`, [...former, places]);
    await owner.query('COMMIT');
    return true;
  } catch (error) {
    await owner.query('ROLLBACK');
    throw error;
  }
}

/** A column that holds numbers of transactions, beside the facts and their readers. */
interface Numbers {
  readonly table: string;
  readonly column: string;
  /** With a place in the sequence: of a fact. Without: from where on somebody listens. */
  readonly isPlace: boolean;
}

/** Found, not listed: one that a later migration adds is not forgotten. */
const OTHERS = `
  SELECT format('%I.%I', n.nspname, c.relname) AS "table", quote_ident(a.attname) AS "column",
    EXISTS (SELECT FROM pg_attribute s WHERE s.attrelid = c.oid AND s.attname = 'seq') AS "isPlace"
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'roster' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.atttypid = 'xid8'::regtype
    AND a.attnum > 0 AND c.relname NOT IN ('events', 'event_cursors')
  ORDER BY 1, 2`;

async function otherNumbers(owner: Client): Promise<Numbers[]> {
  return (await owner.query<Numbers>(OTHERS)).rows;
}

/** What is told of a fact is never ahead where the fact is not; to look through all of it would take its time. */
async function isAhead(owner: Client, others: readonly Numbers[]): Promise<boolean> {
  const newest = [...others.filter(({ isPlace }) => !isPlace), ...ORDERED].map(
    ({ table, column }) => `(SELECT ${column} FROM ${table} ORDER BY ${column} DESC LIMIT 1)`,
  );
  const { rows } = await owner.query<{ ahead: boolean }>(
    `SELECT coalesce(greatest(${newest.join(', ')}) >= pg_snapshot_xmax(pg_current_snapshot()), false) AS ahead`,
  );
  return rows[0]!.ahead;
}

const ORDERED = ['roster.events', 'roster.event_cursors'].map((table) => ({ table, column: 'xid' }));

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

/** A place in the order of the former cluster as one number, which compares as the place does. SQL. */
function keyOf(xid: string, seq: string): string {
  return `(${xid}::text::numeric * 9223372036854775808 + ${seq})`;
}

async function placesOf(owner: Client, others: readonly Numbers[]): Promise<string[]> {
  const listeners = others
    .filter(({ isPlace }) => !isPlace)
    .map(({ table, column }) => `UNION SELECT ${keyOf(column, '0')} FROM ${table} WHERE ${column} IS NOT NULL`);
  const { rows } = await owner.query<{ place: string }>(
    `SELECT ${keyOf('xid', 'seq')} AS place FROM roster.event_cursors ${listeners.join(' ')} ORDER BY 1`,
  );
  return rows.map(({ place }) => place);
}

/** A young cluster has not counted so far: each transaction counts one on. */
async function makeRoom(owner: Client, places: number): Promise<void> {
  for (;;) {
    const { rows } = await owner.query<{ enough: boolean }>(
      'SELECT pg_current_xact_id()::text::numeric > $1::int AS enough',
      [FIRST + places],
    );
    if (rows[0]!.enough) return;
  }
}

/** Of each table, a partition at a time: a statement that takes too long is cut. $1 and $2 are the former ones, $3 the places. */
async function changesOf(owner: Client, others: readonly Numbers[]): Promise<[table: string, change: string][]> {
  const { rows } = await owner.query<{ partition: string }>(
    `SELECT inhrelid::regclass::text AS partition FROM pg_inherits WHERE inhparent = 'roster.events'::regclass`,
  );
  const ofFormer = 'WHERE NOT (e.xid < $1 AND e.seq > $2)';
  // How many places lie before it.
  const fact = numberOf(`${keyOf('e.xid', 'e.seq')} - 1`);
  return [
    ...rows.map(({ partition }): [string, string] => [partition, `xid = ${fact} ${ofFormer}`]),
    ...others.map(({ table, column, isPlace }): [string, string] => {
      if (isPlace) return [table, `${column} = ${fact} ${ofFormer}`];
      // Those that lie at it or after it are above: its own place is one of those before them. It has no place in the sequence.
      const since = numberOf(keyOf(`e.${column}`, '0'));
      return [table, `${column} = ${since} WHERE $1::xid8 IS NOT NULL AND $2::bigint IS NOT NULL`];
    }),
    ['roster.event_cursors', `xid = ${fact}, seq = ${LAST_SEQ} ${ofFormer}`],
  ];
}

/** @param key SQL */
function numberOf(key: string): string {
  return `((${FIRST} + width_bucket(${key}, $3::numeric[]))::text)::xid8`;
}
