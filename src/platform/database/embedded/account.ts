import { chownSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { EmbeddedPostgresRefused } from './refused.js';

/** The system user that PostgreSQL runs as; undefined is ourselves. */
export interface Account {
  uid: number;
  gid: number;
}

/**
 * PostgreSQL refuses to run as root. Then it runs as the owner of the first of these paths that is not root's (an
 * existing cluster, the data folder), else as `nobody`, who exists everywhere and owns nothing.
 */
export function serverAccount(...paths: string[]): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const path of paths) {
    const { uid, gid } = statSync(path, { throwIfNoEntry: false }) ?? { uid: 0, gid: 0 };
    if (uid !== 0) return { uid, gid };
  }
  const nobody = readFileSync('/etc/passwd', 'utf8').match(/^nobody:[^:]*:(\d+):(\d+):/m);
  if (!nobody) {
    throw new EmbeddedPostgresRefused(
      'PostgreSQL does not run as root and this machine has no user "nobody". ' +
        'Start Roster as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.',
    );
  }
  return { uid: Number(nobody[1]), gid: Number(nobody[2]) };
}

/** The first folder on the way to this one (a real path), itself included, that the account may not enter. */
export function closedFolder(folder: string, account: Account | undefined): string | undefined {
  if (!account) return undefined;
  const above = folder === dirname(folder) ? undefined : closedFolder(dirname(folder), account);
  return above ?? (permits(folder, account, 0o1) ? undefined : folder);
}

/** True if the account has all these rights (read 4, write 2, execute 1) to the file; as the kernel decides it. */
export function permits(path: string, account: Account | undefined, rights: number): boolean {
  if (!account) return true;
  const { uid, gid, mode } = statSync(path);
  const granted = uid === account.uid ? mode >> 6 : gid === account.gid ? mode >> 3 : mode;
  return (granted & rights) === rights;
}

export function giveTo(path: string, account: Account | undefined): void {
  if (account) chownSync(path, account.uid, account.gid);
}

/** What root puts into another user's data folder belongs to that user, who may start Roster without root next time. */
export function giveToOwnerOf(folder: string, path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(folder);
  chownSync(path, uid, gid);
}
