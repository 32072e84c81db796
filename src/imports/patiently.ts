import { setTimeout as pause } from 'node:timers/promises';

import { isUnavailable } from '../platform/database/database-errors.js';

/** So often in a row may the database be away, or too busy, before the attempt fails: a minute or so. */
const MOST_STUMBLES = 20;
/** Milliseconds until the first new try; more with each. */
const RESTS = 300;

/**
 * Long work that goes on where it was after the database was away: else one slow moment of a busy machine would cost an
 * attempt of its job, which waits longer after each.
 * @param work says whenever it has come on
 * @throws what is no fault of the database's, the last of too many stumbles, and whatever aborts the signal
 */
export async function patiently<T>(
  work: (cameOn: () => void) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (let stumbles = 1; ; stumbles += 1) {
    try {
      return await work(() => (stumbles = 0));
    } catch (error) {
      if (!isUnavailable(error) || stumbles > MOST_STUMBLES) throw error;
      await pause(RESTS * stumbles, undefined, { signal });
    }
  }
}
