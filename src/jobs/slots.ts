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
  private freeForLong: number;
  private readonly longWaiting: (() => void)[] = [];
  private closed = false;
  /** Milliseconds that a handler takes, as far as is known: nothing is known of the first. */
  private expected = BEGUN_WITHIN;

  /** @param most handlers at a time @param mostHeld jobs that may be held, however short they are */
  constructor(
    private readonly most: number,
    private readonly mostHeld: number,
  ) {
    this.free = most;
    this.freeForLong = Math.max(1, Math.floor(most / 2));
  }

  /** Whether as many long jobs wait here as may run: one more is somebody else's rather. */
  get isFullOfLong(): boolean {
    return this.longWaiting.length >= Math.max(1, Math.floor(this.most / 2));
  }

  /** Runs a long job, together with no more of them than half of the places: it is begun, and has its place, only then. */
  async runLong<T>(job: () => Promise<T>): Promise<T> {
    if (this.freeForLong > 0) this.freeForLong -= 1;
    else if (!this.closed)
      await new Promise<void>((resolve) => {
        this.longWaiting.push(resolve);
        // Who waits here keeps no short one from being held.
        this.admit();
      });
    try {
      return await job();
    } finally {
      const next = this.longWaiting.shift();
      if (next) next();
      else this.freeForLong += 1;
    }
  }

  /** Waits until one more job may be held. */
  async hold(): Promise<void> {
    if (!this.closed && this.held >= this.allowance) await new Promise<void>((resolve) => this.wishes.push(resolve));
    else this.held += 1;
  }

  letGo(): void {
    this.held -= 1;
    this.admit();
  }

  private admit(): void {
    while (this.wishes.length > 0 && this.held < this.allowance) {
      this.held += 1;
      this.wishes.shift()!();
    }
  }

  /** Runs a handler when it is its turn; null when nothing is begun any more. Long ones tell nothing of the next. */
  async run<T>(handler: () => Promise<T>, isLong = false): Promise<T | null> {
    if (!(await this.take())) return null;
    const since = performance.now();
    try {
      return await handler();
    } finally {
      if (!isLong) this.expected += WEIGHT * (performance.now() - since - this.expected);
      this.giveBack();
    }
  }

  /** Nobody begins any more: who waits is told. */
  close(): void {
    this.closed = true;
    for (const refuse of this.waiting.splice(0)) refuse(false);
    for (const goOn of [...this.wishes.splice(0), ...this.longWaiting.splice(0)]) goOn();
  }

  private get allowance(): number {
    const short = Math.max(this.most, Math.min(this.mostHeld, (this.most * BEGUN_WITHIN) / this.expected));
    return short + this.longWaiting.length;
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
