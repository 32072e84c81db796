const WIDTH = 30;
/** Milliseconds between two pictures. */
const SHOWN_EVERY = 100;

/** A bar on stderr, for who watches; none where nobody does. */
export class Progress {
  private shownAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly what: string,
    private readonly screen = process.stderr,
  ) {}

  reach(done: number, of: number): void {
    if (!this.screen.isTTY || performance.now() - this.shownAt < SHOWN_EVERY) return;
    this.shownAt = performance.now();
    const part = of > 0 ? Math.min(1, done / of) : 1;
    const full = Math.round(part * WIDTH);
    const bar = `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)}`;
    this.screen.write(`\r${this.what} ${bar} ${String(Math.floor(part * 100)).padStart(3)} %`);
  }

  /** Leaves the line empty for what follows. */
  end(): void {
    if (this.screen.isTTY && this.shownAt > 0) this.screen.write(`\r${' '.repeat(this.what.length + WIDTH + 8)}\r`);
  }
}
