import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { chances, oneOf } from './chances.js';
import type { Chance } from './chances.js';
import type { Fleet } from './fleet.js';
import type { Acknowledged, KeyAnswer } from './judge.js';

/** Milliseconds: for an answer, and between two deeds of a writer at most. */
const PATIENCE = 10_000;
const THINKS = 60;
const OFTEN = 0.2;
const UNAVAILABLE = 503;
const CONFLICT = 409;

interface Deed {
  readonly method: 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: (requestId: string) => object;
  /** What it is recorded as. */
  readonly type: string;
  /** Shown until there is an answer: only deeds with a key may be tried again. */
  readonly key?: string;
}

interface Answer {
  /** 0: there was none. */
  readonly status: number;
  readonly body: { readonly id?: string; readonly version?: number; readonly code?: string };
}

/** Users that are there before: versions of the same ones race. */
export interface Cast {
  /** Everybody changes them. */
  readonly changed: readonly string[];
  /** They are deleted and restored too. */
  readonly comeAndGo: readonly string[];
  /** An address that is taken: asking for it rolls a transaction back. */
  readonly takenAddress: string;
}

/** Clients that write without a pause until they are stopped, and remember what they were promised. */
export class Writers {
  readonly acknowledged: Acknowledged[] = [];
  readonly refused: string[] = [];
  readonly keys: KeyAnswer[] = [];
  /** Answers that no fault explains. */
  readonly surprises: string[] = [];
  /** Without an answer, or with 503: they may have happened, or not. */
  unknown = 0;
  /** Requests that were sent again with their key after they had been answered. */
  repeated = 0;
  private readonly underway = new Map<string, number>();
  private readonly again: Deed[] = [];
  private readonly working: Promise<void>[] = [];
  private stopped = false;
  private givenUp = false;

  constructor(
    private readonly fleet: Fleet,
    private readonly token: string,
    private readonly cast: Cast,
  ) {}

  /** @param count how many write at once */
  start(count: number, seed: number): void {
    for (let nth = 1; nth <= count; nth += 1) this.working.push(this.write(chances(seed + nth)));
  }

  /** Waits for the answers; then those who had to try again ask once more, to be given the same. */
  async stop(seed: number): Promise<void> {
    this.stopped = true;
    await Promise.all(this.working);
    const chance = chances(seed);
    for (const deed of this.again) await this.perform(deed, chance);
    this.repeated = this.again.length;
  }

  /** Nobody is there any more who could answer. */
  async giveUp(): Promise<void> {
    this.stopped = true;
    this.givenUp = true;
    await Promise.all(this.working);
  }

  /** Changes that were sent and not answered: at one process, or at all. */
  inFlight(url?: string): number {
    if (url !== undefined) return this.underway.get(url) ?? 0;
    return [...this.underway.values()].reduce((sum, count) => sum + count, 0);
  }

  private async write(chance: Chance): Promise<void> {
    while (!this.stopped) {
      await this.perform(this.next(chance), chance);
      await pause(chance() * THINKS);
    }
  }

  private next(chance: Chance): Deed {
    const draw = chance();
    if (draw < 0.3) return creation(`${randomUUID()}@example.com`);
    if (draw < 0.35) return creation(this.cast.takenAddress);
    if (draw < 0.8) return change(oneOf([...this.cast.changed, ...this.cast.comeAndGo], chance));
    const path = `/api/v1/users/${oneOf(this.cast.comeAndGo, chance)}`;
    if (draw < 0.9) return { method: 'DELETE', path, type: 'user.deleted' };
    return { method: 'POST', path: `${path}/restoration`, type: 'user.restored', key: randomUUID() };
  }

  /** With a key until it is answered; without one once, for nobody knows whether it happened. */
  private async perform(deed: Deed, chance: Chance): Promise<void> {
    const requestId = deed.key ?? randomUUID();
    for (let tries = 1; ; tries += 1) {
      const answer = await this.ask(deed, requestId, this.fleet.url(chance));
      const isUnknown = answer.status === 0 || answer.status === UNAVAILABLE;
      if (!isUnknown && answer.body.code !== 'idempotency_key_in_flight') {
        this.remember(deed, requestId, answer);
        // What was refused could be done by now.
        const isPromised = deed.key !== undefined && answer.status < 400;
        if (!this.stopped && isPromised && (tries > 1 || chance() < OFTEN)) this.again.push(deed);
        return;
      }
      if (isUnknown) this.unknown += 1;
      await pause(chance() * 200);
      if (!deed.key || this.givenUp) return;
    }
  }

  private remember({ method, path, type, key }: Deed, requestId: string, { status, body }: Answer): void {
    if (status >= 400 && status !== 404 && status !== CONFLICT)
      this.surprises.push(`${method} ${path}: ${status} ${body.code}`);
    if (status >= 400) {
      // A key that was promised something is not refused later.
      if (this.keys.some((each) => each.key === requestId)) this.surprises.push(`${type} ${requestId}: ${status}`);
      this.refused.push(requestId);
      return;
    }
    const subject = `users/${body.id ?? path.split('/').at(-1)}`;
    if (key) this.keys.push({ key, subject });
    this.acknowledged.push({ requestId, type, subject, version: body.version ?? null });
  }

  private async ask({ method, path, body, key }: Deed, requestId: string, url: string): Promise<Answer> {
    this.underway.set(url, this.inFlight(url) + 1);
    try {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.token}`,
          'x-request-id': requestId,
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...(key ? { 'idempotency-key': key } : {}),
        },
        body: body ? JSON.stringify(body(requestId)) : undefined,
        signal: AbortSignal.timeout(PATIENCE),
      });
      const text = await answer.text();
      return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) };
    } catch {
      // Killed before the answer, or in the middle of it.
      return { status: 0, body: {} };
    } finally {
      this.underway.set(url, this.inFlight(url) - 1);
    }
  }
}

function creation(email: string): Deed {
  const key = randomUUID();
  return { method: 'POST', path: '/api/v1/users', body: () => ({ email, name: 'New' }), type: 'user.created', key };
}

/** It leaves the name of its request in the user: so it is seen whose content is there. */
function change(id: string): Deed {
  const body = (turn: string): object => ({ metadata: { turn } });
  return { method: 'PATCH', path: `/api/v1/users/${id}`, body, type: 'user.updated' };
}
