import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';

import { migrationNames } from '../../ormconfig.js';
import { Lifecycle } from '../../src/platform/telemetry/lifecycle.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { awaitThat } from '../jobs/awaited.js';
import { closeManagement, openManagement } from './management.js';
import type { Ask } from './management.js';

interface Named {
  name: string;
  value: unknown;
  level: string;
}
interface List<T> {
  data: T[];
}
interface Report {
  status: string;
  checks: Record<string, { status: string; time: string; output?: string; observedUnit?: string }[]>;
}

const SECRET_KEY = Buffer.alloc(32, 9).toString('base64');
const ADMIN_PASSWORD = 'a planted password of the administrator';

describe('the management port', () => {
  let app: TestApp;
  let ask: Ask;
  let port: number;
  const lines: string[] = [];

  beforeAll(async () => {
    // What others have left to do would be told of.
    app = await TestApp.start({
      database: await freshDatabase(`management_${process.env['JEST_WORKER_ID']}`),
      onLog: (line) => lines.push(line),
      settings: { SECRET_KEY, ADMIN_EMAIL: 'first@example.com', ADMIN_PASSWORD },
    });
    ({ ask, port } = await openManagement(app));
  });
  afterAll(async () => {
    await closeManagement(app);
    await app.stop();
  });

  it.each(['/health', '/health/ready', '/health/startup'])('%s tells what was looked at, and when', async (path) => {
    // What is not heard in time fails: on a busy machine it is asked again.
    const { status, type, body } = await awaitThat(
      () => ask<Report>('GET', path),
      (answer) => answer.status === 200,
    );
    expect([status, type, body.status]).toEqual([200, 'application/health+json', 'pass']);
    for (const [check] of Object.values(body.checks)) expect(Date.parse(check!.time)).not.toBeNaN();
  });

  it('measures the database, and says why a process is not ready', async () => {
    const { body } = await awaitThat(
      () => ask<Report>('GET', '/health/ready'),
      (answer) => answer.status === 200,
    );
    expect(body.checks['database']).toEqual([expect.objectContaining({ status: 'pass', observedUnit: 'ms' })]);
    app.get(Lifecycle).stopping = true;
    const stopping = await ask<Report>('GET', '/health/ready');
    const alive = await ask('GET', '/health/live');
    app.get(Lifecycle).stopping = false;
    expect([stopping.status, alive.status]).toEqual([503, 200]);
    expect(stopping.body.checks['process']![0]!.output).toBe('The process is stopping');
  });

  it('tells who it is', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Named & {
      version: string;
    };
    const { status, body } = await ask('GET', '/ops/info');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      name: 'roster',
      version,
      node: process.versions.node,
      role: 'all',
      pid: process.pid,
      uptime: expect.any(Number),
    });
  });

  it('shows every setting, and of a secret only that it is set', async () => {
    const { body, text } = await ask<List<Named>>('GET', '/ops/config');
    const valueOf = (name: string): unknown => body.data.find((setting) => setting.name === name)!.value;
    expect(valueOf('ROLE')).toBe('all');
    expect(valueOf('DATABASE_POOL_MAX')).toBe(10);
    expect(valueOf('SECRET_KEY_PREVIOUS')).toBeNull();
    for (const name of ['SECRET_KEY', 'ADMIN_PASSWORD', 'DATABASE_URL']) expect(valueOf(name)).toBe('[set]');
    const { password } = new URL(app.ground.address.url);
    for (const secret of [SECRET_KEY, ADMIN_PASSWORD, password]) expect(text).not.toContain(secret);
  });

  it('lists every documented operation with who may call it', async () => {
    const { body } = await ask<
      List<{ method: string; path: string; policy: { kind: string; permissions?: string[] } }>
    >('GET', '/ops/routes');
    const shown = new Set(body.data.map(({ method, path }) => `${method} ${path}`));
    const documented = Object.entries(app.app.document.paths).flatMap(([path, item]) =>
      (['get', 'put', 'post', 'delete', 'patch'] as const)
        .filter((method) => item[method])
        .map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    expect(documented.length).toBeGreaterThan(20);
    expect(documented.filter((route) => !shown.has(route))).toEqual([]);
    expect(body.data.every(({ policy }) => policy !== undefined)).toBe(true);
    expect(body.data.find(({ method, path }) => `${method} ${path}` === 'GET /api/v1/users')!.policy).toEqual({
      kind: 'requires',
      permissions: ['users:read'],
    });
  });

  it('lists the migrations and counts the connections of the pool', async () => {
    expect((await ask('GET', '/ops/migrations')).body).toEqual({
      data: migrationNames.map((name) => ({ name, known: true, ran: true })),
    });
    const { body } = await ask<{ max: number; total: number; idle: number; used: number }>('GET', '/ops/pool');
    expect(body).toMatchObject({ max: 10, waiting: 0 });
    expect(body.idle + body.used).toBe(body.total);
    expect(body.total).toBeGreaterThan(0);
  });

  it('shows how calls to others go, here and in the metrics', async () => {
    const { body } = await ask<List<Named>>('GET', '/ops/outgoing');
    expect(body.data.find(({ name }) => name === 'mail')).toEqual({
      name: 'mail',
      states: { closed: 1, open: 0, half_open: 0 },
      running: 0,
      waiting: 0,
      results: { done: 0, failed: 0, timed_out: 0, refused: 0 },
      manners: expect.objectContaining({ timeout: 20_000, retries: 0 }),
    });
    const { text } = await ask('GET', '/metrics');
    expect(text).toContain('outgoing_circuits{policy="mail",state="closed"} 1');
    expect(text).toContain('outgoing_calls{policy="webhooks",state="running"} 0');
  });

  describe('loggers', () => {
    const levelOf = async (name: string): Promise<string | undefined> =>
      (await ask<List<Named>>('GET', '/ops/loggers')).body.data.find((logger) => logger.name === name)?.level;
    const answered = (): number => lines.filter((line) => line.includes('"part":"access"')).length;

    it('change their level while the process runs, each for itself', async () => {
      expect([await levelOf('access'), await levelOf('jobs')]).toEqual(['debug', 'debug']);
      expect((await ask('PUT', '/ops/loggers/access', { body: { level: 'warn' } })).status).toBe(204);
      expect([await levelOf('access'), await levelOf('jobs')]).toEqual(['warn', 'debug']);
      const before = answered();
      await app.send('GET', '/health/live');
      expect(answered()).toBe(before);
      await ask('PUT', '/ops/loggers/access', { body: { level: 'info' } });
      await app.send('GET', '/health/live');
      expect(answered()).toBe(before + 1);
    });

    it.each([
      [{ level: 'loud' }, '/level', 'not_allowed'],
      [{}, '/level', 'not_allowed'],
      [[], '/level', 'not_allowed'],
      [null, '/level', 'not_allowed'],
      [{ level: 'info', 'a/b': 1 }, '/a~1b', 'unknown_member'],
    ])('refuse %j', async (body, pointer, code) => {
      const answer = await ask('PUT', '/ops/loggers/access', { body });
      expect([answer.status, answer.type]).toEqual([422, 'application/problem+json']);
      expect(answer.body).toMatchObject({ code: 'validation_failed', errors: [{ pointer, code }] });
    });

    it('are not made by asking for them', async () => {
      const answer = await ask('PUT', '/ops/loggers/nobody', { body: { level: 'info' } });
      expect([answer.status, answer.body['code']]).toEqual([404, 'not_found']);
      expect(await levelOf('nobody')).toBeUndefined();
    });
  });

  const LOGGER = '/ops/loggers/access';
  const as = (type: string): { body: string; headers: Record<string, string> } => ({
    body: '{"level":"info"}',
    headers: { 'content-type': type },
  });
  it.each([
    ['an address that is not there', 'GET', '/ops', {}, 404, 'not_found'],
    ['a route of the other port', 'GET', '/api/v1/users', {}, 404, 'not_found'],
    ['a method that is not there', 'DELETE', '/ops/info', {}, 405, 'method_not_allowed'],
    ['a malformed URL', 'GET', '/%zz', {}, 400, 'malformed_request'],
    ['broken JSON', 'PUT', LOGGER, { body: '{"level":' }, 400, 'malformed_request'],
    ['a large body', 'PUT', LOGGER, { body: { level: 'x'.repeat(5000) } }, 413, 'payload_too_large'],
    ['a form', 'PUT', LOGGER, as('application/x-www-form-urlencoded'), 415, 'unsupported_media_type'],
    ['a merge patch', 'PUT', LOGGER, as('application/merge-patch+json'), 415, 'unsupported_media_type'],
    ['large headers', 'GET', '/ops/info', { headers: { 'x-long': 'x'.repeat(9000) } }, 431, 'headers_too_large'],
  ])('refuses %s as a problem', async (_what, method, path, options, status, code) => {
    const answer = await ask(method, path, options as object);
    expect([answer.status, answer.type]).toEqual([status, 'application/problem+json']);
    expect(answer.body).toMatchObject({ status, code, type: expect.stringMatching(new RegExp(`/problems/${code}$`)) });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    if (status === 405) expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });

  it.each(['evil.example', 'localhost.evil.example:3001', '10.0.0.1'])(
    'tells nothing to a page of %s whose name was turned to this machine',
    async (host) => {
      const answer = await new Promise<IncomingMessage>((resolve) => {
        request({ port, host: '127.0.0.1', path: '/ops/config', headers: { host } }, resolve).end();
      });
      answer.resume();
      expect(answer.statusCode).toBe(404);
    },
  );

  it('is the only place of metrics and operations', async () => {
    for (const path of ['/metrics', '/ops/info', '/ops/config', '/ops/loggers'])
      expect((await app.send('GET', path)).status).toBe(404);
  });
});
