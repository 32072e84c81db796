/** So many at a time, and the others in the order in which they came. */
export class Slots {
  private free: number;
  private readonly queue: ((goes: boolean) => void)[] = [];
  private gate: (() => void)[] = [];
  private closed = false;

  constructor(private readonly most: number) {
    this.free = most;
  }

  /** @returns whether there is one for the caller, who gives it back; not when it is closed meanwhile */
  async take(): Promise<boolean> {
    if (this.closed) return false;
    if (this.free === 0) return new Promise((resolve) => this.queue.push(resolve));
    this.free -= 1;
    return true;
  }

  giveBack(): void {
    const next = this.queue.shift();
    if (next) next(true);
    else this.free += 1;
    if (this.queue.length < this.most) this.open();
  }

  /** Waits while more wait already than could go at once: other processes may have room for what is not fetched here. */
  hasRoom(): Promise<void> | null {
    if (this.closed || this.queue.length < this.most) return null;
    return new Promise((resolve) => this.gate.push(resolve));
  }

  /** Nobody goes any more: who waits is told. */
  close(): void {
    this.closed = true;
    for (const refuse of this.queue.splice(0)) refuse(false);
    this.open();
  }

  private open(): void {
    const waiting = this.gate;
    this.gate = [];
    for (const goOn of waiting) goOn();
  }
}
