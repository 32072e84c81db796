import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { jest } from '@jest/globals';

import { launch, runToEnd, startProcess, statusOf } from '../harness/process.js';
import type { RunningProcess } from '../harness/process.js';

// Each test makes a cluster, on a machine that may be busy.
jest.setTimeout(240_000);

const NEXT = 'quiet river under seven bridges';
const folders: string[] = [];
const running: RunningProcess[] = [];

function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'roster-start-'));
  // Started by root, PostgreSQL runs as another user, who must be able to pass.
  chmodSync(folder, 0o755);
  folders.push(folder);
  return folder;
}

/** On the embedded PostgreSQL of this folder, with a generated secret. */
const on = (folder: string): Record<string, string> => ({ DATA_DIR: folder, SECRET_KEY: '' });

async function start(folder: string, ...parameters: string[]): Promise<RunningProcess> {
  const started = await startProcess(on(folder), parameters);
  running.push(started);
  return started;
}

async function ask(
  url: string,
  { token, body }: { token?: string; body?: object } = {},
): Promise<{ status: number; body: Record<string, never> }> {
  const answer = await fetch(url, {
    method: body ? 'POST' : 'GET',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: (text ? JSON.parse(text) : {}) as Record<string, never> };
}

/** PostgreSQL removes this file when it has ended in order. */
const postgresRuns = (folder: string): boolean => existsSync(join(folder, 'postgres-18', 'postmaster.pid'));

afterEach(async () => {
  for (const { child, kill } of running.splice(0))
    if (child.exitCode === null && child.signalCode === null) await kill();
  for (const folder of folders.splice(0)) {
    // One more start and stop ends a PostgreSQL that was left running.
    if (postgresRuns(folder)) await runToEnd(on(folder), ['migrate', 'status']);
    rmSync(folder, { recursive: true, force: true });
  }
});

describe('the first start', () => {
  it('makes an administrator whose one-time password opens nothing until it is changed', async () => {
    const { url, line } = await start(dataFolder(), '--show-credentials');
    const { email, oneTimePassword } = line.administrator;
    const login = { identifier: email, password: oneTimePassword };
    const signedIn = await ask(`${url}/api/v1/auth/login`, { body: login });
    expect([signedIn.status, signedIn.body['passwordChangeRequired']]).toEqual([200, true]);

    const token = signedIn.body['accessToken'];
    const barred = await ask(`${url}/api/v1/users`, { token });
    expect([barred.status, barred.body['code']]).toEqual([403, 'password_change_required']);

    const change = { currentPassword: oneTimePassword, newPassword: NEXT };
    expect((await ask(`${url}/api/v1/me/password`, { token, body: change })).status).toBeLessThan(300);
    expect((await ask(`${url}/api/v1/auth/login`, { body: login })).status).toBe(401);
    const again = await ask(`${url}/api/v1/auth/login`, { body: { ...login, password: NEXT } });
    expect([again.status, again.body['passwordChangeRequired'] ?? false]).toEqual([200, false]);
    expect((await ask(`${url}/api/v1/users`, { token: again.body['accessToken'] })).status).toBe(200);
  });

  it('shows where everything is and a token that works, and stops without leaving a PostgreSQL', async () => {
    const folder = dataFolder();
    const first = await start(folder, '--show-credentials');
    const { urls, token, data } = first.line;
    expect(data).toBe(join(folder, 'postgres-18'));
    expect((await ask(`${first.url}/api/v1/users`, { token })).status).toBe(200);
    const answers = Object.entries(urls).filter(([name]) => name !== 'api' && name !== 'management');
    for (const [name, address] of answers) expect([name, await statusOf(address)]).toEqual([name, 200]);

    expect(await first.stop()).toMatchObject({ code: 0, stderr: '' });
    expect(postgresRuns(folder)).toBe(false);
  });

  it('tells no secret to a log, nor at the second start', async () => {
    const folder = dataFolder();
    const first = await start(folder);
    expect(first.line.administrator).toEqual({ email: 'admin@localhost', reset: 'npm run roster -- admin reset' });
    expect(first.line.token).toBeUndefined();
    await first.stop();
    const second = await start(folder, '--show-credentials');
    expect(second.line.administrator).toEqual({ reset: 'npm run roster -- admin reset' });
  });
});

describe('a start after an end out of order', () => {
  it('uses the PostgreSQL that a killed process left running, and keeps the public URL', async () => {
    const folder = dataFolder();
    const first = await start(folder, '--show-credentials');
    await first.kill();
    expect(postgresRuns(folder)).toBe(true);

    const second = await start(folder);
    // The issuer is still the first one, so what it signed is good though the port is another.
    expect((await ask(`${second.url}/api/v1/users`, { token: first.line.token })).status).toBe(200);
    expect(await second.stop()).toMatchObject({ code: 0 });
    expect(postgresRuns(folder)).toBe(false);
  });

  it.each([
    ['to the process alone', 'SIGTERM', false],
    ['to all of them, as Ctrl-C does', 'SIGINT', true],
  ] as const)('leaves nothing behind when the signal comes during the start, %s', async (_whom, signal, toAll) => {
    const folder = dataFolder();
    const program = launch(on(folder), [], true);
    await until(() => program.output().includes('creating the PostgreSQL cluster'));
    // It is logged just before initdb begins.
    if (toAll) await until(() => readdirSync(folder).some((name) => name.startsWith('postgres-draft-')));
    process.kill(toAll ? -program.child.pid! : program.child.pid!, signal);
    const { code, stdout, stderr } = await program.ended;
    expect([code, stdout.includes('"ready":true'), stderr, postgresRuns(folder)]).toEqual([0, false, '', false]);
  });

  it('warns of nothing', async () => {
    const first = await start(dataFolder());
    expect(first.output()).not.toMatch(/"level":"(warn|error|fatal)"/);
  });
});

it('refuses a cluster of another PostgreSQL major, and says what to do', async () => {
  const folder = dataFolder();
  mkdirSync(join(folder, 'postgres-17'));
  writeFileSync(join(folder, 'postgres-17', 'PG_VERSION'), '17\n');
  const { code, stdout, stderr } = await runToEnd(on(folder));
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain('is a cluster of PostgreSQL 17');
  expect(stderr).toContain('pg_dumpall');
  expect(stderr).not.toContain('    at ');
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
