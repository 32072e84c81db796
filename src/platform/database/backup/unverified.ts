import type { Client } from 'pg';

import { OperatorFault } from '../../config/operator-fault.js';

/**
 * pg_restore commits by itself, and goes on when its parent is killed. So this schema is there from before until all is
 * compared: where it is, nobody has looked at what lies there.
 */
export const UNVERIFIED = 'roster_unverified';

export async function isUnverified(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>('SELECT to_regnamespace($1) IS NOT NULL AS there', [
    UNVERIFIED,
  ]);
  return rows[0]!.there;
}

/** @throws OperatorFault where a restore was ended before it had compared what it wrote */
export async function refuseUnverified(client: Client): Promise<void> {
  if (await isUnverified(client))
    throw new OperatorFault(
      'A restore of this database was ended before its end, and what lies there was not compared with the backup: run ' +
        '`restore` once more, which empties the database first.',
    );
}
