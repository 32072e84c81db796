import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

import { jest } from '@jest/globals';
import { Client } from 'pg';

import { createDataSource } from '../../ormconfig.js';
import { DatabaseAddress } from '../../src/platform/database/address.js';
import { migrate } from '../../src/platform/database/migrate.js';
import { Folder, command, contentsOf, hasTables, refusal } from '../cli/backup-drill.js';
import { TestApp } from '../harness/app.js';
import { startTestCluster } from '../harness/cluster.js';
import { ask, asSuperuser, freshDatabase } from '../harness/database.js';
import { PASSWORD } from '../harness/people.js';
import { launch, onDatabase, startProcess } from '../harness/process.js';
import { startDebianPostgres } from './debian-postgres.js';
import type { DebianPostgres } from './debian-postgres.js';
import { until } from './until.js';

// Each command is a process of its own, some on a cluster of its own, on a machine that may be busy.
jest.setTimeout(300_000);

interface Done {
  readonly way: string;
  readonly rows: number;
  readonly tables: number;
}

let server: DebianPostgres;
const folder = new Folder();

beforeAll(async () => {
  server = await startDebianPostgres();
});

afterAll(async () => {
  await server?.stop();
  await folder.remove();
});

const superuser = (name: string): string => on(server.address.ownerUrl.replace('roster_owner@', 'postgres@'), name);

