import { setTimeout as pause } from 'node:timers/promises';

import { isCancelled } from '../../src/platform/database/database-errors.js';
import { DatabaseTimeout } from '../../src/platform/database/impatient-client.js';

const TRIES = 3;

/**
 * Sends again what was answered 503, after as many seconds as `Retry-After` says: a machine that stood still for longer
 * than a request may take says no more of it than that. What is answered so each time is told.
 */
export async function patiently<T extends { readonly status: number }>(
  send: () => Promise<T>,
  retryAfter: (answer: T) => string | undefined,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const answer = await send();
    const seconds = answer.status === 503 ? retryAfter(answer) : undefined;
    if (seconds === undefined || tries === TRIES) return answer;
    // Whoever reads the run sees how often.
    process.stdout.write('\nTold 503, and asked again\n');
    await pause(Number(seconds) * 1000);
  }
}

/** Does once more what a test prepares with, past the API, and a statement of which took longer than it may. */
export async function again<T>(prepare: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1)
    try {
      return await prepare();
    } catch (error) {
      if (tries === TRIES || !(isCancelled(error) || error instanceof DatabaseTimeout)) throw error;
      process.stdout.write('\nThe database was too slow for a test, and was asked again\n');
    }
}
