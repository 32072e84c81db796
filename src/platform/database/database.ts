import { AsyncLocalStorage } from 'node:async_hooks';

import { Injectable } from '@nestjs/common';
import type { Pool, PoolClient, QueryConfig, QueryResult } from 'pg';
import { DataSource } from 'typeorm';
import type { EntityTarget, ObjectLiteral, QueryRunner, Repository } from 'typeorm';

import { currentRequest } from '../logging/request-context.js';
import { isRetryable } from './database-errors.js';
import { DatabaseTimeout, REQUEST_BUDGET } from './impatient-client.js';
import { NamedQuery } from './named-query.js';

/** SQL text with a name under which each connection keeps it prepared. The name must belong to one text only. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export function statement(name: string, text: string): Statement {
  return Object.freeze({ name, text });
}

type Taken = Parameters<Pool['connect']>[0];
type Hook = () => Promise<void> | void;

interface Scope {
  readonly runner: QueryRunner;
  readonly client: PoolClient;
  readonly beforeCommit: Hook[];
  readonly afterCommit: Hook[];
  readonly locals: Map<symbol, unknown>;
}

const ATTEMPTS = 3;
const BATCH = 2000;
const NO_CONNECTION = 'No connection to PostgreSQL came free in time';

/** The one door to PostgreSQL. The transaction is carried by AsyncLocalStorage, so that no caller can escape it. */
@Injectable()
export class Database {
  private readonly scopes = new AsyncLocalStorage<Scope>();

  constructor(private readonly source: DataSource) {}

  /** The repository of an entity inside the caller's transaction; there is none outside: plain reads use `rows`. */
  repository<E extends ObjectLiteral>(entity: EntityTarget<E>): Repository<E> {
    return this.scope().runner.manager.getRepository(entity);
  }

  /** Plain rows of a statement: named ones stay prepared. Inside a transaction if there is one. */
  async rows<T>(question: Statement | string, values: unknown[] = []): Promise<T[]> {
    return (await this.run(question, values)).rows as T[];
  }

  /** The first row, or null. */
  async row<T>(question: Statement | string, values: unknown[] = []): Promise<T | null> {
    return ((await this.run(question, values)).rows[0] as T | undefined) ?? null;
  }

  /** How many rows a statement touched. */
  async change(deed: Statement | string, values: unknown[] = []): Promise<number> {
    return (await this.run(deed, values)).rowCount ?? 0;
  }

  /**
   * Repeats a change of at most `BATCH` rows until none is left: each is a short transaction of its own.
   * @param deed trusted SQL that ends by `LIMIT $n` (or holds it), for which the batch is the last value
   */
  async changeAll(deed: string, values: unknown[]): Promise<number> {
    for (let changed = 0; ;) {
      const batch = await this.change(deed, [...values, BATCH]);
      changed += batch;
      if (batch < BATCH) return changed;
    }
  }

  inTransaction(): boolean {
    return this.scopes.getStore() !== undefined;
  }

