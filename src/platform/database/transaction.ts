import type { PoolClient } from 'pg';
import type { DataSource, QueryRunner } from 'typeorm';

import { isStalePlan } from './database-errors.js';
import { DatabaseTimeout } from './impatient-client.js';
import { ask, askAndCommit } from './named-query.js';
import type { Statement } from './statement.js';

/** A statement that is the last thing done in a transaction, together with the others of its kind. */
export interface Deed {
  readonly deed: Statement;
  readonly values: readonly unknown[];
}
export type BeforeCommit = () => Promise<void> | void | Deed;
export type AfterCommit = () => Promise<void> | void;

/** One transaction: its connection, and what is to be done round its end. */
export interface Scope {
  readonly runner: QueryRunner;
  readonly client: PoolClient;
  readonly beforeCommit: BeforeCommit[];
  readonly afterCommit: AfterCommit[];
  readonly locals: Map<symbol, unknown>;
}

export function scopeOn(runner: QueryRunner, client: PoolClient): Scope {
  return { runner, client, beforeCommit: [], afterCommit: [], locals: new Map() };
}

/** @param connect waits for a connection, but not for ever */
export async function begin(source: DataSource, connect: (runner: QueryRunner) => Promise<PoolClient>): Promise<Scope> {
  const runner = source.createQueryRunner();
  const client = await connect(runner);
  try {
    await runner.startTransaction();
  } catch (error) {
    const told = whatWasLost(runner, error);
    await runner.release();
    throw told;
  }
  return scopeOn(runner, client);
}

/** Writes what was gathered for the end. What comes later is gathered anew. */
export async function flush(scope: Scope): Promise<void> {
  const last = await gathered(scope);
  if (last) await ask(scope.client, last);
}

/** The same, and commits, in one round trip. */
export async function flushAndCommit(scope: Scope): Promise<void> {
  const last = await gathered(scope);
  if (!last) return scope.runner.commitTransaction();
  await askAndCommit(scope.client, last);
  // As TypeORM's own commit leaves it.
  Object.assign(scope.runner, { isTransactionActive: false, transactionDepth: 0 });
}

/** What hooks return, as one statement, whatever it is. */
async function gathered({ beforeCommit, locals }: Scope): Promise<(Statement & { values: unknown[] }) | null> {
  const deeds: Deed[] = [];
  locals.clear();
  for (let hook = beforeCommit.shift(); hook; hook = beforeCommit.shift()) {
    const deed = await hook();
    if (deed) deeds.push(deed);
  }
  if (deeds.length === 0) return null;
  const { deed, values } = deeds.length === 1 ? deeds[0]! : together(deeds);
  return { ...deed, values: [...values] };
}

const merged = new Map<string, Statement>();

/** Statements as one: all but the last are WITH queries of it (PostgreSQL 7.8.4), and the parameters count on. */
function together(deeds: readonly Deed[]): Deed {
  const name = deeds.map(({ deed }) => deed.name).join('+');
  let deed = merged.get(name);
  if (!deed) {
    let before = 0;
    const texts = deeds.map((each) => {
      const shift = before;
      before += each.values.length;
      return each.deed.text.replace(/\$(\d+)/g, (_, at: string) => `$${Number(at) + shift}`);
    });
    const last = texts.pop()!;
    deed = { name, text: `WITH ${texts.map((text, at) => `deed_${at} AS (${text})`).join(', ')} ${last}` };
    merged.set(name, deed);
  }
  return { deed, values: deeds.flatMap((each) => [...each.values]) };
}

/** Whether PostgreSQL does nothing more for the transaction but roll it back (its protocol, 55.7: ReadyForQuery `E`). */
export function isBroken({ client }: Scope): boolean {
  return (client as unknown as { getTransactionStatus(): string | null }).getTransactionStatus() === 'E';
}

/** TypeORM lets go of a connection that was lost, and then says only that it has none. */
export function whatWasLost(runner: QueryRunner, error: unknown): unknown {
  return runner.isReleased ? new DatabaseTimeout('The connection to PostgreSQL was lost', { cause: error }) : error;
}

/** Undoes everything. A connection that cannot even roll back is not worth keeping: releasing it with the error destroys it. */
export async function rollBack(runner: QueryRunner, cause: unknown): Promise<void> {
  if (!runner.isTransactionActive || runner.isReleased) return;
  try {
    await runner.rollbackTransaction();
    if (isStalePlan(cause)) await destroy(runner, cause);
  } catch {
    await destroy(runner, cause);
  }
}

function destroy(runner: QueryRunner, cause: unknown): Promise<void> {
  return (runner as unknown as { releasePostgresConnection(error: unknown): Promise<void> }).releasePostgresConnection(
    cause,
  );
}
