import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { join } from 'node:path';

import { jest } from '@jest/globals';

import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { ask, asSuperuser, freshDatabase, run } from '../harness/database.js';
import { freePort } from '../harness/free-port.js';
import { launch, onDatabase, runToEnd, startProcess, statusOf } from '../harness/process.js';
import type { RunningProcess } from '../harness/process.js';

// Each test runs several processes, on a machine that may be busy.
jest.setTimeout(180_000);

const PASSWORD = 'seven bridges over a quiet river';
const ADMINISTRATOR = { ADMIN_EMAIL: 'ada@example.com', ADMIN_PASSWORD: PASSWORD };
const UNTOUCHED = join(run.folder, 'untouched');
const running: RunningProcess[] = [];
const servers: Server[] = [];

async function start(settings: Record<string, string>): Promise<RunningProcess> {
  const started = await startProcess({ DATA_DIR: UNTOUCHED, ...settings });
  running.push(started);
  return started;
}

async function login(url: string, password: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identifier: ADMINISTRATOR.ADMIN_EMAIL, password }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const administratorsOf = (address: DatabaseAddress) =>
  ask(
    asSuperuser(address),
    "SELECT email FROM roster.users JOIN roster.user_roles ON user_id = id WHERE role = 'admin'",
  );

afterEach(async () => {
  for (const { child, stop } of running.splice(0)) if (child.exitCode === null) await stop();
  for (const server of servers.splice(0)) server.close();
});

describe('on a database of its own', () => {
  it('comes up in two processes at once on an empty one: one migrates, one administrator is made', async () => {
    const address = await freshDatabase('start_two', { empty: true });
    const both = await Promise.all([start(onDatabase(address)), start(onDatabase(address))]);
    const migrations = both.filter(({ output }) => output().includes('The database was migrated'));
    const administrators = both.filter(({ line }) => line.administrator.email);
    expect([migrations.length, administrators.length]).toEqual([1, 1]);
    expect(await administratorsOf(address)).toEqual([{ email: 'admin@localhost' }]);
    for (const { url } of both) expect(await statusOf(`${url}/health/ready`)).toBe(200);
  });

  it('gives the administrator the password of ADMIN_PASSWORD, to keep, and writes nothing into DATA_DIR', async () => {
    const settings = { ...onDatabase(await freshDatabase('start_given')), ...ADMINISTRATOR };
    const { url, line } = await start(settings);
    expect(line.administrator).toEqual({ email: 'ada@example.com', reset: 'npm run roster -- admin reset' });
    const { status, body } = await login(url, PASSWORD);
    expect([status, body['passwordChangeRequired'] ?? false]).toEqual([200, false]);
    expect(existsSync(UNTOUCHED)).toBe(false);
  });

  it.each([
    ['too short', 'short', /ADMIN_PASSWORD.*15 characters/],
    ['common', 'password12345678', /ADMIN_PASSWORD/],
  ])('refuses an ADMIN_PASSWORD that is %s, with the reason and no administrator', async (_, weak, reason) => {
    const address = await freshDatabase('start_weak');
    const { code, stderr } = await runToEnd({ ...onDatabase(address), ...ADMINISTRATOR, ADMIN_PASSWORD: weak });
    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
    expect(stderr).not.toContain('    at ');
    expect(stderr).not.toContain(weak);
    expect(await administratorsOf(address)).toEqual([]);
  });

  it('waits for one that is late, with a line for each try', async () => {
    const address = await freshDatabase('start_late');
    const late = await freePort();
    const [url, ownerUrl] = [address.url, address.ownerUrl].map((each) => throughPort(each, late));
    const program = launch({ DATABASE_URL: url!, DATABASE_MIGRATION_URL: ownerUrl! });
    await until(() => program.output().includes('try 2:'));
    await forward(late, Number(new URL(address.url).port));
    const { urls } = await program.ready;
    expect(await statusOf(urls.health)).toBe(200);
    expect(program.output()).toMatch(/The database at 127\.0\.0\.1:\d+ is not there yet \(try 1: .*250 ms/);
    program.child.kill('SIGTERM');
    expect((await program.ended).code).toBe(0);
  });

  it('gives up on one that never comes, and says so without the password', async () => {
    const port = await freePort();
    const DATABASE_URL = `postgresql://roster:hunter2@127.0.0.1:${port}/roster`;
    const { code, stderr } = await runToEnd({ DATABASE_URL, DATABASE_WAIT: '300ms' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^The database at 127\.0\.0\.1:\d+ did not answer.*DATABASE_URL/);
    expect(stderr).not.toContain('hunter2');
  });
});

describe('a command beside a running server', () => {
  it('gives a new one-time password in place of the old one', async () => {
    const settings = { ...onDatabase(await freshDatabase('start_reset')), ...ADMINISTRATOR };
    const { url } = await start(settings);
    const reset = await runToEnd(settings, ['admin', 'reset', '--email', 'ada@example.com', '--json']);
    expect([reset.code, reset.stderr]).toEqual([0, '']);
    const { oneTimePassword } = JSON.parse(reset.stdout) as { oneTimePassword: string };
    expect((await login(url, PASSWORD)).status).toBe(401);
    expect(await login(url, oneTimePassword)).toMatchObject({ status: 200, body: { passwordChangeRequired: true } });
  });

  it('gives a token that the server takes, also after the keys were rotated', async () => {
    const settings = { ...onDatabase(await freshDatabase('start_token')), ...ADMINISTRATOR };
    const { url } = await start(settings);
    for (const command of [[], ['keys', 'rotate']]) {
      if (command.length > 0) expect((await runToEnd(settings, command)).code).toBe(0);
      const { stdout } = await runToEnd(settings, ['token', '--json']);
      const { accessToken } = JSON.parse(stdout) as { accessToken: string };
      expect(await statusOf(`${url}/api/v1/users`, { authorization: `Bearer ${accessToken}` })).toBe(200);
    }
  });

  it('makes a second administrator, but not a second one of the same address', async () => {
    const address = await freshDatabase('start_second');
    const settings = { ...onDatabase(address), ...ADMINISTRATOR };
    await start(settings);
    const create = ['admin', 'create', '--email', 'grace@example.com'];
    expect(await runToEnd(settings, create)).toMatchObject({ code: 0, stderr: '' });
    const again = await runToEnd(settings, create);
    expect([again.code, again.stdout]).toEqual([1, '']);
    expect(again.stderr).toContain('already in use');
    expect((await administratorsOf(address)).length).toBe(2);
  });
});

it('migrates on demand: until then status says what is due, and other commands refuse', async () => {
  const settings = onDatabase(await freshDatabase('start_migrate', { empty: true }));
  const before = await runToEnd(settings, ['migrate', 'status', '--json']);
  const { pending } = JSON.parse(before.stdout) as { pending: string[] };
  expect([before.code, pending.length > 0]).toEqual([1, true]);
  const refused = await runToEnd(settings, ['admin', 'create']);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('migrate up')]);

  const up = await runToEnd(settings, ['migrate', 'up', '--json']);
  expect(JSON.parse(up.stdout)).toEqual({ ran: pending });
  const after = await runToEnd(settings, ['migrate', 'status', '--json']);
  expect([after.code, JSON.parse(after.stdout)]).toEqual([0, { applied: pending, pending: [] }]);
});

function throughPort(url: string, port: number): string {
  const address = new URL(url);
  address.port = String(port);
  return address.href;
}

async function forward(from: number, to: number): Promise<void> {
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  }).listen(from, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
