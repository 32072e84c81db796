import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { TestApp } from '../harness/app.js';
import { freshDatabase, ask, run } from '../harness/database.js';
import { unique } from '../harness/people.js';

const NAME = `health_logs_${process.env['JEST_WORKER_ID']}`;
const CHILD = fileURLToPath(new URL('../fixtures/logging-child.mjs', import.meta.url));

/** Milliseconds for which nothing else may be done. */
const PAUSE = 400;

interface Line {
  level: string;
  part: string;
  requestId?: string;
  route?: string;
  n?: number;
}

const parsed = (written: string): Line[] =>
  written
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

describe('the log of the application', () => {
  let app: TestApp;
  let lines: string[] = [];

  beforeAll(async () => {
    // Not watched: one test makes the application fail by itself, which no operation documents.
    const database = await freshDatabase(NAME);
    app = await TestApp.start({ database, watched: false, onLog: (line) => lines.push(line) });
  });
  afterAll(async () => {
    await app.stop();
    await ask(run.superUrl, `DROP DATABASE IF EXISTS ${NAME} WITH (FORCE)`);
  });
  beforeEach(() => {
    lines = [];
  });

  const aboutRequest = (id: string): Line[] => parsed(lines.join('')).filter(({ requestId }) => requestId === id);

  it('tells of each request in one line: its id, template, status, duration and user', async () => {
    const ada = await app.people.admin();
    const { headers } = await ada.get(`/api/v1/users/${ada.id}?fields=id`);
    expect(aboutRequest(String(headers['x-request-id']))).toEqual([
      expect.objectContaining({
        level: 'info',
        part: 'access',
        method: 'GET',
        route: '/api/v1/users/:id',
        status: 200,
        ms: expect.any(Number),
        userId: ada.id,
      }),
    ]);
  });

  it('holds nothing that was sent: no address, password, token, query or forged line', async () => {
    const ada = await app.people.admin();
    const planted = unique('planted');
    const password = `${planted} quiet river under bridges`;
    const email = `${planted}@example.com`;
    const forged = `${planted}\r\n{"level":"fatal"}\u001b[31m\u2028`;
    const body = { email, password, name: planted, metadata: { note: forged } };
    const made = await ada.post<{ id: string }>('/api/v1/users', body);
    expect(made.status).toBe(201);
    expect((await ada.post('/api/v1/users', body)).status).toBe(409);
    await ada.post('/api/v1/users', { ...body, email: `2${email}`, name: forged });
    await ada.patch(`/api/v1/users/${made.body.id}`, { phone: planted, metadata: { note: [planted] } });
    await app.send('POST', '/api/v1/auth/register', { body: { email: `1${email}`, password, name: planted } });
    const signedIn = await app.send<{ accessToken: string; refreshToken: string }>('POST', '/api/v1/auth/login', {
      body: { identifier: email, password },
    });
    expect(signedIn.status).toBe(200);
    const { accessToken, refreshToken } = signedIn.body;
    await app.send('POST', '/api/v1/auth/login', { body: { identifier: email, password: `${password}!` } });
    await app.send('POST', '/api/v1/auth/refresh', { body: { refreshToken } });
    await app.send('GET', `/api/v1/me?access_token=${accessToken}`);
    await app.send('GET', `/api/v1/me`, { token: accessToken, headers: { cookie: `a=${planted}` } });
    await app.send('GET', `/nothing/${planted}?token=${planted}`);
    await app.send('GET', `/%zz${planted}`, { headers: { 'x-request-id': `${planted} {` } });
    const written = lines.join('');
    expect(parsed(written).length).toBeGreaterThanOrEqual(10);
    for (const secret of [planted, accessToken, refreshToken]) expect(written).not.toContain(secret);
  });

  it('tells why it failed by itself, under the id that the caller was given, without the values', async () => {
    const ada = await app.people.admin();
    const planted = unique('planted');
    await app.sql('ALTER TABLE roster.users ADD CONSTRAINT planted CHECK (locale <> $$eo$$)');
    const failed = await ada.post<{ requestId: string; code: string }>('/api/v1/users', {
      email: `${planted}@example.com`,
      name: planted,
      locale: 'eo',
    });
    await app.sql('ALTER TABLE roster.users DROP CONSTRAINT planted');
    expect([failed.status, failed.body.code]).toEqual([500, 'internal_error']);
    expect(failed.text).not.toContain('constraint');
    const about = aboutRequest(failed.body.requestId);
    expect(about.find(({ level }) => level === 'error')).toMatchObject({
      part: 'http',
      route: '/api/v1/users',
      err: { code: '23514', constraint: 'planted', stack: expect.any(String) },
    });
    expect(JSON.stringify(about)).not.toContain(planted);
  });
});

describe('the log on stdout', () => {
  const started: ChildProcess[] = [];
  afterAll(() => started.forEach((child) => child.kill('SIGKILL')));

  function start(count: number, ending: string): ChildProcess {
    const child = spawn(process.execPath, [CHILD, String(count), ending], { stdio: ['ignore', 'pipe', 'pipe'] });
    started.push(child);
    return child;
  }
  const numbers = (written: string): number[] => parsed(written).map(({ n }) => n!);
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

  it.each(['exit', 'flush', 'throw'])('has every line, in order, when the process ends by %s', async (ending) => {
    const child = start(3000, ending);
    const [written] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')]);
    expect(numbers(written)).toEqual(upTo(3000));
  });

  interface Seen {
    readonly longestPause: number;
    readonly dropped: number;
    readonly arrived: readonly number[];
  }
  /** Nothing of it is read before it has told what it saw. A machine that stood still is tried again. */
  async function readLate(count: number): Promise<Seen> {
    for (let tries = 1; ; tries += 1) {
      const child = start(count, 'flush');
      const [told] = (await once(child.stderr!, 'data')) as [Buffer];
      const seen = JSON.parse(String(told)) as Omit<Seen, 'arrived'>;
      const arrived = numbers(await text(child.stdout!));
      if (seen.longestPause < PAUSE || tries === 3) return { ...seen, arrived };
    }
  }

  it('waits for a slow reader without stopping the event loop', async () => {
    const { longestPause, dropped, arrived } = await readLate(3000);
    expect(dropped).toBe(0);
    expect(longestPause).toBeLessThan(PAUSE);
    expect(arrived).toEqual(upTo(3000));
  });

  it('keeps a bounded backlog for a reader that stands still, and counts what it gives up', async () => {
    const { longestPause, dropped, arrived } = await readLate(12_000);
    expect(dropped).toBeGreaterThan(1000);
    expect(longestPause).toBeLessThan(PAUSE);
    expect(arrived).toEqual(upTo(12_000 - dropped));
  });
});
