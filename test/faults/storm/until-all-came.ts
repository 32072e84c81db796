import { setTimeout as pause } from 'node:timers/promises';

import type { OwnCluster } from '../../events/own-cluster.js';
import type { EventReader } from './readers/reader.js';
import { factsOf } from './recorded.js';

/** A delivery that a killed process had taken is sent by another when its lease is over, 47 s later. Milliseconds. */
const PATIENCE = 75_000;
/** For those who will not have everything, whatever becomes of it. Milliseconds. */
const PATIENCE_WITH_BROKEN = 5000;
const LOOKS_EVERY = 250;

/**
 * Waits until every reader has every fact after the mark, or nothing has come for long: the judge says what is missing.
 * @param broken names of readers who will never have everything
 */
export async function untilAllCame(
  cluster: OwnCluster,
  mark: string,
  readers: readonly EventReader[],
  broken: readonly string[] = [],
): Promise<void> {
  const facts = await factsOf(cluster);
  const owed = facts.slice(facts.findIndex(({ id }) => id === mark) + 1).map(({ id }) => id);
  const isBroken = ({ name }: EventReader): boolean => broken.includes(name);
  const well = readers.filter((reader) => !isBroken(reader));
  await untilNoneIsMissing(owed, well, PATIENCE);
  await untilNoneIsMissing(owed, readers.filter(isBroken), PATIENCE_WITH_BROKEN);
}

/** @param patience for how long nothing has to come. Milliseconds */
async function untilNoneIsMissing(
  owed: readonly string[],
  readers: readonly EventReader[],
  patience: number,
): Promise<void> {
  let [least, movedAt] = [Number.POSITIVE_INFINITY, performance.now()];
  for (let left = missing(owed, readers); left > 0; left = missing(owed, readers)) {
    if (left < least) [least, movedAt] = [left, performance.now()];
    if (performance.now() - movedAt > patience) return;
    await pause(LOOKS_EVERY);
  }
}

/** How many are owed, to all together. */
function missing(owed: readonly string[], readers: readonly EventReader[]): number {
  return readers.reduce((sum, { received }) => {
    const had = new Set(received.map(({ id }) => id));
    return sum + owed.filter((id) => !had.has(id)).length;
  }, 0);
}
