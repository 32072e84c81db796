import { AsyncLocalStorage } from 'node:async_hooks';

import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { Pool, PoolClient, QueryConfig, QueryResult } from 'pg';
import { DataSource } from 'typeorm';
import type { EntityTarget, ObjectLiteral, Repository } from 'typeorm';

import { currentRequest } from '../logging/request-context.js';
import { NO_CONNECTION, remainingBudget, withinBudget } from './budget.js';
import { isRetryable, isStalePlan } from './database-errors.js';
import { DatabaseTimeout } from './impatient-client.js';
import { NamedQuery, ask } from './named-query.js';
import { Pipeline } from './pipeline.js';
import { lookup, statement } from './statement.js';
import type { Statement } from './statement.js';
import { begin, flush, flushAndCommit, isBroken, rollBack, scopeOn, whatWasLost } from './transaction.js';
import type { AfterCommit, BeforeCommit, Scope } from './transaction.js';

export { lookup, statement };
export type { Statement };

type Taken = Parameters<Pool['connect']>[0];

/** A transaction that stays open after its work, until whoever holds it has done what belongs to it. */
interface Held {
  /** Runs first in the transaction, as part of it. */
  readonly begun: () => Promise<void>;
  scope: Scope | null;
}

const ATTEMPTS = 3;
const BATCH = 2000;

