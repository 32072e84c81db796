export interface Fact {
  readonly id: string;
  readonly type: string;
  readonly subject: string | null;
  readonly subjectVersion: number | null;
  readonly data: object;
  readonly private: object;
  readonly occurredAt: Date;
}

/** A place in the order of commits (docs/architecture.md). */
export interface Position {
  /** An `xid8`: more than a number can hold. */
  readonly xid: string;
  readonly seq: string;
}

/** A fact as it was recorded, with its private part. */
export interface RecordedFact extends Omit<Fact, 'private'>, Position {
  readonly private: Readonly<Record<string, unknown>> | null;
}

/** A fact as everybody may know it who may read events. */
export type PublicFact = Omit<RecordedFact, 'private'>;

/** A boolean SQL expression, trusted, and its parameters from $1 on. */
export interface Condition {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** What of the feed is asked for: beyond a place, in the order of commits or against it. */
export interface Stretch {
  readonly from: Position;
  readonly backwards: boolean;
  readonly limit: number;
}

/** How it stands beyond a place. */
export interface Standing {
  /** Nothing from this number on is final. */
  readonly edge: string;
  /** Facts beyond it have gone already. */
  readonly isRetired: boolean;
}

/** From a moment on, and before another. */
export interface Span {
  readonly from: Date;
  readonly to: Date;
}

/** From behind one place to another one, this included. */
export interface Way {
  readonly from: Position;
  readonly to: Position;
  /** Whose facts alone; null for those of everybody. */
  readonly subject: string | null;
}

/** Whether one place comes after another in the order of commits. */
export function isAfter(one: Position, other: Position): boolean {
  if (one.xid === other.xid) return BigInt(one.seq) > BigInt(other.seq);
  return BigInt(one.xid) > BigInt(other.xid);
}

export const START: Position = { xid: '0', seq: '0' };
