import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import pg from 'pg';
import { EmbeddedPostgresRefused, startEmbeddedPostgres } from '../../src/platform/database/embedded/index.js';
import type { EmbeddedPostgres } from '../../src/platform/database/embedded/index.js';
import { startTestCluster } from '../harness/cluster.js';

// Each makes a cluster or more, on a machine that may be busy.
jest.setTimeout(240_000);

const child = resolve('test/fixtures/embedded-child.mjs');
const folders: string[] = [];
const running: { stop: () => Promise<void> }[] = [];
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const process of children.splice(0)) process.kill('SIGKILL');
  for (const cluster of running.splice(0)) await cluster.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe('a fresh embedded PostgreSQL', () => {
  let cluster: EmbeddedPostgres;
  beforeAll(async () => {
    cluster = await startTestCluster();
  });
  afterAll(() => cluster?.stop());

  it('knows Cyrillic capitals, and finds Cyrillic names by their trigrams', async () => {
    const [row] = await query(
      cluster.ownerUrl,
      `SELECT lower('ПЁТР') AS lower, 'ПЁТР' ILIKE 'пё%' AS ilike,
              similarity('Иван Петров', 'иван петр') > 0.5 AS similar, similarity('Иван', 'Пётр') AS different`,
    );
    expect(row).toEqual({ lower: 'пётр', ilike: true, similar: true, different: 0 });
  });

  it('orders by code points with the built-in locale, checks its pages and listens on the loopback only', async () => {
    const [row] = await query(
      cluster.superUrl,
      `SELECT datlocprovider AS provider, datlocale AS locale, current_setting('data_checksums') AS checksums,
              current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets,
              current_setting('synchronous_commit') AS commit
       FROM pg_database WHERE datname = 'roster'`,
    );
    const loopback = { addresses: '127.0.0.1', sockets: '' };
    expect(row).toEqual({ provider: 'b', locale: 'C.UTF-8', checksums: 'on', commit: 'on', ...loopback });
  });

  it('lets the owner make tables and drop the extension, and the application do neither', async () => {
    await query(cluster.ownerUrl, 'CREATE TABLE fact (id int); GRANT INSERT ON fact TO roster_app');
    await query(cluster.appUrl, 'INSERT INTO fact VALUES (1)');
    await expect(query(cluster.appUrl, 'ALTER TABLE fact ADD other int')).rejects.toThrow('must be owner');
    await expect(query(cluster.appUrl, 'CREATE TABLE other (id int)')).rejects.toThrow('permission denied');
    await query(cluster.ownerUrl, 'DROP EXTENSION pg_trgm; CREATE EXTENSION pg_trgm');
  });

  it('lets nobody in without a password', async () => {
    const url = new URL(cluster.superUrl);
    url.password = 'wrong';
    await expect(query(url.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
  });

  it('keeps its files to itself', () => {
    expect(statSync(cluster.directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(cluster.directory, '..', 'postgres-18.json')).mode & 0o777).toBe(0o600);
  });
});

describe('the next start', () => {
  it('finds the data of the one before', async () => {
    const dataDir = folder();
    const first = await start(dataDir);
    await query(first.ownerUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    await expect(query(first.ownerUrl, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');

    const second = await start(dataDir);
    expect(second.reused).toBe(false);
    expect(await query(second.ownerUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('adopts the server of a process that was killed, and ends it', async () => {
    const dataDir = folder();
    const killed = startChild(dataDir);
    const left = await killed.cluster;
    killed.process.kill('SIGKILL');
    await once(killed.process, 'exit');

    const next = await start(dataDir);
    expect({ reused: next.reused, pid: next.pid }).toEqual({ reused: true, pid: left.pid });
    await next.stop();
    await expect(query(left.superUrl, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  });

  it('ends a frozen left-over, its children too, and starts another', async () => {
    const dataDir = folder();
    const killed = startChild(dataDir);
    const left = await killed.cluster;
    killed.process.kill('SIGKILL');
    await once(killed.process, 'exit');
    const frozen = await query(left.superUrl, 'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
    for (const pid of [left.pid, ...frozen.map((row) => row.pid as number)]) process.kill(pid, 'SIGSTOP');

    const next = await start(dataDir);
    expect(next.reused).toBe(false);
    expect(await query(next.ownerUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await expect(query(left.superUrl, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  });

  it('is not stopped by a first start that was killed half way', async () => {
    const dataDir = folder();
    const killed = startChild(dataDir);
    killed.cluster.catch(() => {
      // It is killed before it gets there.
    });
    while (!readdirSync(dataDir).some((name) => name.startsWith('postgres-draft-'))) await delay(5);
    await delay(100);
    killed.process.kill('SIGKILL');

    const next = await start(dataDir);
    expect(await query(next.ownerUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(readdirSync(dataDir).sort()).toEqual([
      'postgres-18',
      'postgres-18.json',
      'postgres-18.lock',
      'postgres.log',
    ]);
  });

  it('is not stopped by a postmaster.pid whose number now belongs to another program', async () => {
    const dataDir = folder();
    const first = await start(dataDir);
    await first.stop();
    const { uid, gid } = statSync(first.directory);
    // Of the same user, else PostgreSQL itself knows that it cannot be its own.
    const stranger = spawn('sleep', ['600'], { uid, gid, stdio: 'ignore' });
    children.push(stranger);
    const stale = join(first.directory, 'postmaster.pid');
    writeFileSync(stale, `${stranger.pid}\n${first.directory}\n1700000000\n5432\n\n127.0.0.1\n\nready\n`, {
      mode: 0o600,
    });
    chownSync(stale, uid, gid);

    const next = await start(dataDir);
    expect(next.reused).toBe(false);
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
  });
});

describe('two processes on one data folder', () => {
  it('come up on one cluster, which lives until the last of them stops', async () => {
    const dataDir = folder();
    const [one, other] = [startChild(dataDir), startChild(dataDir)];
    const [first, second] = await Promise.all([one.cluster, other.cluster]);
    expect(second).toEqual({ ...first, reused: !first.reused });

    await one.close();
    expect(await query(second.ownerUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await other.close();
    await expect(query(second.ownerUrl, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  });

  it('six at once agree as well', async () => {
    const dataDir = folder();
    const all = await Promise.all(Array.from({ length: 6 }, () => start(dataDir)));
    expect(new Set(all.map(({ pid }) => pid)).size).toBe(1);
    expect(all.filter(({ reused }) => !reused)).toHaveLength(1);
  });
});

describe('a start is refused, with what to do,', () => {
  it('on a cluster of another major', async () => {
    const dataDir = folder();
    mkdirSync(join(dataDir, 'postgres-17'));
    writeFileSync(join(dataDir, 'postgres-17', 'PG_VERSION'), '17\n');
    await expect(start(dataDir)).rejects.toThrow(/PostgreSQL 17.*pg_dumpall.*DATABASE_URL/s);

    renameSync(join(dataDir, 'postgres-17'), join(dataDir, 'postgres-18'));
    await expect(start(dataDir)).rejects.toThrow(EmbeddedPostgresRefused);
  });

  it('when the passwords of a cluster are gone', async () => {
    const dataDir = folder();
    const first = await start(dataDir);
    await first.stop();
    rmSync(join(dataDir, 'postgres-18.json'));
    await expect(start(dataDir)).rejects.toThrow(/postgres-18\.json.*backup/s);
  });
});

function folder(): string {
  const created = mkdtempSync(join(tmpdir(), 'roster-embedded-'));
  folders.push(created);
  chmodSync(created, 0o755); // started by root, PostgreSQL runs as another user, who must be able to pass
  return created;
}

async function start(dataDir: string): Promise<EmbeddedPostgres> {
  const cluster = await startEmbeddedPostgres({ dataDir, log: () => undefined, fsync: false });
  running.push(cluster);
  return cluster;
}

interface Child {
  process: ChildProcess;
  /** What it started; rejects if it ends before. */
  cluster: Promise<Omit<EmbeddedPostgres, 'stop'>>;
  close(): Promise<void>;
}

function startChild(dataDir: string): Child {
  const started = spawn(process.execPath, [child, dataDir], { stdio: ['pipe', 'pipe', 'pipe'] });
  children.push(started);
  let said = '';
  started.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const line = once(createInterface(started.stdout), 'line') as Promise<[string]>;
  const ended = once(started, 'exit').then(() => Promise.reject(new Error(`the child ended: ${said}`)));
  const cluster = Promise.race([line, ended]).then(([json]) => JSON.parse(json) as Omit<EmbeddedPostgres, 'stop'>);
  ended.catch(() => {
    // Once it has said what it started, it may end; before, the race above tells.
  });
  const close = async (): Promise<void> => {
    started.stdin.end();
    await once(started, 'exit');
  };
  return { process: started, cluster, close };
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 30_000 });
  await client.connect();
  try {
    return ((await client.query(sql)) as pg.QueryResult<Record<string, unknown>>).rows;
  } finally {
    await client.end();
  }
}
