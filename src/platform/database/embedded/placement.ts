import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { closedFolder, serverAccount } from './account.js';
import type { Account } from './account.js';
import { systemFolder } from './binaries.js';
import { EmbeddedPostgresRefused } from './refused.js';

/** Where the cluster lies and who runs it. */
export interface Placement {
  /** Holds the cluster and its lock: the data folder, or one under the system's folder. */
  base: string;
  /** The cluster itself. */
  directory: string;
  account: Account | undefined;
  /** Why the base is not the data folder. */
  relocated?: string;
}

/**
 * @param dataDir a real path
 * @param recorded where the cluster was put before, if not in the data folder: it stays there even when the reason is gone
 */
export function placeCluster(dataDir: string, major: number, recorded: string | undefined): Placement {
  const name = `postgres-${major}`;
  if (recorded && existsSync(join(recorded, name))) {
    const directory = join(recorded, name);
    const relocated = `the embedded PostgreSQL of ${dataDir} lies in ${recorded}, where it was put at its first start`;
    return { base: recorded, directory, account: serverAccount(directory, dataDir), relocated };
  }
  const account = serverAccount(join(dataDir, name), dataDir);
  const closed = closedFolder(dataDir, account);
  if (!closed) return { base: dataDir, directory: join(dataDir, name), account };

  const digest = createHash('sha256').update(dataDir).digest('hex').slice(0, 8);
  const base = join(systemFolder, `${dataDir.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(1, 60)}-${digest}`);
  mkdirSync(base, { recursive: true, mode: 0o755 });
  const relocated =
    `PostgreSQL does not run as root, and the user it runs as (uid ${account?.uid}) may not enter ${closed}: ` +
    `its files lie in ${base}`;
  return { base, directory: join(base, name), account, relocated };
}

/** @throws EmbeddedPostgresRefused if the folder holds a cluster that these programs cannot read. */
export function refuseOtherMajors(base: string, major: number): void {
  const clusters = readdirSync(base).filter((name) => /^postgres-\d+$/.test(name));
  for (const name of clusters) {
    const file = join(base, name, 'PG_VERSION');
    if (!existsSync(file)) continue;
    const found = readFileSync(file, 'utf8').trim();
    if (found === String(major) && name === `postgres-${major}`) continue;
    throw new EmbeddedPostgresRefused(
      `${join(base, name)} is a cluster of PostgreSQL ${found}, and the embedded one is ${major}, which cannot read it. ` +
        `Dump it with pg_dumpall of PostgreSQL ${found}, move the folder away, start Roster once and restore the dump; ` +
        `or serve it with PostgreSQL ${found} and set DATABASE_URL to it.`,
    );
  }
}
