import { migrateUp } from '../boot.js';
import { withDatabase } from './application.js';
import type { Invocation } from './invocation.js';
import { migrationsOf } from './migrations.js';

export async function migrateToNewest({ answer }: Invocation): Promise<number> {
  const ran = await withDatabase(({ address }) => migrateUp(address));
  return answer(ran.length > 0 ? `Migrated:\n  ${ran.join('\n  ')}` : 'The database is at the newest migration.', {
    ran,
  });
}

/** @returns 1 when a migration is missing, so that a script can wait for them */
export async function showMigrations({ answer }: Invocation): Promise<number> {
  const { applied, pending } = await withDatabase(({ address }) => migrationsOf(address));
  const lines = [...applied.map((name) => `applied  ${name}`), ...pending.map((name) => `pending  ${name}`)];
  answer(lines.join('\n'), { applied, pending });
  return pending.length > 0 ? 1 : 0;
}
