import { Client } from 'pg';

import { Lifecycle } from '../../src/platform/telemetry/lifecycle.js';
import { TestApp } from '../harness/app.js';
import { AwakeClock } from '../harness/awake.js';
import type { Answer } from '../harness/household.js';
import { ask, asSuperuser, freshDatabase, run } from '../harness/database.js';

interface Report {
  status: string;
  checks?: Record<string, { status: string }[]>;
}

const NAME = `health_probes_${process.env['JEST_WORKER_ID']}`;
const PROBES = ['/health', '/health/live', '/health/ready', '/health/startup'];
const superuser = (text: string, values: unknown[] = []): Promise<unknown[]> => ask(run.superUrl, text, values);

/** What a busy machine may take where nothing is promised. Milliseconds. */
const PATIENCE = 20_000;
const clock = new AwakeClock();

async function until<T>(milliseconds: number, look: () => Promise<T>, good: (seen: T) => boolean): Promise<T> {
  const end = clock.now() + milliseconds;
  for (;;) {
    const seen = await look();
    if (good(seen) || clock.now() > end) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('probes', () => {
  let app: TestApp;
  const probe = (path: string): Promise<Answer<Report>> => app.send<Report>('GET', path);
  const awaitReady = (): Promise<Answer<Report>> =>
    until(
      PATIENCE,
      () => probe('/health/ready'),
      ({ status }) => status === 200,
    );
  const statusesOf = async (): Promise<number[]> => Promise.all(PROBES.map(async (path) => (await probe(path)).status));

  beforeAll(async () => {
    app = await TestApp.start({ database: await freshDatabase(NAME), patient: false });
  });
  afterAll(async () => {
    await app.stop();
    await superuser(`DROP DATABASE IF EXISTS ${NAME} WITH (FORCE)`);
  });

  it.each(PROBES)('%s passes, as application/health+json that nobody keeps', async (path) => {
    const { status, headers, body } = await until(
      PATIENCE,
      () => probe(path),
      (answer) => answer.status === 200,
    );
    expect([status, body.status]).toEqual([200, 'pass']);
    expect(headers['content-type']).toBe('application/health+json');
    expect(headers['cache-control']).toBe('no-store');
  });

  it('tells on the main port what was looked at, and no details of it', async () => {
    const { body } = await probe('/health');
    expect(Object.keys(body.checks!).sort()).toEqual([
      'audit',
      'database',
      'migrations',
      'process',
      'queue',
      'startup',
    ]);
    for (const [check] of Object.values(body.checks!)) expect(Object.keys(check!)).toEqual(['status']);
  });

  it('answers HEAD and refuses to be posted to', async () => {
    expect((await app.send('HEAD', '/health/ready')).status).toBe(200);
    expect(await app.send<{ code: string }>('POST', '/health/ready')).toMatchObject({
      status: 405,
      body: { code: 'method_not_allowed' },
    });
  });

  describe('while the database is away', () => {
    beforeAll(async () => {
      await superuser(`ALTER DATABASE ${NAME} ALLOW_CONNECTIONS false`);
      await superuser('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [NAME]);
    });
    afterAll(() => superuser(`ALTER DATABASE ${NAME} ALLOW_CONNECTIONS true`));

    it('is alive and has started, but is not ready', async () => {
      await until(
        PATIENCE,
        () => probe('/health/ready'),
        ({ status }) => status === 503,
      );
      expect(await statusesOf()).toEqual([503, 200, 503, 200]);
      const { headers, body } = await probe('/health/ready');
      expect(headers['content-type']).toBe('application/health+json');
      expect(body).toMatchObject({ status: 'fail', checks: { database: [{ status: 'fail' }] } });
    });

    it('is ready again within two seconds of its return', async () => {
      await superuser(`ALTER DATABASE ${NAME} ALLOW_CONNECTIONS true`);
      const { status } = await until(
        2000,
        () => probe('/health/ready'),
        (seen) => seen.status === 200,
      );
      expect(status).toBe(200);
    });
  });

  describe('while the database does not answer', () => {
    let held: Client;

    beforeAll(async () => {
      held = new Client({ connectionString: asSuperuser(app.ground.address) });
      await held.connect();
      await held.query('BEGIN; LOCK TABLE roster.migrations IN ACCESS EXCLUSIVE MODE');
      await new Promise((resolve) => setTimeout(resolve, 300));
    });
    afterAll(() => held.end());

    it('says so within 1.5 s to everybody who asks, and holds one connection for all of them', async () => {
      const startedAt = clock.now();
      let took = 0;
      const answers = Promise.all(Array.from({ length: 20 }, () => probe('/health/ready'))).finally(() => {
        took = clock.now() - startedAt;
      });
      let most = 0;
      while (took === 0 || most === 0) {
        const [waiting] = await app.sql<{ n: number }>(
          "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
        most = Math.max(most, waiting!.n);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(most).toBe(1);
      expect((await answers).map(({ status }) => status)).toEqual(Array(20).fill(503));
      expect(took).toBeLessThan(1500);
      expect((await probe('/health/live')).status).toBe(200);
    });

    it('is ready within two seconds after it answers again', async () => {
      await held.query('ROLLBACK');
      const { status } = await until(
        2000,
        () => probe('/health/ready'),
        (seen) => seen.status === 200,
      );
      expect(status).toBe(200);
    });
  });

  it('is not ready for a database that lacks a migration', async () => {
    const [last] = await app.sql<{ name: string; timestamp: string }>(
      'DELETE FROM roster.migrations WHERE id = (SELECT max(id) FROM roster.migrations) RETURNING name, timestamp',
    );
    const failed = await until(
      PATIENCE,
      () => probe('/health/ready'),
      ({ status }) => status === 503,
    );
    await app.sql('INSERT INTO roster.migrations (name, timestamp) VALUES ($1, $2)', [last!.name, last!.timestamp]);
    expect(failed.body).toMatchObject({
      status: 'fail',
      checks: { database: [{ status: 'pass' }], migrations: [{ status: 'fail' }] },
    });
    const mended = await until(
      PATIENCE,
      () => probe('/health/ready'),
      ({ status }) => status === 200,
    );
    expect(mended.body.status).toBe('pass');
  });

  it('is ready for a database that a newer version has migrated further', async () => {
    await app.sql("INSERT INTO roster.migrations (name, timestamp) VALUES ('FromTheFuture', 9999999999999)");
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { status } = await awaitReady();
    await app.sql("DELETE FROM roster.migrations WHERE name = 'FromTheFuture'");
    expect(status).toBe(200);
  });

  it('is not ready from the moment it is asked to stop, though it is alive and still answers', async () => {
    app.get(Lifecycle).stopping = true;
    expect(await statusesOf()).toEqual([503, 200, 503, 200]);
    expect((await probe('/health/ready')).body.checks).toEqual({ process: [{ status: 'fail' }] });
    app.get(Lifecycle).stopping = false;
    await awaitReady();
    expect(await statusesOf()).toEqual([200, 200, 200, 200]);
  });
});
