import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync, readSync, rmSync, statSync, truncateSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Account } from './account.js';
import { giveToOwnerOf } from './account.js';
import { serverEnvironment } from './cluster.js';
import { birthOf, gone, isPostgresOf, killPostgresOf, signal } from './processes.js';
import { EmbeddedPostgresRefused, failedWith } from './refused.js';

/** A postmaster that answers. */
export interface Server {
  pid: number;
  port: number;
}

export interface ServerOptions {
  bin: string;
  directory: string;
  account: Account | undefined;
  /** The superuser's. */
  password: string;
  dataDir: string;
  settings: Record<string, string>;
  log: (message: string, fields?: object) => void;
}

/** Recovery after a crash reads all WAL since the last checkpoint, at most some minutes' worth. */
const recoveryMs = 120_000;
const silenceMs = 3_000;
const largestLog = 10 * 1024 * 1024;

/** Starts the server on a free port of 127.0.0.1 and waits until it answers. Call it under the cluster's lock. */
export async function startServer(options: ServerOptions): Promise<Server> {
  for (let tries = 1; ; tries++) {
    const { server, output } = await tryPort(options, await freePort());
    if (server) return server;
    // Between our look and its start somebody may have taken the port.
    if (output.includes('could not bind') && tries < 5) continue;
    throw new Error(`the embedded PostgreSQL did not start:\n${output}`);
  }
}

/** A server that an earlier process left running, if it answers; else it is ended, with every trace that bars the next. */
export async function adoptServer(options: ServerOptions): Promise<Server | null> {
  const { directory, password, log } = options;
  const left = readPostmasterPid(directory);
  const ours = left !== null && isPostgresOf(left.pid, directory);
  if (ours && (await answers(left, directory, password))) return left;
  if (ours) log('ending a PostgreSQL that was left running and does not answer', { postmaster: left.pid });
  await killPostgresOf(directory);
  // PostgreSQL sees that a dead process holds nothing, but not that its number now belongs to another program or a zombie.
  if (left !== null && isTaken(left.pid)) rmSync(join(directory, 'postmaster.pid'), { force: true });
  return null;
}

/** Fast shutdown: open transactions are rolled back, clients are told. Harder means follow if it does not end. */
export async function stopServer(pid: number, directory: string, log: ServerOptions['log']): Promise<void> {
  if (!isPostgresOf(pid, directory)) return;
  signal(pid, 'SIGINT');
  if (await gone(pid, 10_000)) return;
  log('PostgreSQL does not stop: ending it at once', { pid });
  signal(pid, 'SIGQUIT');
  if (!(await gone(pid, 3_000))) await killPostgresOf(directory);
}

function serverLog(dataDir: string): string {
  return join(dataDir, 'postgres.log');
}

/** The server only appends, so its log may be cut while it writes. */
export function cutServerLog(dataDir: string): void {
  const file = serverLog(dataDir);
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > largestLog) truncateSync(file);
}

async function tryPort(options: ServerOptions, port: number): Promise<{ server: Server | null; output: string }> {
  const { bin, directory, account, dataDir, settings, log } = options;
  const args = Object.entries({ ...settings, port }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  cutServerLog(dataDir);
  const out = openSync(serverLog(dataDir), 'a+', 0o600);
  giveToOwnerOf(dataDir, serverLog(dataDir));
  const before = fstatSync(out).size;
  try {
    // Its own process group: Ctrl-C in the terminal is for us, and we end it after our last statement.
    const child = spawn(join(bin, 'postgres'), ['-D', directory, ...args], {
      detached: true,
      stdio: ['ignore', out, out],
      cwd: directory,
      env: serverEnvironment,
      ...account,
    });
    await once(child, 'spawn');
    child.unref();
    child.once('exit', (code, by) => log('PostgreSQL ended', { postmaster: child.pid, code, signal: by }));
    const server = { pid: child.pid as number, port };
    if (await becomesReady(server, options)) return { server, output: '' };
    return { server: null, output: readFrom(out, before) };
  } finally {
    closeSync(out);
  }
}

async function becomesReady(server: Server, { directory, password, log }: ServerOptions): Promise<boolean> {
  const started = performance.now();
  let told = false;
  while (birthOf(server.pid) !== null) {
    if ((await probe(server.port, password)) === 'ready') return true;
    const waited = performance.now() - started;
    if (waited > recoveryMs) {
      await killPostgresOf(directory);
      return false;
    }
    if (waited > 3_000 && !told) log('waiting for PostgreSQL: it is recovering from a crash, or the machine is busy');
    told ||= waited > 3_000;
    await delay(25);
  }
  return false;
}

async function answers(server: Server, directory: string, password: string): Promise<boolean> {
  const started = performance.now();
  while (isPostgresOf(server.pid, directory)) {
    const state = await probe(server.port, password);
    if (state === 'ready') return true;
    const patience = state === 'busy' ? recoveryMs : silenceMs;
    if (performance.now() - started > patience) return false;
    await delay(50);
  }
  return false;
}

/** busy: it answers, but is starting, stopping or full. */
async function probe(port: number, password: string): Promise<'ready' | 'busy' | 'silent'> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    database: 'postgres',
    password,
    connectionTimeoutMillis: silenceMs,
  });
  // What breaks the connection is answered by connect() or end().
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.end();
    return 'ready';
  } catch (error) {
    if (failedWith(error, '28P01')) {
      throw new EmbeddedPostgresRefused(
        'The embedded PostgreSQL does not accept the password in its data folder. Restore postgres-<major>.json ' +
          'from where the cluster came, or set DATABASE_URL.',
        { cause: error },
      );
    }
    // cannot_connect_now, too_many_connections
    return failedWith(error, '57P03', '53300') ? 'busy' : 'silent';
  }
}

/** postmaster.pid: the process, the directory, its start, the port, one to a line. */
function readPostmasterPid(directory: string): Server | null {
  try {
    const lines = readFileSync(join(directory, 'postmaster.pid'), 'utf8').split('\n');
    const [pid, port] = [Number(lines[0]), Number(lines[3])];
    return pid > 0 && port > 0 ? { pid, port } : null;
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return null;
    throw error;
  }
}

function isTaken(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return failedWith(error, 'EPERM');
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function readFrom(file: number, position: number): string {
  const buffer = Buffer.alloc(Math.min(fstatSync(file).size - position, 16_384));
  readSync(file, buffer, 0, buffer.length, position);
  return buffer.toString('utf8');
}
