import { Client } from 'pg';
import type { ClientConfig } from 'pg';

import { currentRequest } from '../logging/request-context.js';

/** What a request may spend on everything, and what work outside a request may spend on one statement. Milliseconds. */
export const REQUEST_BUDGET = 2500;

const LOOK_EVERY = 100;
/** Whoever looks so much later stood still, or was busy, and has not read what was answered meanwhile. Milliseconds. */
const STOOD_STILL = 1000;
const clients = new Set<ImpatientClient>();
let watch: NodeJS.Timeout | undefined;

/** A statement was not answered in time; its connection is gone, and with it whatever transaction was open on it. */
export class DatabaseTimeout extends Error {}

type Callback = (...outcome: unknown[]) => void;
type AnyQuery = (...parts: unknown[]) => unknown;

/**
 * A connection that ends itself when an answer is late. pg's own `query_timeout` drops statements that are still
 * queued: after a frozen server its ROLLBACK never ran, the connection went back to the pool inside a transaction, and
 * a later INSERT that was acknowledged was lost (tried). A destroyed socket cannot be given to anybody.
 */
export class ImpatientClient extends Client {
  private waiting = 0;
  private until = Number.POSITIVE_INFINITY;
  private readonly patience: number;

  constructor(config?: ClientConfig & { patience?: number }) {
    super(config);
    this.patience = config?.patience ?? REQUEST_BUDGET;
    clients.add(this);
    this.once('end', () => clients.delete(this));
    this.once('error', () => clients.delete(this));
    watch ??= lookNowAndThen((now) => clients.forEach((client) => client.endIfLate(now)));
    const send = this.query.bind(this) as AnyQuery;
    // Assigned, not overridden: pg's `query` has a dozen typed overloads and this one passes every form through.
    this.query = ((...parts: unknown[]) => this.timed(send, parts)) as typeof this.query;
  }

  /** Called by the one timer of the process. */
  endIfLate(now: number): void {
    if (this.waiting === 0 || now < this.until) return;
    clients.delete(this);
    const { stream } = (this as unknown as { connection: { stream: { destroy(cause: Error): void } } }).connection;
    stream.destroy(new DatabaseTimeout('PostgreSQL did not answer in time'));
  }

  private timed(send: AnyQuery, parts: unknown[]): unknown {
    const { deadline = currentRequest()?.deadline } = parts[0] as { deadline?: number | null };
    const limit = deadline ?? performance.now() + this.patience;
    this.until = this.waiting === 0 ? limit : Math.min(this.until, limit);
    this.waiting += 1;
    const last = parts.at(-1);
    if (typeof last === 'function') {
      parts[parts.length - 1] = (...outcome: unknown[]) => {
        this.waiting -= 1;
        (last as Callback)(...outcome);
      };
      return send(...parts);
    }
    const answer = send(...parts) as Promise<unknown>;
    return answer.finally(() => {
      this.waiting -= 1;
    });
  }
}

/** Looks whether anything is late, but for the first time after this process stood still. */
export function lookNowAndThen(look: (now: number) => void): NodeJS.Timeout {
  let lookedAt = performance.now();
  let forgiven = false;
  return setInterval(() => {
    const now = performance.now();
    forgiven = !forgiven && now - lookedAt > STOOD_STILL;
    lookedAt = now;
    if (!forgiven) look(now);
  }, LOOK_EVERY).unref();
}
