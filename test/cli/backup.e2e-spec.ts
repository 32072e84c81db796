import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';

import { jest } from '@jest/globals';

import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { everythingCopied } from '../audit/copied.js';
import { TestApp } from '../harness/app.js';
import { startTestCluster } from '../harness/cluster.js';
import { ask, asSuperuser, freshDatabase } from '../harness/database.js';
import { PASSWORD } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import type { Launched } from '../harness/process.js';
import { launch, onDatabase, runToEnd, startProcess } from '../harness/process.js';
import { emptyTables, fillEveryTable, takeJobInHand } from './every-table.js';
import { Folder, command, contentsOf, hasTables, refusal } from './backup-drill.js';

// Each command is a process of its own, some on a cluster of its own, on a machine that may be busy.
jest.setTimeout(180_000);

/** How much further the cluster had counted from which the backup comes. */
const FURTHER = 900_000_000;
const ODD = 'line\u2028 "quoted" \\back\\slash\nnew\ttab 😀 Книга';

interface BackedUp {
  readonly way: string;
  readonly rows: number;
  readonly tables: number;
}
interface Restored extends BackedUp {
  readonly secrets: { verdict: string; detail: string };
}

const folder = new Folder();
const file = folder.at('roster.backup');
let source: DatabaseAddress;
let ada: Person;

const sql = <T = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> =>
  ask<T>(asSuperuser(source), text, values);

/** People with sessions, facts and an audit log, a letter that is owed, and values that are hard to copy. */
beforeAll(async () => {
  source = await freshDatabase('backup_source');
  const app = await TestApp.start({ database: source });
  ada = await app.people.admin({ name: ODD, metadata: { odd: ODD, nothing: null, deep: [{ a: 1.5 }] } });
  for (let n = 0; n < 5; n += 1) await app.people.person();
  await ada.post('/api/v1/me/tokens', { name: 'Drill', scopes: ['me'] });
  await ada.post('/api/v1/invitations', { email: 'invited@example.com', name: 'Invited' });
  await everythingCopied(app);
  await app.stop();
  const api = await TestApp.start({ database: source, settings: { ROLE: 'api' } });
  await api.send('POST', '/api/v1/auth/password/forgot', { body: { email: ada.user.email } });
  for (let tries = 0; (await owed()) === 0 && tries < 1200; tries += 1) await sleep(50);
  // Whose rows are staged: nobody works at them here.
  const headers = { 'content-type': 'application/x-ndjson' };
  const staged = ['one', 'two'].map((name) => `{"email":"staged-${name}@example.com","name":"${name}"}\n`).join('');
  expect((await api.send('POST', '/api/v1/imports', { token: ada.token, body: staged, headers })).status).toBe(202);
  await api.stop();
  await fillEveryTable(sql, ada.id);
  await sql(
    `UPDATE roster.users SET metadata = '{"precise": 1.10, "big": 12345678901234567890}', created_at = '2020-02-29T12:00:00.123456Z'
    WHERE id <> $1 AND id = (SELECT min(id::text)::uuid FROM roster.users WHERE id <> $1)`,
    [ada.id],
  );
  await sql(`SELECT roster.ensure_partitions('2020-02-01', 0)`);
  await sql(
    `INSERT INTO roster.sessions (id, user_id, amr, authenticated_at, expires_at, ip, user_agent)
    VALUES ((left(roster.uuid_at('2020-02-29')::text, 35) || '7')::uuid, $1, '{"pwd","{}"}', '2020-02-29', 'infinity', 'fe80::1/64', NULL)`,
    [ada.id],
  );
});

afterAll(() => folder.remove());

async function owed(): Promise<number> {
  return (await sql("SELECT 1 FROM graphile_worker.jobs WHERE task_identifier = 'job:mail.deliver'")).length;
}

const backUp = (to: string, from = source): Promise<BackedUp> => command(onDatabase(from), 'backup', to, '--logical');
const restore = (from: string, into: DatabaseAddress): Promise<Restored> => command(onDatabase(into), 'restore', from);

