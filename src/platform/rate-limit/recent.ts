/**
 * A bounded map that forgets what was not asked for lately. Two halves: when the young one is full it becomes the old
 * one, and what is still asked for there comes back. A strict order would cost a delete and an insert at each look.
 */
export class Recent<V> {
  private young = new Map<string, V>();
  private old = new Map<string, V>();

  /** @param half between one and two of it are kept */
  constructor(private readonly half: number) {}

  get(key: string): V | undefined {
    const value = this.young.get(key);
    if (value !== undefined) return value;
    const kept = this.old.get(key);
    if (kept !== undefined) this.set(key, kept);
    return kept;
  }

  set(key: string, value: V): void {
    if (this.young.size >= this.half) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, value);
  }

  get size(): number {
    return this.young.size + this.old.size;
  }
}
