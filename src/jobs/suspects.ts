/** Whoever is well after so long is not waited for any longer. Milliseconds. */
const WATCHED_FOR = 60_000;

/**
 * Jobs under which a process has died before: one at a time, so that what stands beside the culprit is not blamed with it
 * again and again.
 */
export class Suspects {
  private last: Promise<void> = Promise.resolve();

  /** Waits for its turn. @param unless goes on at once @returns how the turn is given on */
  async turn(unless: Promise<void>): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.last;
    this.last = before.then(() => promise);
    await Promise.race([before, unless]);
    const timer = setTimeout(resolve, WATCHED_FOR).unref();
    return () => {
      clearTimeout(timer);
      resolve();
    };
  }
}
