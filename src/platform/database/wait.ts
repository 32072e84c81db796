import { setTimeout as sleep } from 'node:timers/promises';

import { OperatorFault } from '../config/operator-fault.js';
import { withConnection } from './data-source.js';
import { isRefusedAtTheDoor, isUnavailable } from './database-errors.js';

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 5000;
const OLDEST_MAJOR = 15;

/** The database did not come in time, or cannot be used; the message is for the operator. */
class DatabaseRefused extends OperatorFault {}

/**
 * Waits until the database answers: with growing pauses, and one line for each try that failed.
 * @param patience milliseconds in all
 * @throws DatabaseRefused
 */
export async function waitForDatabase(url: string, patience: number, tell: (line: string) => void): Promise<void> {
  const until = performance.now() + patience;
  for (let pause = FIRST_PAUSE, tries = 1; ; pause = Math.min(pause * 2, LONGEST_PAUSE), tries += 1) {
    try {
      await look(url);
      return;
    } catch (error) {
      const why = error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code : String(error);
      if (error instanceof DatabaseRefused) throw error;
      if (!isUnavailable(error) || isRefusedAtTheDoor(error))
        throw new DatabaseRefused(`The database refuses us: ${why}. Check DATABASE_URL.`);
      if (performance.now() + pause > until)
        throw new DatabaseRefused(
          `The database at ${placeOf(url)} did not answer in ${Math.round(patience / 1000)} s (${why}). Check DATABASE_URL, or give it longer by DATABASE_WAIT.`,
        );
      tell(`The database at ${placeOf(url)} is not there yet (try ${tries}: ${why}); trying again in ${pause} ms`);
      await sleep(pause);
    }
  }
}

async function look(url: string): Promise<void> {
  await withConnection(url, async (client) => {
    const { rows } = await client.query<{ version: string; commit: string }>(
      "SELECT current_setting('server_version_num') AS version, current_setting('synchronous_commit') AS commit",
    );
    const major = Math.floor(Number(rows[0]!.version) / 10_000);
    if (major < OLDEST_MAJOR)
      throw new DatabaseRefused(`PostgreSQL ${major} is too old: Roster needs ${OLDEST_MAJOR} or later`);
    if (rows[0]!.commit === 'off')
      throw new DatabaseRefused(
        'synchronous_commit is off: an acknowledged change could be lost. Set it to on (or local) for this database.',
      );
  });
}

/** Host and port: never the password. */
function placeOf(url: string): string {
  return new URL(url).host;
}
