import { runMigrations as installJobs } from 'graphile-worker';
import type { Client } from 'pg';
import { MigrationExecutor } from 'typeorm';
import type { DataSource, QueryRunner } from 'typeorm';

import { OperatorFault } from '../../config/operator-fault.js';
import { withConnection } from '../data-source.js';
import { rollBack, whatWasLost } from '../transaction.js';
import { ArchiveDamaged, Tally, headOf } from './archive.js';
import type { Contents, Part, Rows, Sequence, Table, TableEnd } from './archive.js';
import { quoted, speakPlainly, tablesOf } from './catalogue.js';
import { releaseJobs } from './queue.js';
import { rowsOf } from './snapshot.js';
import { emptyAgain, placeOf, refuseFilled } from './target.js';

export interface Target {
  /** Of the role that will own the tables. */
  readonly ownerUrl: string;
  /** A DataSource of that role which knows these migrations alone. */
  readonly sourceOf: (migrations: readonly string[]) => DataSource;
  /** Every migration that this version knows. */
  readonly known: readonly string[];
}

interface Watch {
  readonly signal: AbortSignal;
  reached(rows: number, of: number): void;
}

/**
 * Writes a copy into an empty database: one transaction from the first table to the last comparison, so that whoever is
 * killed has written nothing. The tables are made by the migrations that the copy had seen; newer ones run afterwards, as
 * with every start.
 * @throws OperatorFault if the database is not empty, or the copy is of a newer version; ArchiveDamaged
 */
export async function replay(target: Target, parts: AsyncIterator<Part>, watch: Watch): Promise<Contents> {
  const head = headOf((await parts.next()).value as Part | undefined);
  refuseNewer(head.migrations, target.known);
  const { ownerUrl } = target;
  const there = await withConnection(ownerUrl, (client) => refuseFilled(client, placeOf(ownerUrl)));
  // It has transactions of its own; empty, its queue is nothing.
  await installJobs({ connectionString: ownerUrl });
  const source = target.sourceOf(head.migrations);
  try {
    await source.initialize();
    return { head, tables: await inTransaction(source, (runner) => fill(runner, parts, { ...watch, of: head })) };
  } catch (error) {
    await emptyAgain(ownerUrl, there);
    throw error;
  } finally {
    await source.destroy();
  }
}

/** @throws OperatorFault */
export function refuseNewer(migrations: readonly string[], known: readonly string[]): void {
  const unknown = migrations.find((name) => !known.includes(name));
  if (unknown)
    throw new OperatorFault(
      `The backup is of a newer version of Roster (${unknown} is unknown here): restore it with that one.`,
    );
}

async function inTransaction<T>(source: DataSource, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
  const runner = source.createQueryRunner();
  try {
    await runner.startTransaction();
    const done = await work(runner);
    await runner.commitTransaction();
    return done;
  } catch (error) {
    const told = whatWasLost(runner, error);
    await rollBack(runner, told);
    throw told;
  } finally {
    await runner.release();
  }
}

interface Filling extends Watch {
  readonly of: Contents['head'];
}

async function fill(runner: QueryRunner, parts: AsyncIterator<Part>, watch: Filling): Promise<TableEnd[]> {
  const client = (await runner.connect()) as Client;
  await makeTables(runner, client, watch.of);
  await speakPlainly(client);
  const there = new Map((await tablesOf(client)).map((table) => [table.name, table]));
  await client.query(`TRUNCATE ${[...there.keys()].join(', ')}`);
  const keys = await dropForeignKeys(client);
  const tables = await write(client, parts, { ...watch, there });
  for (const add of keys) await client.query(add);
  await compare(client, tables, there);
  await releaseJobs(client);
  for (const name of there.keys()) await client.query(`ANALYZE ${name}`);
  return tables;
}

