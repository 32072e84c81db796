import { Client } from 'pg';
import type { ClientConfig, QueryConfig, QueryResult } from 'pg';

import { DatabaseTimeout, REQUEST_BUDGET, lookNowAndThen } from './impatient-client.js';
import { isStalePlan } from './database-errors.js';
import { NamedQuery } from './named-query.js';

/** How many connections carry all look-ups: a second one halves what waits behind a late answer (measured). */
const LANES = 2;
/** Of fewer connections none is taken away from the others. */
const LEAST_POOL = 4;
const LATE = 'PostgreSQL did not answer in time';
const RECONNECT_AFTER = 1000;

/** How many of a process's connections are lanes. */
export function lanesOf(connections: number): number {
  return connections >= LEAST_POOL ? LANES : 0;
}

interface Waiting {
  readonly deadline: number;
  readonly sentAt: number;
  readonly refuse: (error: Error) => void;
}

/** Asks somewhere else. */
type Elsewhere = (query: QueryConfig) => Promise<QueryResult>;

/**
 * Look-ups by key over a few shared connections: each is sent without waiting for the one before, and those of one turn
 * of the event loop leave in one write. Halves the CPU of a read on both sides (docs/decisions/0007). For statements
 * that are answered at once: whatever is slow would keep all that come after it waiting.
 */
export class Pipeline {
  private readonly lanes: Lane[];
  private turn = 0;

  /**
   * @param config how each connection is made, as for the pool
   * @param elsewhere answers what a lane cannot
   */
  constructor(config: ClientConfig, lanes: number, elsewhere: Elsewhere) {
    this.lanes = Array.from({ length: lanes }, () => new Lane(config, elsewhere));
  }

  /** @returns null while no lane can carry it: whoever asks has the pool */
  ask(query: QueryConfig, deadline: number | undefined): Promise<QueryResult> | null {
    const { lanes } = this;
    if (lanes.length === 0) return null;
    this.turn = (this.turn + 1) % lanes.length;
    return lanes[this.turn]!.ask(query, deadline ?? performance.now() + REQUEST_BUDGET);
  }

  /** Connections that are open, and those of them that nobody waits for. */
  connections(): { open: number; idle: number } {
    const open = this.lanes.filter(({ isOpen }) => isOpen);
    return { open: open.length, idle: open.filter(({ isIdle }) => isIdle).length };
  }

  /** What was asked is answered first; nothing is taken on any more. */
  async close(): Promise<void> {
    await Promise.all(this.lanes.splice(0).map((lane) => lane.close()));
  }
}

class Lane {
  private client: Client | null = null;
  private connecting = false;
  private retryAt = 0;
  private corked = false;
  /** In the order in which they were asked, which is that of the answers. */
  private readonly waiting: Waiting[] = [];
  /** Statements that this connection has prepared; one that is being prepared is not sent a second time. */
  private readonly prepared = new Map<string, boolean>();
  private readonly watch: NodeJS.Timeout;

  constructor(
    private readonly config: ClientConfig,
    private readonly elsewhere: Elsewhere,
  ) {
    this.watch = lookNowAndThen((now) => this.endIfLate(now));
  }

  get isOpen(): boolean {
    return this.client !== null;
  }

  get isIdle(): boolean {
    return this.waiting.length === 0;
  }

  ask(query: QueryConfig, deadline: number): Promise<QueryResult> | null {
    const { client } = this;
    if (!client) {
      this.connect();
      return null;
    }
    const name = query.name!;
    const isPrepared = this.prepared.get(name);
    if (isPrepared === false) return null;
    if (isPrepared === undefined) this.prepared.set(name, false);
    return this.send(client, query, deadline, isPrepared === undefined);
  }

  async close(): Promise<void> {
    clearInterval(this.watch);
    this.retryAt = Number.POSITIVE_INFINITY;
    const { client } = this;
    this.client = null;
    await client?.end();
  }

  private send(client: Client, query: QueryConfig, deadline: number, first: boolean): Promise<QueryResult> {
    return new Promise((resolve, reject) => {
      const answer = (error: Error | null, result?: QueryResult): void => {
        this.waiting.shift();
        // One that failed while it was prepared is prepared again; of one that is known the text does not change.
        if (first && error) this.prepared.delete(query.name!);
        else if (first) this.prepared.set(query.name!, true);
        if (error && isStalePlan(error)) resolve(this.retire(client, query));
        else if (error) reject(error);
        else resolve(result!);
      };
      this.waiting.push({ deadline, sentAt: performance.now(), refuse: reject });
      this.cork(client);
      client.query(new NamedQuery(query, undefined) as unknown as QueryConfig, answer);
    });
  }

  /** One write for everything that is asked in this turn of the event loop. */
  private cork(client: Client): void {
    if (this.corked) return;
    const { stream } = (client as unknown as { connection: { stream: { cork(): void; uncork(): void } } }).connection;
    this.corked = true;
    stream.cork();
    setImmediate(() => {
      this.corked = false;
      stream.uncork();
    });
  }

  private connect(): void {
    if (this.connecting || performance.now() < this.retryAt) return;
    this.connecting = true;
    const client = new Client({ ...this.config, pipeline: true } as ClientConfig);
    const lost = (): void => {
      // Those who wait are told by pg; whoever asks next makes a new connection, or takes the pool.
      if (this.client === client) this.client = null;
      this.prepared.clear();
    };
    client.on('error', lost).on('end', lost);
    client
      .connect()
      .then(
        () => {
          if (this.retryAt === Number.POSITIVE_INFINITY) void client.end();
          else this.client = client;
        },
        () => {
          // The pool tells of it, to whoever needs the database now.
          this.retryAt = Math.max(this.retryAt, performance.now() + RECONNECT_AFTER);
        },
      )
      .finally(() => {
        this.connecting = false;
      });
  }

  /** Takes no more, answers what was asked, and ends: what it has prepared is of an older schema. */
  private retire(client: Client, query: QueryConfig): Promise<QueryResult> {
    if (this.client === client) {
      this.client = null;
      this.prepared.clear();
      // Whoever waits is answered first.
      client.end().catch(() => {
        // Lost before it could end: that it is gone is what was wanted.
      });
    }
    return this.elsewhere(query);
  }

  /**
   * Whoever can wait no longer is told so, alone: they may have come with little time left. A connection that has been
   * silent for as long as a request may take is dead, and all who wait on it with it.
   */
  private endIfLate(now: number): void {
    const [oldest] = this.waiting;
    if (!this.client || !oldest) return;
    for (const { deadline, refuse } of this.waiting) if (deadline <= now) refuse(new DatabaseTimeout(LATE));
    if (oldest.sentAt + REQUEST_BUDGET > now) return;
    const { stream } = (this.client as unknown as { connection: { stream: { destroy(cause: Error): void } } })
      .connection;
    stream.destroy(new DatabaseTimeout(LATE));
  }
}
