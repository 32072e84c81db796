/** So many are asked about at the same time. */
const ASKERS = 8;

/**
 * Those of whom is to be asked who they are. Each waits once, however often it is wanted; whoever is wanted while they are
 * asked about is asked about once more. The urgent come first.
 */
export class Examinations<T extends object> {
  private readonly urgent = new Set<T>();
  private readonly others = new Set<T>();
  private readonly underWay = new Set<T>();

  /**
   * @param examine must not fail
   * @param settle called when everything is known that was wanted of somebody
   */
  constructor(
    private readonly examine: (subject: T) => Promise<void>,
    private readonly settle: (subject: T) => void,
  ) {}

  has(subject: T): boolean {
    return this.isWaiting(subject) || this.underWay.has(subject);
  }

  want(subject: T, isUrgent: boolean): void {
    if (isUrgent) this.others.delete(subject);
    if (isUrgent) this.urgent.add(subject);
    else if (!this.urgent.has(subject)) this.others.add(subject);
    this.begin();
  }

  private begin(): void {
    for (let next = this.next(); next; next = this.next()) void this.ask(next);
  }

  /** Nobody is asked about twice at the same time: the older answer could come last. */
  private next(): T | null {
    if (this.underWay.size >= ASKERS) return null;
    for (const waiting of [this.urgent, this.others])
      for (const subject of waiting) if (!this.underWay.has(subject)) return subject;
    return null;
  }

  private async ask(subject: T): Promise<void> {
    this.urgent.delete(subject);
    this.others.delete(subject);
    this.underWay.add(subject);
    await this.examine(subject);
    this.underWay.delete(subject);
    if (!this.isWaiting(subject)) this.settle(subject);
    this.begin();
  }

  private isWaiting(subject: T): boolean {
    return this.urgent.has(subject) || this.others.has(subject);
  }
}
