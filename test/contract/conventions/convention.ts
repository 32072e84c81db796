import type { Honest, Operation } from './honest.js';

/** A sentence of the conventions: which operations it is about, and how one is put to the proof. */
export interface Convention {
  readonly name: string;
  readonly on: (operation: Operation, all: readonly Operation[]) => boolean;
  /** What is wrong, or null. */
  readonly prove: (honest: Honest, operation: Operation) => Promise<string | null>;
}
