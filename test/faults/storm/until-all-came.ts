import { setTimeout as pause } from 'node:timers/promises';

import type { OwnCluster } from '../../events/own-cluster.js';
import type { EventReader } from './readers/reader.js';
import { factsOf } from './recorded.js';

/** A delivery that a killed process had taken is sent by another when its lease is over, 47 s later. Milliseconds. */
const PATIENCE = 100_000;
/** Whoever says nothing for so long has nothing more to say, but for a webhook that waits for its lease. */
const SILENCE = 60_000;
const LOOKS_EVERY = 250;

/** Waits until every reader has every fact after the mark, or nothing comes any more: the judge says what is missing. */
export async function untilAllCame(cluster: OwnCluster, mark: string, readers: readonly EventReader[]): Promise<void> {
  const facts = await factsOf(cluster);
  const owed = facts.slice(facts.findIndex(({ id }) => id === mark) + 1).map(({ id }) => id);
  const missing = (): number =>
    readers.reduce((sum, { received }) => {
      const had = new Set(received.map(({ id }) => id));
      return sum + owed.filter((id) => !had.has(id)).length;
    }, 0);
  const patience = performance.now() + PATIENCE;
  let least = Number.POSITIVE_INFINITY;
  let movedAt = performance.now();
  for (let left = missing(); left > 0; left = missing()) {
    if (left < least) movedAt = performance.now();
    least = Math.min(least, left);
    if (performance.now() > patience || performance.now() - movedAt > SILENCE) return;
    await pause(LOOKS_EVERY);
  }
}
