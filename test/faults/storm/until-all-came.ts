import { setTimeout as pause } from 'node:timers/promises';

import type { OwnCluster } from '../../events/own-cluster.js';
import type { EventReader } from './readers/reader.js';
import { factsOf } from './recorded.js';

/** A delivery that a killed process had taken is sent by another when its lease is over, 47 s later. Milliseconds. */
const PATIENCE = 150_000;
/** For those who will not have everything, whatever becomes of it. Milliseconds. */
const PATIENCE_WITH_BROKEN = 5000;
const COPIED_WITHIN = 60_000;
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

/** Waits until the audit log, which is copied in the background, has an entry for each fact, or the patience is over. */
export async function untilAllCopied({ sql }: OwnCluster): Promise<void> {
  const left =
    'SELECT 1 FROM roster.events e WHERE NOT EXISTS (SELECT FROM roster.audit_entries a WHERE a.id = e.id) LIMIT 1';
  for (const end = performance.now() + COPIED_WITHIN; (await sql(left)).length > 0; await pause(LOOKS_EVERY))
    if (performance.now() > end) return;
}

/** How many are owed, to all together. */
function missing(owed: readonly string[], readers: readonly EventReader[]): number {
  return readers.reduce((sum, { received }) => {
    const had = new Set(received.map(({ id }) => id));
    return sum + owed.filter((id) => !had.has(id)).length;
  }, 0);
}