/** A new database on Debian's server. */
async function empty(name: string): Promise<DatabaseAddress> {
  await ask(superuser('postgres'), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await ask(superuser('postgres'), `CREATE DATABASE ${name} TEMPLATE template0 OWNER roster_owner`);
  return new DatabaseAddress(on(server.address.url, name), on(server.address.ownerUrl, name), false);
}

function on(url: string, name: string): string {
  const address = new URL(url);
  address.pathname = `/${name}`;
  return address.href;
}

async function migrated({ ownerUrl, applicationRole }: DatabaseAddress): Promise<void> {
  const owner = createDataSource({ url: ownerUrl, poolMax: 1, applicationName: 'drill', patience: 60_000 });
  await migrate(owner, ownerUrl, applicationRole);
}

/** Somebody who can sign in, with a session. */
async function populated(address: DatabaseAddress): Promise<{ email: string; refreshToken: string }> {
  const app = await TestApp.start({ database: address });
  const ada = await app.people.admin({ name: 'Книга 😀' });
  await app.people.person();
  await app.stop();
  return { email: ada.user.email, refreshToken: ada.refreshToken };
}

async function signsIn(settings: Record<string, string>, email: string): Promise<number> {
  const running = await startProcess(settings);
  const answer = await fetch(`${running.url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identifier: email, password: PASSWORD }),
  });
  await answer.arrayBuffer();
  await running.stop();
  return answer.status;
}

describe("a backup of Debian's PostgreSQL 15", () => {
  const file = folder.at('dump.backup');
  let source: DatabaseAddress;
  let email: string;

  beforeAll(async () => {
    source = await empty('dump_source');
    await migrated(source);
    ({ email } = await populated(source));
  });

  it('is made by pg_dump, and restored by pg_restore with every row', async () => {
    // As a kill between the note and its dump leaves it.
    writeFileSync(`${file}.json`, '{"kind":"roster-dump"}');
    const made = await command<Done>(onDatabase(source), 'backup', file);
    expect(readdirSync(folder.path).filter((name) => name.endsWith('.part'))).toHaveLength(1);
    expect(made.way).toBe('pg_dump');
    expect(readFileSync(file).subarray(0, 5).toString()).toBe('PGDMP');
    const target = await empty('dump_target');
    const restored = await command<Done>(onDatabase(target), 'restore', file);
    expect([restored.rows, restored.tables]).toEqual([made.rows, made.tables]);
    expect(await contentsOf(superuser('dump_target'))).toEqual(await contentsOf(superuser('dump_source')));
    expect(await signsIn(onDatabase(target), email)).toBe(200);
    await expect(ask(target.url, 'UPDATE roster.events SET type = type')).rejects.toThrow('permission denied');
  });

  it('is restored into the embedded PostgreSQL 18', async () => {
    const data = new Folder();
    try {
      await command({ DATA_DIR: data.path }, 'restore', file);
      expect(await signsIn({ DATA_DIR: data.path }, email)).toBe(200);
    } finally {
      await data.remove();
    }
  });

  it.each<[string, (bytes: Buffer) => Buffer, RegExp]>([
    [
      'changed',
      (bytes) => Buffer.from(bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte))),
      /not those/,
    ],
    ['cut', (bytes) => bytes.subarray(0, bytes.length >> 1), /not those/],
  ])('is refused when it was %s, and nothing is written', async (_, spoil, why) => {
    const spoilt = folder.at('spoilt.backup');
    writeFileSync(spoilt, spoil(readFileSync(file)));
    writeFileSync(`${spoilt}.json`, readFileSync(`${file}.json`));
    const target = await empty('dump_spoilt');
    expect(await refusal(onDatabase(target), 'restore', spoilt)).toMatch(why);
    // pg_restore itself has no checksums, and would not notice every changed byte.
    rmSync(`${spoilt}.json`);
    expect(await refusal(onDatabase(target), 'restore', spoilt)).toMatch(/spoilt\.backup\.json is not there/);
    expect(await hasTables(superuser('dump_spoilt'))).toBe(false);
  });

  it('is not taken for whole where a kill ended its restore, until the next one has begun anew', async () => {
    const target = await empty('dump_killed');
    const RESTORING = `SELECT wait_event_type AS waits FROM pg_stat_activity WHERE datname = 'dump_killed' AND application_name = 'roster-backup'`;
    const restoring = (): Promise<unknown[]> => ask(superuser('postgres'), RESTORING);
    const other = new Client({ connectionString: superuser('dump_killed') });
    await other.connect();
    // Whoever makes the same schema waits for the end of this.
    await other.query('BEGIN; CREATE SCHEMA graphile_worker');
    const program = launch(onDatabase(target), ['restore', file]);
    const waits = async (): Promise<boolean> => isDeepStrictEqual(await restoring(), [{ waits: 'Lock' }]);
    await until('pg_restore waits', waits, 120_000);
    program.child.kill('SIGKILL');
    await program.ended;
    expect(await refusal(onDatabase(target), 'restore', file)).toMatch(/Roster runs on the database/);
    // The pg_restore that was begun goes on without its parent, and commits.
    await other.query('ROLLBACK');
    await other.end();
    await until('pg_restore has ended', async () => (await restoring()).length === 0, 120_000);
    expect(await hasTables(superuser('dump_killed'))).toBe(true);
    const unverified = /was not compared with the backup: run `restore` once more/;
    await expect(migrated(target)).rejects.toThrow(unverified);
    expect(await refusal(onDatabase(target), 'backup', folder.at('never.backup'))).toMatch(unverified);
    expect(await refusal(onDatabase(target), 'users', 'export')).toMatch(unverified);
    await command(onDatabase(target), 'restore', file);
    expect(await contentsOf(superuser('dump_killed'))).toEqual(await contentsOf(superuser('dump_source')));
    await migrated(target);
  });

  it('is not written over a database that has something', async () => {
    expect(await refusal(onDatabase(source), 'restore', file)).toMatch(/is not empty/);
  });
});

describe('from PostgreSQL 18 to 15', () => {
  it('goes row by row, for this pg_dump is too old', async () => {
    const source = await freshDatabase('services_backup');
    const { email } = await populated(source);
    const file = folder.at('rows.backup');
    expect((await command<Done>(onDatabase(source), 'backup', file)).way).toBe('logical');
    const target = await empty('rows_target');
    await command(onDatabase(target), 'restore', file);
    expect(await contentsOf(superuser('rows_target'), 'other')).toEqual(await contentsOf(asSuperuser(source), 'other'));
    expect(await signsIn(onDatabase(target), email)).toBe(200);
  });
});

describe('npm run roster -- move', () => {
  const data = new Folder();
  const settings = { DATA_DIR: data.path };
  afterAll(() => data.remove());

  it('refuses while Roster runs, and where something is, and wants an address', async () => {
    const target = await empty('move_target');
    const running = await startProcess(settings);
    expect(await refusal(settings, 'move', target.ownerUrl)).toMatch(/Roster runs on the database/);
    await running.stop();
    expect(await refusal(settings, 'move', on(target.ownerUrl, 'dump_source'))).toMatch(/is not empty/);
    expect(await refusal(settings, 'move', 'example.com')).toMatch(/Say where to move/);
    expect(await refusal({ ...settings, ...onDatabase(target) }, 'move', target.ownerUrl)).toMatch(
      /DATABASE_URL is set/,
    );
    expect(await hasTables(superuser('move_target'))).toBe(false);
  });

  it('copies everything, leaves the embedded database as it was, and says what to set', async () => {
    const target = await empty('move_target');
    const cluster = await startTestCluster(data.path);
    const { email } = await populated(new DatabaseAddress(cluster.appUrl, cluster.ownerUrl, true));
    const before = await contentsOf(cluster.ownerUrl);
    const password = target.ownerUrl.replace('roster_owner@', 'roster_owner:its-password@');
    const { code, stdout } = await launch(settings, ['move', password]).ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/DATABASE_MIGRATION_URL=postgres:\/\/roster_owner:\*\*\*@127/);
    expect(stdout).not.toContain('its-password');
    expect(await contentsOf(superuser('move_target'), 'other')).toEqual(await contentsOf(cluster.ownerUrl, 'other'));
    expect(await contentsOf(cluster.ownerUrl)).toEqual(before);
    expect(await signsIn(onDatabase(target), email)).toBe(200);
  });
});
