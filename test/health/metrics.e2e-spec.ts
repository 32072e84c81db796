import { Client } from 'pg';

import { Database } from '../../src/platform/database/database.js';
import { TestApp } from '../harness/app.js';
import { asSuperuser } from '../harness/database.js';
import { PASSWORD, unique } from '../harness/people.js';
import { awaitThat } from '../jobs/awaited.js';
import { closeManagement, openManagement } from './management.js';
import type { Ask } from './management.js';

describe('metrics', () => {
  let app: TestApp;
  let ask: Ask;

  beforeAll(async () => {
    app = await TestApp.start();
    ({ ask } = await openManagement(app));
  });
  afterAll(async () => {
    await closeManagement(app);
    await app.stop();
  });

  const scrape = async (): Promise<string[]> => (await ask('GET', '/metrics')).text.split('\n');
  /** The value of the one line that has this name and all of these labels. */
  async function valueOf(name: string, labels: Record<string, string> = {}): Promise<number> {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const lines = (await scrape()).filter(
      (line) => /^[^{ ]+/.exec(line)?.[0] === name && wanted.every((label) => line.includes(label)),
    );
    expect(lines.length).toBeLessThanOrEqual(1);
    return lines.length === 0 ? 0 : Number(lines[0]!.split(' ').at(-1));
  }
  const routesSeen = async (): Promise<Set<string>> =>
    new Set((await scrape()).flatMap((line) => /http_route="([^"]*)"/.exec(line)?.[1] ?? []));

  it('are text that Prometheus reads', async () => {
    const { status, type, text } = await ask('GET', '/metrics');
    expect([status, type]).toEqual([200, 'text/plain']);
    for (const name of [
      'http_server_request_duration_seconds histogram',
      'http_server_active_requests gauge',
      'db_client_connection_count gauge',
      'db_client_connection_pending_requests gauge',
      'auth_sign_ins_total counter',
      'jobs_finished_total counter',
      'mail_sent_total counter',
      'password_hash_queue_size gauge',
      'process_cpu_seconds_total counter',
      'nodejs_eventloop_lag_seconds gauge',
    ])
      expect(text).toContain(`# TYPE ${name}`);
  });

  it('name requests by the template of their route, never by what was asked for', async () => {
    const ada = await app.people.admin();
    const labels = { http_request_method: 'GET', http_route: '/api/v1/users/:id', http_response_status_code: '200' };
    const before = await valueOf('http_server_request_duration_seconds_count', labels);
    await ada.get(`/api/v1/users/${ada.id}`);
    await ada.get(`/api/v1/users/${ada.id}?fields=id`);
    expect(await valueOf('http_server_request_duration_seconds_count', labels)).toBe(before + 2);
    expect((await scrape()).join('\n')).not.toContain(ada.id);
  });

  it('count everything that is not there as one', async () => {
    await app.send('GET', '/nothing/here');
    const before = await routesSeen();
    for (const path of ['/nothing/there', '/.env', '/api/v1/users/a/b/c', '/%zz']) await app.send('GET', path);
    await app.send('PATCH', '/api/v1/auth/login', { body: {} });
    expect(await routesSeen()).toEqual(before);
    expect(before).toContain('unknown');
  });

  it('count methods that nobody knows as one', async () => {
    for (const method of ['PROPFIND', 'MKCOL', 'PURGE']) await app.send(method, '/nothing/here');
    const methods = new Set((await scrape()).flatMap((line) => /http_request_method="([^"]*)"/.exec(line)?.[1] ?? []));
    expect(methods).toContain('_OTHER');
    expect([...methods].filter((method) => !/^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|_OTHER)$/.test(method))).toEqual(
      [],
    );
  });

  it('count the requests that are being answered, down to none', async () => {
    const answering = (expected: number): Promise<number> =>
      awaitThat(
        () => valueOf('http_server_active_requests'),
        (value) => value === expected,
      );
    // It is not answered before it was counted.
    const holder = new Client({ connectionString: asSuperuser(app.ground.address) });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE roster.users IN ACCESS EXCLUSIVE MODE');
    const signIn = app.send('POST', '/api/v1/auth/login', {
      body: { identifier: `${unique('nobody')}@example.com`, password: PASSWORD },
    });
    expect(await answering(1)).toBe(1);
    await holder.end();
    await signIn;
    expect(await answering(0)).toBe(0);
  });

  it('count sign-ins by their result', async () => {
    const { email } = await app.people.user();
    const counted = (): Promise<number[]> =>
      Promise.all(['success', 'failure'].map((result) => valueOf('auth_sign_ins_total', { result })));
    const [succeeded, failed] = await counted();
    await app.send('POST', '/api/v1/auth/login', { body: { identifier: email, password: PASSWORD } });
    await app.send('POST', '/api/v1/auth/login', { body: { identifier: email, password: 'not the password at all' } });
    expect(await counted()).toEqual([succeeded! + 1, failed! + 1]);
  });

  it('count the connections of the pool by their state', async () => {
    const used = (): Promise<number> => valueOf('db_client_connection_count', { state: 'used' });
    const db = app.get(Database);
    await db.transaction(async () => {
      await db.rows('SELECT 1');
      expect(await used()).toBeGreaterThanOrEqual(1);
    });
    expect(await valueOf('db_client_connection_count', { state: 'idle' })).toBeGreaterThanOrEqual(1);
  });
});
