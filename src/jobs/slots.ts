/** What is held should be begun within it: the rest is left to other processes. Milliseconds. */
const BEGUN_WITHIN = 50;
/** How much the newest job counts in what is expected of the next. */
const WEIGHT = 0.1;

/**
 * So many handlers at a time. More jobs than that are held only where they are short: a hundred that take a moment each
 * share their statements, while long ones go to whoever has room.
 */
export class Slots {
  private free: number;
  private readonly waiting: ((goes: boolean) => void)[] = [];
  private held = 0;
  private readonly wishes: (() => void)[] = [];
  private closed = false;
  /** Milliseconds that a handler takes, as far as is known: nothing is known of the first. */
  private expected = BEGUN_WITHIN;

  /** @param most handlers at a time @param mostHeld jobs that may be held, however short they are */
  constructor(
    private readonly most: number,
    private readonly mostHeld: number,
  ) {
    this.free = most;
  }

  /** Waits until one more job may be held. */
  async hold(): Promise<void> {
    if (!this.closed && this.held >= this.allowance) await new Promise<void>((resolve) => this.wishes.push(resolve));
    else this.held += 1;
  }

  letGo(): void {
    this.held -= 1;
    while (this.wishes.length > 0 && this.held < this.allowance) {
      this.held += 1;
      this.wishes.shift()!();
    }
  }

  /** Runs a handler when it is its turn; null when nothing is begun any more. */
  async run<T>(handler: () => Promise<T>): Promise<T | null> {
    if (!(await this.take())) return null;
    const since = performance.now();
    try {
      return await handler();
    } finally {
      this.expected += WEIGHT * (performance.now() - since - this.expected);
      this.giveBack();
    }
  }

  /** Nobody begins any more: who waits is told. */
  close(): void {
    this.closed = true;
    for (const refuse of this.waiting.splice(0)) refuse(false);
    for (const goOn of this.wishes.splice(0)) goOn();
  }

  private get allowance(): number {
    return Math.max(this.most, Math.min(this.mostHeld, (this.most * BEGUN_WITHIN) / this.expected));
  }

  private async take(): Promise<boolean> {
    if (this.closed) return false;
    if (this.free === 0) return new Promise((resolve) => this.waiting.push(resolve));
    this.free -= 1;
    return true;
  }

  private giveBack(): void {
    const next = this.waiting.shift();
    if (next) next(true);
    else this.free += 1;
  }
}
