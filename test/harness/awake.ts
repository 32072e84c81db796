/** Milliseconds between two looks, and what one look counts for at most. */
const LOOKS_EVERY = 20;
const MOMENT = 100;

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
