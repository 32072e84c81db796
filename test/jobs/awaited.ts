import { setTimeout as pause } from 'node:timers/promises';

import { runInRequest } from '../../src/platform/logging/request-context.js';
import type { TestApp } from '../harness/app.js';

export interface KeptJob {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly payload: object | null;
  readonly attempts: number;
  readonly spared: number;
  readonly crashes: number;
  readonly result: unknown;
  readonly last_error: string | null;
  readonly run_at: Date;
  readonly finished_at: Date | null;
  readonly worker: string | null;
  readonly actor_id: string | null;
}

export async function jobOf(app: TestApp, id: string): Promise<KeptJob> {
  const [job] = await app.sql<KeptJob>('SELECT * FROM roster.jobs WHERE id = $1', [id]);
  if (!job) throw new Error(`There is no job ${id}`);
  return job;
}

/** Waits until something is so; what it is in the end is in the error. */
export async function awaitThat<T>(look: () => Promise<T>, fits: (seen: T) => boolean, patience = 30_000): Promise<T> {
  for (const since = performance.now(); ; await pause(20)) {
    const seen = await look();
    if (fits(seen)) return seen;
    if (performance.now() - since > patience) throw new Error(`Not in time: ${JSON.stringify(seen)}`);
  }
}

export function awaitState(app: TestApp, id: string, ...states: string[]): Promise<KeptJob> {
  return awaitThat(
    () => jobOf(app, id),
    ({ state }) => states.includes(state),
  );
}

/** Waits until there is no ticket of a job: the queue throws it away a moment after the job is over. */
export async function awaitNoTicket(app: TestApp, id: string): Promise<void> {
  await awaitThat(
    () => app.sql('SELECT 1 FROM graphile_worker._private_jobs WHERE key = $1', [id]),
    (tickets) => tickets.length === 0,
  );
}

/** Lets the time pass that a failed job waits for its next attempt. */
export async function passBackoff(app: TestApp, id: string): Promise<void> {
  await app.sql('UPDATE roster.jobs SET run_at = clock_timestamp() WHERE id = $1', [id]);
  await app.sql('UPDATE graphile_worker._private_jobs SET run_at = clock_timestamp() WHERE key = $1', [id]);
}

/** For a hundred at once on a busy machine: longer than a request may take. */
export function unhurried<T>(work: () => T): T {
  const deadline = performance.now() + 20_000;
  return runInRequest({ requestId: 'a-test', deadline, ip: null, userAgent: null, actorId: null }, work);
}
