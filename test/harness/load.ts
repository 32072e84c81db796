import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import type { Person } from './people.js';
import { unique } from './people.js';

export interface Outcome {
  readonly kind: 'read' | 'write' | 'change';
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly type: string | undefined;
  /** Milliseconds since the load began, and until the answer. */
  readonly at: number;
  readonly took: number;
  /** The user that a 201 promised. */
  readonly id?: string;
}

/** Milliseconds between two looks at the clock. */
const LOOKS_EVERY = 20;
/** By how much a timer may be late of itself. Milliseconds. */
const JITTER = 5;

/** Readers and writers that ask a listening application without a pause until they are stopped. */
export class Load {
  readonly outcomes: Outcome[] = [];
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 100 });
  private readonly beganAt = performance.now();
  private readonly workers: Promise<void>[] = [];
  private readonly still: { readonly from: number; readonly to: number; readonly lost: number }[] = [];
  private watching: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly port: number,
    private readonly somebody: Person,
  ) {}

  get now(): number {
    return performance.now() - this.beganAt;
  }

  start(readers: number, writers: number): this {
    this.watch();
    for (let index = 0; index < readers; index += 1) this.workers.push(this.loop('read'));
    for (let index = 0; index < writers; index += 1) this.workers.push(this.loop(index % 2 === 0 ? 'write' : 'change'));
    return this;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.workers);
    clearInterval(this.watching);
    this.agent.destroy();
  }

  /** How long the machine gave this process no time, between two moments. Milliseconds. */
  stoodStill(from: number, to: number): number {
    const shareOf = (gap: { from: number; to: number }): number =>
      Math.max(0, Math.min(to, gap.to) - Math.max(from, gap.from)) / (gap.to - gap.from);
    return this.still.reduce((sum, gap) => sum + gap.lost * shareOf(gap), 0);
  }

  /** Waits for so many milliseconds, without those in which the machine stood still. */
  async pass(milliseconds: number): Promise<void> {
    const from = this.now;
    while (this.now - from - this.stoodStill(from, this.now) < milliseconds) await pause(LOOKS_EVERY);
  }

  /** Those that were asked between two moments. */
  between(from: number, to: number): Outcome[] {
    return this.outcomes.filter(({ at }) => at >= from && at < to);
  }

  /** What the process is late by and did not work in: whatever it blocks itself with is its own fault. */
  private watch(): void {
    let [from, used] = [this.now, process.cpuUsage()];
    this.watching = setInterval(() => {
      const to = this.now;
      const { user, system } = process.cpuUsage(used);
      const lost = to - from - LOOKS_EVERY - (user + system) / 1000;
      if (lost > JITTER) this.still.push({ from, to, lost });
      [from, used] = [to, process.cpuUsage()];
    }, LOOKS_EVERY);
  }

  private async loop(kind: Outcome['kind']): Promise<void> {
    const own = `/api/v1/users/${this.somebody.id}`;
    while (!this.stopped) {
      if (kind === 'read') await this.ask(kind, 'GET', own);
      else if (kind === 'write')
        await this.ask(kind, 'POST', '/api/v1/users', { email: `${unique('load')}@example.com`, name: 'Load' });
      else await this.ask(kind, 'PATCH', own, { metadata: { turn: unique('') } });
      // Enough to be many requests, and not to starve the application that shares this process.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  private ask(kind: Outcome['kind'], method: string, path: string, body?: object): Promise<void> {
    const at = this.now;
    const headers = {
      authorization: `Bearer ${this.somebody.token}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
    };
    return new Promise((resolve) => {
      const sent = request(
        { port: this.port, host: '127.0.0.1', method, path, headers, agent: this.agent },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () => {
            const status = answer.statusCode!;
            const id = status === 201 ? (JSON.parse(Buffer.concat(chunks).toString()) as { id: string }).id : undefined;
            const { 'retry-after': retryAfter, 'content-type': type } = answer.headers;
            this.outcomes.push({ kind, status, retryAfter, type, at, took: this.now - at, id });
            resolve();
          });
        },
      );
      sent.on('error', () => {
        this.outcomes.push({ kind, status: 0, retryAfter: undefined, type: undefined, at, took: this.now - at });
        resolve();
      });
      sent.end(body ? JSON.stringify(body) : undefined);
    });
  }
}
