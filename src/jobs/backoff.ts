import { randomInt } from 'node:crypto';

/** The longest wait before another attempt. Milliseconds: six hours. */
const LONGEST = 6 * 3_600_000;
const SPREAD = 1000;

/**
 * Milliseconds until a job is tried again: 2.7 s, 7.4 s, 20 s … (e to the number of attempts), a quarter more or less, so
 * that what failed together is not tried together.
 */
export function backoff(attempts: number): number {
  const spread = 0.75 + randomInt(SPREAD + 1) / SPREAD / 2;
  return Math.round(Math.min(LONGEST, Math.exp(attempts) * 1000) * spread);
}
