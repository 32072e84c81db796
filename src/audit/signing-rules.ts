/** Facts that are copied in one transaction, at most. */
export const COPIED_AT_ONCE = 500;
/** A checkpoint at each of so many entries, and at the newest when the last checkpoint is as old as this (milliseconds). */
export const SIGNED_EVERY = 1000;
export const SIGNED_WITHIN = 60_000;

/** A place in the chain, as the rules see it. */
export interface Place {
  readonly seq: number;
  readonly occurredAt: string;
  readonly checkpoint: { readonly createdAt: string } | null;
}

/**
 * Where a checkpoint has to be, if those who copy are honest. They sign in the transaction in which they copy: each
 * thousandth entry, the newest of the first batch, and the newest of a batch that holds anything of a minute or more
 * after the last checkpoint. So whoever removes checkpoints leaves a stretch of entries that is too long or lasts too
 * long without any. It follows the chain forwards or backwards, and keeps one such stretch.
 */
export class SigningRules {
  private stretch: Place[] = [];
  private older: Place | null = null;
  private newer: Place | null = null;
  private backwards = false;

  /** @param fromTheFirst whether what comes before the oldest place that is seen is nothing */
  constructor(
    private readonly fromTheFirst: boolean,
    private readonly tell: (seq: number) => void,
  ) {}

  /** What comes before the oldest place that is seen was let go, up to a checkpoint that was signed then. */
  continueFrom(createdAt: string): void {
    this.older = { seq: 0, occurredAt: createdAt, checkpoint: { createdAt } };
  }

  see(place: Place, backwards: boolean): void {
    // The direction shows at the second place: the first is then not the older end of a stretch, but the newer.
    if (backwards && !this.backwards) [this.older, this.newer] = [null, this.older];
    this.backwards = backwards;
    if (!place.checkpoint) this.seeUnsigned(place);
    else this.seeSigned(place);
  }

  finish(): void {
    this.judge();
  }

  private seeUnsigned(place: Place): void {
    if (place.seq % SIGNED_EVERY === 0) this.tell(place.seq);
    // A longer stretch has a thousandth entry in it, which has been told of.
    if (this.stretch.length < SIGNED_EVERY) this.stretch.push(place);
  }

  private seeSigned(place: Place): void {
    if (this.backwards) this.older = place;
    else this.newer = place;
    this.judge();
    this.stretch = [];
    [this.older, this.newer] = this.backwards ? [null, place] : [place, null];
  }

  private judge(): void {
    const places = this.newer ? [...this.stretch, this.newer] : this.stretch;
    const late = places.filter((place) => this.isLate(place)).map(({ seq }) => seq);
    if (late.length === 0) return;
    const first = Math.min(...late);
    if (!this.newer || this.newer.seq - first >= COPIED_AT_ONCE) this.tell(first);
  }

  private isLate({ occurredAt }: Place): boolean {
    if (!this.older) return this.fromTheFirst;
    return Date.parse(occurredAt) - Date.parse(this.older.checkpoint!.createdAt) >= SIGNED_WITHIN;
  }
}
