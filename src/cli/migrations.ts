import { migrationNames } from '../../ormconfig.js';
import type { DatabaseAddress } from '../platform/database/address.js';
import { withConnection } from '../platform/database/data-source.js';

export interface Migrations {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

/** Which migrations of this version the database has, oldest first. */
export async function migrationsOf({ ownerUrl }: DatabaseAddress): Promise<Migrations> {
  const ran = await withConnection(ownerUrl, async (client) => {
    const { rows } = await client.query<{ there: boolean }>(
      "SELECT to_regclass('roster.migrations') IS NOT NULL AS there",
    );
    if (!rows[0]!.there) return new Set<string>();
    return new Set(
      (await client.query<{ name: string }>('SELECT name FROM roster.migrations')).rows.map((r) => r.name),
    );
  });
  return {
    applied: migrationNames.filter((name) => ran.has(name)),
    pending: migrationNames.filter((name) => !ran.has(name)),
  };
}