describe('npm run roster -- backup, and restore', () => {
  let target: DatabaseAddress;
  beforeEach(async () => {
    target = await freshDatabase('backup_target', { empty: true });
  });

  it('brings back every row of every table, in a file that only its owner reads', async () => {
    expect(await emptyTables(asSuperuser(source))).toEqual([]);
    const made = await backUp(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path)).toEqual(['roster.backup']);
    const restored = await restore(file, target);
    const before = await contentsOf(asSuperuser(source));
    expect(await contentsOf(asSuperuser(target))).toEqual(before);
    const rows = Object.values(before).reduce((sum, table) => sum + table.rows, 0);
    expect([made, restored]).toMatchObject(Array(2).fill({ rows, tables: Object.keys(before).length }));
    expect(made.way).toBe('logical');
    expect(restored.secrets).toMatchObject({ verdict: 'ok' });
    // Constraints, partitions and sequences too: what differs would be found by the next migration, or by nobody.
    const SHAPE = `SELECT conrelid::regclass::text AS "table", conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
      WHERE connamespace = 'roster'::regnamespace AND conparentid = 0 ORDER BY 1, 2`;
    expect(await ask(asSuperuser(target), SHAPE)).toEqual(await sql(SHAPE));
    const COUNTED = 'SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2';
    expect(await ask(asSuperuser(target), COUNTED)).toEqual(await sql(COUNTED));
    const OLD = 'SELECT count(*)::int AS count FROM roster.sessions_2020_02';
    expect(await ask(asSuperuser(target), OLD)).toEqual([{ count: 1 }]);
    await expect(ask(target.url, 'UPDATE roster.events SET type = type')).rejects.toThrow('permission denied');
  });

  it('goes on in a new embedded cluster: sign-in, sessions, audit log, facts, and work that was owed', async () => {
    const data = new Folder();
    const settings = { DATA_DIR: data.path };
    try {
      await takeJobInHand(sql);
      const counted = {
        events: 'xid',
        event_cursors: 'xid',
        events_retired: 'xid',
        webhook_deliveries: 'xid',
        webhooks: 'since',
      };
      for (const [table, column] of Object.entries(counted))
        await sql(`UPDATE roster.${table} SET ${column} = (${column}::text::bigint + ${FURTHER})::text::xid8`);
      await backUp(folder.at('far.backup'));
      expect(await command<Restored>(settings, 'restore', folder.at('far.backup'))).toMatchObject({
        secrets: { verdict: 'ok' },
      });
      const server = await startProcess(settings);
      const post = async (path: string, body: object): Promise<number> => {
        const answer = await fetch(`${server.url}/api/v1${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
        await answer.arrayBuffer();
        return answer.status;
      };
      expect(await post('/auth/refresh', { refreshToken: ada.refreshToken })).toBe(200);
      expect(await post('/auth/login', { identifier: ada.user.email, password: PASSWORD })).toBe(200);
      const cluster = await startTestCluster(data.path);
      const there = <T>(text: string): Promise<T[]> => ask<T>(cluster.ownerUrl, text);
      const lag = (): Promise<unknown[]> =>
        there('SELECT e.id FROM roster.events e LEFT JOIN roster.audit_entries a USING (id) WHERE a.id IS NULL');
      const letters = (): Promise<unknown[]> => there("SELECT 1 FROM roster.mail_messages WHERE text LIKE '%reset%'");
      const state = async (): Promise<object> => ({
        behind: (await lag()).length,
        letters: (await letters()).length > 0,
        staged: (await there("SELECT 1 FROM roster.users WHERE email LIKE 'staged-%'")).length,
        inHand: await there("SELECT state FROM roster.jobs WHERE name = 'guesses.prune' AND attempts > 1"),
      });
      const done = { behind: 0, letters: true, staged: 2, inHand: [{ state: 'succeeded' }] };
      const until = Date.now() + 90_000;
      while (!isDeepStrictEqual(await state(), done) && Date.now() < until) await sleep(200);
      expect(await state()).toEqual(done);
      const LISTENS = 'SELECT 1 FROM roster.webhooks WHERE since <= pg_snapshot_xmin(pg_current_snapshot())';
      expect(await there(LISTENS)).toHaveLength(1);
      expect(await there("SELECT 1 FROM roster.events WHERE type = 'session.started'")).not.toEqual([]);
      expect(await command(settings, 'audit', 'verify')).toMatchObject({ verified: true });
      await server.stop();
      await cluster.stop();
    } finally {
      await data.remove();
    }
  });

  it('overwrites no file', async () => {
    const bytes = readFileSync(file);
    expect(await refusal(onDatabase(source), 'backup', file)).toContain('exists already');
    expect(readFileSync(file)).toEqual(bytes);
  });

  it('wants to be told which file', async () => {
    const { code, stderr } = await runToEnd(onDatabase(source), ['backup']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('"backup" needs a FILE')]);
  });
});

describe('a copy that is made while people sign up and a job runs', () => {
  const there = (text: string, values: unknown[] = []): Promise<unknown[]> => ask(asSuperuser(target), text, values);
  let target: DatabaseAddress;
  let before: { id: string };
  let restored: Restored;

  beforeAll(async () => {
    const app = await TestApp.start({ database: source });
    try {
      before = await app.people.person();
      await sql("SELECT graphile_worker.add_job('drill', max_attempts => 1, job_key => 'drill')");
      // By somebody who is at work: what others hold is taken from them.
      const ran = `UPDATE graphile_worker._private_jobs SET locked_at = now(), attempts = max_attempts,
        locked_by = (SELECT id FROM roster.job_workers ORDER BY beat_at DESC LIMIT 1) WHERE key = 'drill' RETURNING locked_by`;
      expect(await sql(ran)).toEqual([{ locked_by: expect.any(String) }]);
      const copied = backUp(folder.at('busy.backup'));
      let done = false;
      const ended = copied.finally(() => (done = true));
      while (!done) await app.people.person();
      await ended;
    } finally {
      await app.stop();
    }
    target = await freshDatabase('backup_target', { empty: true });
    const settings = { ...onDatabase(target), SECRET_KEY: Buffer.alloc(32, 9).toString('base64') };
    // Every foreign key is checked when it comes back.
    restored = await command<Restored>(settings, 'restore', folder.at('busy.backup'));
  });

  it('is of one moment', async () => {
    // Whoever is in it is whole, whoever was there before is in it, and each fact has its audit entry or waits for it.
    expect(await there('SELECT 1 FROM roster.users WHERE id = $1', [before.id])).toHaveLength(1);
    const halves = `SELECT u.id FROM roster.users u WHERE activated_at IS NOT NULL AND
      (NOT EXISTS (SELECT FROM roster.events e WHERE e.subject = 'users/' || u.id) AND u.email NOT LIKE 'staged-%')
      UNION ALL SELECT a.id FROM roster.audit_entries a LEFT JOIN roster.events e USING (id) WHERE e.id IS NULL`;
    expect(await there(halves)).toEqual([]);
  });

  it('owes what ran, also on its last attempt', async () => {
    const JOB = "SELECT attempts, locked_at, is_available FROM graphile_worker._private_jobs WHERE key = 'drill'";
    expect(await there(JOB)).toEqual([{ attempts: 0, locked_at: null, is_available: true }]);
  });

  it('holds no secret, and a restore says that it has another one', () => {
    expect(restored.secrets).toMatchObject({ verdict: 'fault' });
    const text = gunzipSync(readFileSync(folder.at('busy.backup')));
    expect(text.includes(Buffer.alloc(32, 7).toString('base64'))).toBe(false);
  });
});

describe('a database that is not empty', () => {
  it('is not written over, nor while Roster runs on it', async () => {
    const target = await freshDatabase('backup_filled');
    const before = await contentsOf(asSuperuser(target));
    expect(await refusal(onDatabase(target), 'restore', file)).toMatch(/is not empty/);
    const app = await TestApp.start({ database: target });
    expect(await refusal(onDatabase(target), 'restore', file)).toMatch(/Roster runs on the database/);
    await app.stop();
    expect(Object.keys(await contentsOf(asSuperuser(target)))).toEqual(Object.keys(before));
  });
});

describe('whoever is killed in the midst', () => {
  let large: DatabaseAddress;
  let target: DatabaseAddress;
  const big = folder.at('large.backup');

  beforeAll(async () => {
    large = await freshDatabase('backup_large');
    await ask(
      asSuperuser(large),
      `INSERT INTO roster.users (id, email, email_key, name, name_key, locale, metadata, app_metadata, created_at, updated_at, version)
      SELECT gen_random_uuid(), n || '@example.com', n || '@example.com', 'Person ' || n, 'person ' || n, 'en', '{}', '{}', now(), now(), 1
      FROM generate_series(1, 30000) n`,
    );
    target = await freshDatabase('backup_killed', { empty: true });
  });

  /** Waits until somebody asks this of a database. */
  const asked = async (address: DatabaseAddress, text: string): Promise<void> => {
    const WATCH = `SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND query LIKE $2 AND pid <> pg_backend_pid()`;
    const name = new URL(address.url).pathname.slice(1);
    for (let tries = 0; tries < 3000; tries += 1) {
      if ((await ask(asSuperuser(source), WATCH, [name, text])).length > 0) return;
      await sleep(10);
    }
    throw new Error(`Nobody asked ${text}`);
  };

  it('has left no file under the name of a backup', async () => {
    const program = launch(onDatabase(large), ['backup', big, '--logical']);
    await asked(large, 'FETCH%');
    program.child.kill('SIGKILL');
    await program.ended;
    expect(existsSync(big)).toBe(false);
    await backUp(big, large);
    expect(existsSync(big)).toBe(true);
  });

  it('has restored nothing, keeps others out meanwhile, and the next one restores all of it', async () => {
    const stoppedAmid = async (signal: NodeJS.Signals): Promise<Launched> => {
      const program = launch(onDatabase(target), ['restore', big]);
      await asked(target, 'INSERT INTO roster.users %');
      // Else it may be done before the other one begins.
      program.child.kill('SIGSTOP');
      expect(await refusal(onDatabase(target), 'restore', big)).toMatch(/Another process|Roster runs/);
      program.child.kill(signal);
      program.child.kill('SIGCONT');
      return program;
    };
    const interrupted = await (await stoppedAmid('SIGINT')).ended;
    expect(interrupted).toMatchObject({ code: 1, stderr: expect.stringMatching(/nothing was changed|Stopped before/) });
    expect(await hasTables(asSuperuser(target))).toBe(false);
    const killed = await (await stoppedAmid('SIGKILL')).ended;
    expect(killed).toMatchObject({ code: null, stderr: '' });
    for (let tries = 0; (await sessionsOn(target)) > 0 && tries < 1200; tries += 1) await sleep(50);
    expect(await hasTables(asSuperuser(target))).toBe(false);
    await restore(big, target);
    expect(await contentsOf(asSuperuser(target))).toEqual(await contentsOf(asSuperuser(large)));
  });
});

async function sessionsOn(address: DatabaseAddress): Promise<number> {
  const NAME = 'SELECT 1 FROM pg_stat_activity WHERE datname = $1';
  return (await ask(asSuperuser(source), NAME, [new URL(address.url).pathname.slice(1)])).length;
}