  /**
   * Runs `work` in one transaction, or in the caller's if there is one. A deadlock or a serialization failure starts
   * it again, so `work` must change nothing but the database.
   */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    if (this.inTransaction()) return work();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.attempt(work);
      } catch (error) {
        if (attempt === ATTEMPTS || !isRetryable(error)) throw error;
      }
    }
  }

  /** Runs last in the caller's transaction, before COMMIT: for what is gathered and written at once. */
  beforeCommit(hook: Hook): void {
    this.scope().beforeCommit.push(hook);
  }

  /** Runs after COMMIT was acknowledged, and never if it was not. It must not throw: the change is made already. */
  afterCommit(hook: Hook): void {
    this.scope().afterCommit.push(hook);
  }

  /** What belongs to the caller's transaction and is gone with it: made when first asked for. */
  local<T>(key: symbol, make: () => T): T {
    const { locals } = this.scope();
    if (!locals.has(key)) locals.set(key, make());
    return locals.get(key) as T;
  }

  /** Connections: in all, idle, and requests that wait for one. */
  connections(): { total: number; idle: number; waiting: number } {
    const { totalCount, idleCount, waitingCount } = this.pool;
    return { total: totalCount, idle: idleCount, waiting: waitingCount };
  }

  private get pool(): Pool {
    return (this.source.driver as unknown as { master: Pool }).master;
  }

  private scope(): Scope {
    const scope = this.scopes.getStore();
    if (!scope) throw new Error('This needs a transaction: wrap the deed in Database.transaction()');
    return scope;
  }

  private run(question: Statement | string, values: unknown[]): Promise<QueryResult> {
    const query =
      typeof question === 'string' ? { text: question, values } : { name: question.name, text: question.text, values };
    const scope = this.scopes.getStore();
    return scope ? scope.client.query(query) : this.runAlone(query);
  }

  /** Callbacks, for this is the hottest path of all: promises round the pool cost 5 µs a statement (tried). */
  private runAlone(query: QueryConfig): Promise<QueryResult> {
    return new Promise((resolve, reject) => {
      const { pool } = this;
      // Whoever waits for a connection is called by the request that let go of one: the deadline goes with the query.
      const deadline = currentRequest()?.deadline;
      const asked = query.name ? new NamedQuery(query, deadline) : { ...query, deadline };
      let late = false;
      const tooLate = (): void => {
        late = true;
        reject(new DatabaseTimeout(NO_CONNECTION));
      };
      // An idle connection is given at once: only whoever has to wait needs a timer.
      const atOnce = pool.idleCount > 0 && pool.waitingCount === 0;
      const timer = atOnce ? undefined : setTimeout(tooLate, remainingBudget());
      const taken: Taken = (failure, client, release) => {
        clearTimeout(timer);
        // Without a connection there is nothing to release, late or not.
        if (failure) reject(failure);
        else if (late) release();
        else
          client!.query(asked as QueryConfig, (error, result) => {
            release();
            if (error) reject(error);
            else resolve(result);
          });
      };
      pool.connect(taken);
    });
  }

  private async attempt<T>(work: () => Promise<T>): Promise<T> {
    const runner = this.source.createQueryRunner();
    const scope = await this.begin(runner);
    try {
      const result = await this.scopes.run(scope, async () => {
        const value = await work();
        for (const hook of scope.beforeCommit) await hook();
        return value;
      });
      await runner.commitTransaction();
      this.scopes.exit(() => scope.afterCommit.forEach((hook) => void hook()));
      return result;
    } catch (error) {
      const told = whatWasLost(runner, error);
      await rollBack(runner, told);
      throw told;
    } finally {
      await runner.release();
    }
  }

  private async begin(runner: QueryRunner): Promise<Scope> {
    const client = await this.withinBudget(runner.connect() as Promise<PoolClient>, () => void runner.release());
    try {
      await runner.startTransaction();
    } catch (error) {
      const told = whatWasLost(runner, error);
      await runner.release();
      throw told;
    }
    return { runner, client, beforeCommit: [], afterCommit: [], locals: new Map() };
  }

  /** Waits for a connection, but not past the request's deadline: one that comes later goes straight back. */
  private async withinBudget<T>(connecting: Promise<T>, giveBack: (late: T) => void): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let late = false;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        late = true;
        reject(new DatabaseTimeout(NO_CONNECTION));
      }, remainingBudget());
    });
    try {
      return await Promise.race([connecting, timeout]);
    } finally {
      clearTimeout(timer);
      // The caller has its answer already; a connection that never comes is the pool's to tell of.
      if (late) connecting.then(giveBack, () => undefined);
    }
  }
}

/** Milliseconds that are left of the request's deadline; outside a request, a whole budget. */
function remainingBudget(): number {
  const deadline = currentRequest()?.deadline;
  return deadline === undefined ? REQUEST_BUDGET : Math.max(0, deadline - performance.now());
}

/** TypeORM lets go of a connection that was lost, and then says only that it has none. */
function whatWasLost(runner: QueryRunner, error: unknown): unknown {
  return runner.isReleased ? new DatabaseTimeout('The connection to PostgreSQL was lost', { cause: error }) : error;
}

/** A connection that cannot even roll back is not worth keeping: releasing it with the error destroys it. */
async function rollBack(runner: QueryRunner, cause: unknown): Promise<void> {
  if (!runner.isTransactionActive || runner.isReleased) return;
  try {
    await runner.rollbackTransaction();
  } catch {
    await (runner as unknown as { releasePostgresConnection(error: unknown): Promise<void> }).releasePostgresConnection(
      cause,
    );
  }
}