async function makeTables(
  runner: QueryRunner,
  client: Client,
  { migrations, months }: Contents['head'],
): Promise<void> {
  await client.query('CREATE SCHEMA IF NOT EXISTS roster');
  const executor = new MigrationExecutor(runner.connection, runner);
  executor.transaction = 'none';
  await executor.executePendingMigrations();
  const ran = await client.query<{ name: string }>('SELECT name FROM roster.migrations');
  if (ran.rows.length !== migrations.length) throw new Error('The migrations of the backup did not all run');
  for (const month of months)
    await client.query('SELECT roster.ensure_partitions($1::timestamptz, 0)', [`${month.replace('_', '-')}-01T00:00Z`]);
}

const FOREIGN_KEYS = `
  SELECT format('%s DROP CONSTRAINT %I', part, conname) AS "drop",
    format('%s ADD CONSTRAINT %I %s', part, conname, pg_get_constraintdef(oid)) AS "add"
  FROM pg_constraint, format('ALTER TABLE %s', conrelid::regclass) AS part
  WHERE contype = 'f' AND conparentid = 0 AND connamespace = 'roster'::regnamespace ORDER BY oid`;

/** Tables that name each other could be filled in no order; and a key is checked faster for all rows at once. */
async function dropForeignKeys(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ drop: string; add: string }>(FOREIGN_KEYS);
  for (const { drop } of rows) await client.query(drop);
  return rows.map(({ add }) => add);
}

interface Writing extends Filling {
  readonly there: ReadonlyMap<string, Table>;
}

async function write(client: Client, parts: AsyncIterator<Part>, watch: Writing): Promise<TableEnd[]> {
  const tally = new Tally();
  let insert = '';
  for (let next = await parts.next(); !next.done; next = await parts.next()) {
    watch.signal.throwIfAborted();
    const part = next.value;
    if (part.kind === 'table-end') {
      const end = tally.tableEnd();
      if (end.sha256 !== part.sha256) throw new ArchiveDamaged(`the rows of ${part.name} changed on their way`);
    }
    tally.see(part);
    if (part.kind === 'table') insert = insertInto(part, watch.there.get(part.name));
    if (part.kind === 'rows') await client.query(insert, columnsOf(part));
    if (part.kind === 'sequence') await setSequence(client, part);
    if (part.kind === 'end') return tally.tables;
    watch.reached(tally.rows, watch.of.rows);
  }
  throw new ArchiveDamaged('it is cut: its end is missing');
}

/** Each value is read by the type of its column, as PostgreSQL wrote it. */
function insertInto(table: Table, there: Table | undefined): string {
  const known = new Map(there?.columns.map(({ name, type }) => [name, type]));
  const strange = table.columns.find(({ name, type }) => known.get(name) !== type);
  if (!there || strange)
    throw new OperatorFault(
      `This version of Roster has no ${table.name}${strange ? `.${strange.name} of type ${strange.type}` : ''}: restore with the one that made the backup.`,
    );
  const names = table.columns.map(({ name }) => quoted(name));
  const values = table.columns.map(({ type }, place) => `v.c${place}::${type}`);
  const given = table.columns.map((_, place) => `$${place + 1}::text[]`);
  return `INSERT INTO ${table.name} (${names.join(', ')}) OVERRIDING SYSTEM VALUE SELECT ${values.join(', ')}
    FROM unnest(${given.join(', ')}) AS v (${names.map((_, place) => `c${place}`).join(', ')})`;
}

function columnsOf({ rows }: Rows): (string | null)[][] {
  return rows[0]!.map((_, place) => rows.map((row) => row[place]!));
}

async function setSequence(client: Client, { name, value, called }: Sequence): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [name]);
  if (rows[0]!.there) await client.query('SELECT setval($1::regclass, $2::bigint, $3)', [name, value, called]);
}

/** What lies there now is read once more, as the copy was read. */
async function compare(client: Client, tables: readonly TableEnd[], there: ReadonlyMap<string, Table>): Promise<void> {
  for (const { name, rows, sha256 } of tables) {
    const tally = new Tally();
    const table = there.get(name)!;
    tally.see(table);
    for await (const part of rowsOf(client, table)) tally.see(part);
    const found = tally.tableEnd();
    if (found.rows !== rows || found.sha256 !== sha256)
      throw new OperatorFault(
        `${name} has ${found.rows} rows that are not the ${rows} of the copy. Nothing was changed.`,
      );
  }
}
