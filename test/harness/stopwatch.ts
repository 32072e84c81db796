import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds between two looks, and the longest that one may count for: for longer the machine stood still. */
const LOOKS_EVERY = 10;
const COUNTS_AT_MOST = 250;
/** Nothing is waited for longer, however long the machine stood still meanwhile. Milliseconds. */
const END = 30_000;

/**
 * Asks again and again until it is so. @returns the milliseconds until then, of which a machine that stood still, and
 * with it all that is measured, counts for a quarter of a second at most
 */
export async function timeUntil(isSo: () => Promise<boolean>): Promise<number> {
  let counted = 0;
  const began = performance.now();
  for (let since = began; ;) {
    const so = await isSo();
    const now = performance.now();
    counted += Math.min(now - since, COUNTS_AT_MOST);
    if (so) return counted;
    if (now - began > END) throw new Error(`It never was so in ${END} ms`);
    since = now;
    await pause(LOOKS_EVERY);
  }
}

/** The milliseconds that it takes, counted in the same way. */
export async function timeOf(deed: () => Promise<unknown>): Promise<number> {
  let isDone = false;
  const done = deed().finally(() => (isDone = true));
  const [took] = await Promise.all([timeUntil(() => Promise.resolve(isDone)), done]);
  return took;
}