/** The one door to PostgreSQL. The transaction is carried by AsyncLocalStorage, so that no caller can escape it. */
@Injectable()
export class Database implements OnApplicationShutdown {
  private readonly scopes = new AsyncLocalStorage<Scope>();
  private readonly held = new AsyncLocalStorage<Held>();
  private pipeline: Pipeline | null = null;

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
    const held = this.held.getStore();
    if (held?.scope) return this.underSavepoint(held.scope, work);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return held ? await this.open(held, work) : await this.attempt(work);
      } catch (error) {
        if (attempt === ATTEMPTS || !isRetryable(error)) throw error;
      }
    }
  }

  /**
   * Runs `work` so that its transaction ends only after `finish`, which is given what `work` made of it and is part of
   * it. Work that fails before its transaction leaves none; work that fails after it commits it without `finish`, as it
   * would have been without us. Later transactions of the same work are part of the first, under a savepoint.
   * @param begun runs first in the transaction; what it throws is thrown to `work`
   */
  async hold<T>(
    begun: () => Promise<void>,
    work: () => Promise<T>,
    finish: (made: T) => Promise<void> | void,
  ): Promise<T> {
    const held: Held = { begun, scope: null };
    return this.held.run(held, async () => {
      try {
        const made = await work();
        // Nothing was changed: what belongs to it is kept all the same.
        if (!held.scope) await this.transaction(() => Promise.resolve());
        await this.scopes.run(held.scope!, async () => finish(made));
        return made;
      } catch (error) {
        const { scope } = held;
        // A statement of its own broke it: there is nothing left that could be committed.
        if (!scope || !isBroken(scope)) throw error;
        held.scope = null;
        return await this.ending(scope, () => Promise.reject(error as Error));
      } finally {
        if (held.scope) await this.ending(held.scope, () => Promise.resolve());
      }
    });
  }

  /**
   * Runs last in the caller's transaction, before COMMIT: for what is gathered and written at once. The statements that
   * hooks return are run as one.
   */
  beforeCommit(hook: BeforeCommit): void {
    this.scope().beforeCommit.push(hook);
  }

  /** Runs after COMMIT was acknowledged, and never if it was not. It must not throw: the change is made already. */
  afterCommit(hook: AfterCommit): void {
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
    const { open, idle } = this.pipeline?.connections() ?? { open: 0, idle: 0 };
    return { total: totalCount + open, idle: idleCount + idle, waiting: waitingCount };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pipeline?.close();
  }

  /** Made when first asked for: TypeORM makes the pool, whose settings it shares, only when it connects. */
  private lookups(): Pipeline {
    const { lanes = 0 } = (this.source.options as { extra?: { lanes?: number } }).extra ?? {};
    return (this.pipeline ??= new Pipeline(this.pool.options as never, lanes, (query) => this.runAlone(query)));
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
    // What is held open has rows that nobody else can see yet.
    const scope = this.scopes.getStore() ?? this.held.getStore()?.scope;
    if (scope) return ask(scope.client, query);
    const shared =
      typeof question !== 'string' && question.lookup ? this.lookups().ask(query, currentRequest()?.deadline) : null;
    return shared ?? this.runAlone(query);
  }

  /** Callbacks, for this is the hottest path of all: promises round the pool cost 5 µs a statement (tried). */
  private runAlone(query: QueryConfig): Promise<QueryResult> {
    return new Promise((resolve, reject) => {
      const { pool } = this;
      // Whoever waits for a connection is called in the name of another, perhaps long over, who let go of one or had it
      // opened: the deadline goes with the query, and is the same for waiting and asking.
      const deadline = performance.now() + remainingBudget();
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
            const isStale = isStalePlan(error);
            release(isStale);
            // Each connection that is thrown away is one less that could be of an older schema.
            if (isStale) resolve(this.runAlone(query));
            else if (error) reject(error);
            else resolve(result);
          });
      };
      pool.connect(taken);
    });
  }

  private async attempt<T>(work: () => Promise<T>): Promise<T> {
    const scope = await this.begin();
    return this.ending(scope, () => this.scopes.run(scope, work));
  }

  private begin(): Promise<Scope> {
    return begin(this.source, (runner) =>
      withinBudget(runner.connect() as Promise<PoolClient>, () => void runner.release()),
    );
  }

  /** Commits after the work, or undoes it. */
  private async ending<T>(scope: Scope, work: () => Promise<T>): Promise<T> {
    const { runner } = scope;
    try {
      const result = await work();
      await this.scopes.run(scope, () => flushAndCommit(scope));
      // What they do is no part of what was committed.
      this.scopes.exit(() => this.held.exit(() => scope.afterCommit.forEach((hook) => void hook())));
      return result;
    } catch (error) {
      throw await this.undo(scope, error);
    } finally {
      await runner.release();
    }
  }

  private async undo({ runner }: Scope, error: unknown): Promise<unknown> {
    const told = whatWasLost(runner, error);
    await rollBack(runner, told);
    return told;
  }

  /** The first transaction of whoever holds it: work that fails undoes it at once. */
  private async open<T>(held: Held, work: () => Promise<T>): Promise<T> {
    const scope = await this.begin();
    try {
      const value = await this.scopes.run(scope, async () => {
        await held.begun();
        return work();
      });
      held.scope = scope;
      return value;
    } catch (error) {
      const told = await this.undo(scope, error);
      await scope.runner.release();
      throw told;
    }
  }

  /** What fails is undone, and what it recorded is forgotten; the transaction round it goes on. */
  private async underSavepoint<T>(outer: Scope, work: () => Promise<T>): Promise<T> {
    const { runner, client } = outer;
    const scope = scopeOn(runner, client);
    await this.flushFirst(outer);
    await client.query('SAVEPOINT held');
    try {
      const value = await this.scopes.run(scope, work);
      await this.scopes.run(scope, () => flush(scope));
      await client.query('RELEASE SAVEPOINT held');
      outer.afterCommit.push(...scope.afterCommit);
      return value;
    } catch (error) {
      await client.query('ROLLBACK TO SAVEPOINT held');
      throw error;
    }
  }

  /** What the transaction round it has gathered happened before: it is written before. A failure undoes all of it. */
  private async flushFirst(outer: Scope): Promise<void> {
    try {
      await this.scopes.run(outer, () => flush(outer));
    } catch (error) {
      outer.beforeCommit.push(() => {
        throw error;
      });
      throw error;
    }
  }
}
