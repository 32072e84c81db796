import { setTimeout as sleep } from 'node:timers/promises';

import type { QueryRunner } from 'typeorm';

/** How long a statement may wait for its lock, since everybody who writes queues behind it; it tries again. */
const SHORTLY = "SET lock_timeout = '100ms'";
/** Milliseconds between two tries, and some ten minutes of them. */
const PAUSE = 1000;
const TRIES = 600;

interface Index {
  readonly name: string;
  /** With its schema. */
  readonly table: string;
  /** What stands behind the table's name: columns, and a condition. */
  readonly on: string;
}

/**
 * Makes an index while everybody goes on writing. For a migration with `transaction = false`, which begins anew where it
 * was interrupted: what is there is kept, and what was left half made is made again. Inside a transaction (a restore
 * into an empty database) it is made at once.
 */
export async function addIndex(runner: QueryRunner, index: Index): Promise<void> {
  if (runner.isTransactionActive) await runner.query(create(index, ''));
  else await concurrently(runner, index);
}

/** The same for a partitioned table, whose partitions have it one after another. */
export async function addPartitionedIndex(runner: QueryRunner, index: Index): Promise<void> {
  if (runner.isTransactionActive) return void (await runner.query(create(index, '')));
  const { name, table, on } = index;
  const schema = table.split('.')[0]!;
  await shortly(runner, `CREATE INDEX IF NOT EXISTS ${name} ON ONLY ${table} ${on}`);
  for (const partition of await withoutIt(runner, table, `${schema}.${name}`)) {
    const own = [partition, ...on.match(/\w+/g)!, 'idx'].join('_');
    await concurrently(runner, { name: own, table: `${schema}.${partition}`, on });
    await shortly(runner, `ALTER INDEX ${schema}.${name} ATTACH PARTITION ${schema}.${own}`);
  }
}

/** Partitions that were made meanwhile have it from their beginning. */
async function withoutIt(runner: QueryRunner, table: string, index: string): Promise<string[]> {
  const rows = (await runner.query(
    `SELECT c.relname AS name FROM pg_inherits p JOIN pg_class c ON c.oid = p.inhrelid
     WHERE p.inhparent = $1::regclass AND NOT EXISTS (
       SELECT FROM pg_inherits i JOIN pg_index x ON x.indexrelid = i.inhrelid
       WHERE i.inhparent = $2::regclass AND x.indrelid = c.oid)
     ORDER BY c.relname`,
    [table, index],
  )) as { name: string }[];
  // They become part of statements: what is no plain name is not ours.
  const strange = rows.find(({ name }) => !/^[a-z0-9_]+$/.test(name));
  if (strange) throw new Error(`A partition has a strange name: ${JSON.stringify(strange.name)}`);
  return rows.map(({ name }) => name);
}

/** One that is there and not valid was left by somebody who was interrupted. */
async function concurrently(runner: QueryRunner, index: Index): Promise<void> {
  const name = `${index.table.split('.')[0]}.${index.name}`;
  const rows = (await runner.query('SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)', [
    name,
  ])) as { valid: boolean }[];
  if (rows[0]?.valid) return;
  if (rows.length > 0) await runner.query(`DROP INDEX CONCURRENTLY ${name}`);
  await runner.query(create(index, 'CONCURRENTLY'));
}

function create({ name, table, on }: Index, how: string): string {
  return `CREATE INDEX ${how} ${name} ON ${table} ${on}`;
}

/** Waits for its lock again and again, and each time not long. */
async function shortly(runner: QueryRunner, deed: string): Promise<void> {
  await runner.query(SHORTLY);
  for (let tries = 1; !(await isDone(runner, deed, tries === TRIES)); tries += 1) await sleep(PAUSE);
  await runner.query('RESET lock_timeout');
}

/** @param isLast what it throws for want of its lock is thrown */
async function isDone(runner: QueryRunner, deed: string, isLast: boolean): Promise<boolean> {
  try {
    await runner.query(deed);
    return true;
  } catch (error) {
    if (isLast || (error as { code?: string }).code !== '55P03') throw error;
    return false;
  }
}
