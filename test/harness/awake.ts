import { performance } from 'node:perf_hooks';
import { setInterval } from 'node:timers';
import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds between two looks, and what one look counts for at most. */
const LOOKS_EVERY = 20;
const MOMENT = 100;
/** Between two questions, and the longest that anything is asked for. Milliseconds. */
const ASKS_EVERY = 10;
const END = 30_000;

/** Counts the milliseconds in which this machine went on: one that stands still for seconds says nothing of what waited. */
export class AwakeClock {
  private counted = 0;
  private last = performance.now();

  constructor() {
    setInterval(() => this.look(), LOOKS_EVERY).unref();
  }

  now(): number {
    this.look();
    return this.counted;
  }

  private look(): void {
    const now = performance.now();
    this.counted += Math.min(now - this.last, MOMENT);
    this.last = now;
  }
}

const clock = new AwakeClock();

/** Asks again and again until it is so. @returns the milliseconds until then, without those in which the machine stood still */
export async function timeUntil(isSo: () => Promise<boolean>): Promise<number> {
  const [began, end] = [clock.now(), performance.now() + END];
  for (; !(await isSo()); await pause(ASKS_EVERY))
    if (performance.now() > end) throw new Error(`It never was so in ${END} ms`);
  return clock.now() - began;
}

/** The milliseconds that it takes, counted in the same way. */
export async function timeOf(deed: () => Promise<unknown>): Promise<number> {
  const began = clock.now();
  await deed();
  return clock.now() - began;
}
