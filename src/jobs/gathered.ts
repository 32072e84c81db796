import { isUnavailable } from '../platform/database/database-errors.js';

interface Waiting<I, O> {
  readonly item: I;
  readonly resolve: (made: O) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Does for many at once what each asks for by itself: what comes while one batch is on its way is the next. Alone it waits
 * for nobody; in a swarm a statement is shared by hundreds.
 */
export class Gathered<I, O> {
  private waiting: Waiting<I, O>[] = [];
  private busy = false;

  /**
   * @param write answers for each item, in their order
   * @param most items of one batch
   */
  constructor(
    private readonly write: (items: readonly I[]) => Promise<readonly O[]>,
    private readonly most = 500,
  ) {}

  add(item: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (!this.busy) this.begin();
    });
  }

  private begin(): void {
    this.busy = true;
    // Not at once: whatever asks in the same turn is part of it.
    setImmediate(() => void this.writeAll());
  }

  private async writeAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.most);
      try {
        const made = await this.write(batch.map(({ item }) => item));
        batch.forEach(({ resolve }, index) => resolve(made[index]!));
      } catch (error) {
        await this.giveUp(batch, error);
      }
    }
    this.busy = false;
  }

  /** One that cannot be done must not keep the others from it: each by itself, unless there is nobody to ask. */
  private async giveUp(batch: readonly Waiting<I, O>[], error: unknown): Promise<void> {
    const alone = batch.length > 1 && !isUnavailable(error);
    for (const { item, resolve, reject } of batch)
      if (alone) await this.write([item]).then(([made]) => resolve(made!), reject);
      else reject(error);
  }
}
