import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { giveToOwnerOf } from './account.js';
import { EmbeddedPostgresRefused, failedWith } from './refused.js';

/** What the data folder remembers of its cluster: `postgres-<major>.json`, mode 600. */
export interface Secrets {
  /** Passwords of the roles postgres, roster_owner and roster_app. */
  superuser: string;
  owner: string;
  app: string;
  /** The folder that holds the cluster, if that is not the data folder. */
  relocatedTo?: string;
}

export function readSecrets(file: string): Secrets | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Secrets;
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return null;
    throw new EmbeddedPostgresRefused(
      `${file}, the passwords of the embedded PostgreSQL, cannot be read (${(error as Error).message}). ` +
        'Start Roster as the user who owns it, restore it from a backup, or set DATABASE_URL.',
      { cause: error },
    );
  }
}

export function newSecrets(): Secrets {
  const password = (): string => randomBytes(24).toString('hex');
  return { superuser: password(), owner: password(), app: password() };
}

/** Call it under the cluster's lock. */
export function writeSecrets(file: string, secrets: Secrets): void {
  const draft = `${file}.draft`;
  writeFileSync(draft, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  giveToOwnerOf(dirname(file), draft);
  renameSync(draft, file);
}
