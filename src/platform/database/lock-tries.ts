import { setTimeout as sleep } from 'node:timers/promises';

import { isLockNotAvailable } from './database-errors.js';

/** Milliseconds from one try to the next: by how much it grows, and how long it becomes. */
const FIRST_PAUSE = 250;
const GROWTH = 1.3;
const LONGEST_PAUSE = 10_000;
/** Some twenty minutes of them. */
const TRIES = 120;

/**
 * Tries a deed that wants a lock for itself until it gets it: it must wait for it shortly (`lock_timeout`), since
 * everybody who comes later queues behind it, and must have done nothing when it did not get it.
 * @param signal ends it between two tries, with what the last one threw
 * @throws what the last try threw
 */
export async function untilLocked<T>(deed: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let tries = 1, pause = FIRST_PAUSE; ; tries += 1, pause = Math.min(pause * GROWTH, LONGEST_PAUSE)) {
    try {
      return await deed();
    } catch (error) {
      if (!isLockNotAvailable(error) || tries === TRIES || signal?.aborted) throw error;
      await pauseFor(pause, signal);
    }
  }
}

/** @returns at once when the signal is given: the next try is the last */
async function pauseFor(milliseconds: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal, ref: false });
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}
