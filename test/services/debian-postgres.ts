import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { DatabaseAddress } from '../../src/platform/database/address.js';
import { waitForDatabase } from '../../src/platform/database/wait.js';
import { ask } from '../harness/database.js';
import { freePort } from '../harness/free-port.js';

const PROGRAMS = '/usr/lib/postgresql/15/bin';

export interface DebianPostgres {
  readonly address: DatabaseAddress;
  stop(): Promise<void>;
}

/** PostgreSQL 15 as Debian ships it, in a folder of its own; an absent one is a failure, never a skip. */
export async function startDebianPostgres(): Promise<DebianPostgres> {
  if (!existsSync(PROGRAMS))
    throw new Error(`Debian's PostgreSQL 15 is not installed at ${PROGRAMS}: .ci/run installs it`);
  const folder = mkdtempSync(join(tmpdir(), 'roster-pg15-'));
  const owner = unprivileged();
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid!);
  const data = join(folder, 'data');
  execFileSync(
    join(PROGRAMS, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
    { ...owner, cwd: folder, stdio: 'ignore' },
  );
  const port = await freePort();
  const parameters = [
    '-D',
    data,
    '-p',
    String(port),
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    'unix_socket_directories=',
    '-c',
    'fsync=off',
  ];
  const server = spawn(join(PROGRAMS, 'postgres'), parameters, { ...owner, cwd: folder, stdio: 'ignore' });
  const url = (user: string, database: string): string => `postgres://${user}@127.0.0.1:${port}/${database}`;
  await waitForDatabase(url('postgres', 'postgres'), 60_000, () => undefined);
  await ask(url('postgres', 'postgres'), 'CREATE ROLE roster_owner LOGIN');
  await ask(url('postgres', 'postgres'), 'CREATE ROLE roster_app LOGIN');
  await ask(url('postgres', 'postgres'), 'CREATE DATABASE roster OWNER roster_owner');
  return {
    address: new DatabaseAddress(url('roster_app', 'roster'), url('roster_owner', 'roster'), false),
    stop: async () => {
      server.kill('SIGINT');
      await new Promise((resolve) => server.once('exit', resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL refuses to run as root; Debian makes an account for it. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const account = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith('postgres:'));
  const [, , uid, gid] = account!.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}
