import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { giveTo } from './account.js';
import type { Account } from './account.js';
import { EmbeddedPostgresRefused, failedWith } from './refused.js';

const run = promisify(execFile);

/**
 * PostgreSQL reads many variables (PGDATA, PGTZ, LC_ALL …): it gets these and no others. With LC_ALL unset its start
 * fails on macOS.
 */
export const serverEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/** macOS before 14 does not know C.UTF-8 by name; there any UTF-8 locale has the same character classes. */
const locales = ['C.UTF-8', 'en_US.UTF-8'];

interface NewCluster {
  bin: string;
  base: string;
  directory: string;
  account: Account | undefined;
  password: string;
  fsync: boolean;
}

/**
 * Creates the cluster beside its place and moves it there when it is complete, so that one killed half way leaves only
 * rubbish, which the next call clears away. Call it under the cluster's lock.
 */
export async function createCluster({ bin, base, directory, account, password, fsync }: NewCluster): Promise<void> {
  clearDrafts(base);
  const draft = mkdtempSync(join(base, 'postgres-draft-'));
  giveTo(draft, account);
  const passwordFile = join(draft, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  giveTo(passwordFile, account);
  const cluster = join(draft, 'cluster');
  mkdirSync(cluster, { mode: 0o700 });
  giveTo(cluster, account);
  const args = ['-D', cluster, '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  args.push('--data-checksums', '--encoding=UTF8', ...(fsync ? [] : ['--no-sync']));
  await initdb(join(bin, 'initdb'), args, base, account);
  try {
    renameSync(cluster, directory);
  } catch (error) {
    if (!failedWith(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    throw new EmbeddedPostgresRefused(
      `${directory} holds files but no PostgreSQL cluster. Move it away and start again.`,
    );
  }
  clearDrafts(base);
}

export function hasCluster(directory: string): boolean {
  return existsSync(join(directory, 'PG_VERSION'));
}

/**
 * Two kinds of locale are wanted: the built-in C.UTF-8 for order and case (the same on every system, for ever, so that
 * no upgrade of the system spoils an index), and a UTF-8 LC_CTYPE of the system's for pg_trgm, which asks libc what a
 * letter is: under LC_CTYPE C a Cyrillic word has no trigrams.
 */
async function initdb(program: string, args: string[], cwd: string, account: Account | undefined): Promise<void> {
  const builtin = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const failures: string[] = [];
  for (const locale of locales) {
    try {
      await run(program, [...args, ...builtin, `--locale=${locale}`], { cwd, env: serverEnvironment, ...account });
      return;
    } catch (error) {
      const { message, stderr } = error as Error & { stderr?: string };
      if (!stderr?.includes('locale')) {
        throw new EmbeddedPostgresRefused(
          `The embedded PostgreSQL cannot create its cluster: ${stderr?.trim() || message}. ` +
            'Mend that, or set DATABASE_URL to a PostgreSQL of your own.',
          { cause: error },
        );
      }
      failures.push(stderr.trim());
    }
  }
  throw new EmbeddedPostgresRefused(
    `This system has none of the locales ${locales.join(', ')}, without which a search for names that are not Latin ` +
      `would find nothing. Install one, or set DATABASE_URL. (${failures.join('; ')})`,
  );
}

function clearDrafts(base: string): void {
  for (const name of readdirSync(base).filter((entry) => entry.startsWith('postgres-draft-'))) {
    // The initdb of a killed start may still be writing: rm tries again, and initdb fails without its folder.
    rmSync(join(base, name), { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}
