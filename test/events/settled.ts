import type { Household } from '../harness/household.js';
import { awaitThat } from '../jobs/awaited.js';

/** Waits until what was recorded is final: readers are told of it, and whoever listens from now on is not. */
export async function settled(app: Household): Promise<void> {
  await awaitThat(
    () =>
      app.sql<{ past: boolean }>(
        'SELECT pg_snapshot_xmin(pg_current_snapshot()) > xid AS past FROM roster.events ORDER BY xid DESC LIMIT 1',
      ),
    ([row]) => row?.past !== false,
  );
}
