import { setTimeout as pause } from 'node:timers/promises';

import { Database, lookup } from '../../src/platform/database/database.js';
import { DatabaseTimeout } from '../../src/platform/database/impatient-client.js';
import { lanesOf } from '../../src/platform/database/pipeline.js';
import { runInRequest } from '../../src/platform/logging/request-context.js';
import { TestApp } from '../harness/app.js';
import { awaitThat, unhurried } from '../jobs/awaited.js';

const ECHO = lookup('test_echo', 'SELECT $1::int AS n');
const DIVIDE = lookup('test_divide', 'SELECT 100 / $1::int AS n');
const SLOW = lookup('test_slow', 'SELECT pg_sleep($1), pg_backend_pid() AS pid');
const PID = lookup('test_pid', 'SELECT pg_backend_pid() AS pid, $1::int AS n');

describe('look-ups that share connections', () => {
  let app: TestApp;
  let db: Database;

  beforeAll(async () => {
    app = await TestApp.start();
    db = app.get(Database);
    await warm();
  });
  afterAll(() => app.stop());

  /** Until both connections are open and know the statements. */
  async function warm(): Promise<void> {
    for (let round = 0; round < 20; round += 1) {
      await Promise.all([ECHO, PID].flatMap((each) => [1, 2, 3, 4].map((n) => db.row(each, [n]))));
      await pause(5);
    }
  }
  const pids = async (): Promise<Set<number>> => {
    const rows = await Promise.all(Array.from({ length: 40 }, (_, n) => db.row<{ pid: number }>(PID, [n])));
    return new Set(rows.map((row) => row!.pid));
  };

  it('are carried by two connections, however many ask', async () => {
    expect((await pids()).size).toBe(2);
  });

  it('are each given their own answer, also when others fail', async () => {
    const asked = Array.from({ length: 1000 }, (_, n) =>
      n % 7 === 0
        ? db.row<{ n: number }>(DIVIDE, [0]).then(
            () => 'answered',
            (error: { code?: string }) => error.code,
          )
        : db.row<{ n: number }>(ECHO, [n]).then((row) => row!.n),
    );
    const answers = await Promise.all(asked);
    expect(answers).toEqual(Array.from({ length: 1000 }, (_, n) => (n % 7 === 0 ? '22012' : n)));
    expect((await pids()).size).toBe(2);
  });

  it('see what this process has committed', async () => {
    const { id } = await app.people.user();
    const ada = await app.people.admin();
    for (let n = 0; n < 20; n += 1) {
      await ada.patch(`/api/v1/users/${id}`, { name: `Name ${n}` });
      expect((await ada.get<{ name: string }>(`/api/v1/users/${id}`)).body.name).toBe(`Name ${n}`);
    }
  });

  it('fail alone when whoever asks has no time left', async () => {
    const before = await pids();
    const context = { requestId: 'late', deadline: performance.now() + 1, ip: null, userAgent: null, actorId: null };
    // Behind a slow one, so that the answer cannot come in time; the lane and its other askers are well.
    const slow = [db.row(SLOW, [0.4]), db.row(SLOW, [0.4])];
    const late = runInRequest(context, () => db.row(ECHO, [1]));
    const others = Array.from({ length: 8 }, (_, n) => db.row<{ n: number }>(ECHO, [n]));
    await expect(late).rejects.toBeInstanceOf(DatabaseTimeout);
    await Promise.all(slow);
    expect((await Promise.all(others)).map((row) => row!.n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await pids()).toEqual(before);
  });

  it('and all others prepare anew what a migration has changed under them', async () => {
    const owner = (text: string): Promise<unknown> => app.sql(text);
    await owner('CREATE TABLE roster.test_shape (n integer)');
    await owner('INSERT INTO roster.test_shape VALUES (1)');
    await owner(`GRANT SELECT ON roster.test_shape TO ${new URL(app.ground.address.url).username}`);
    try {
      const shape = lookup('test_shape', 'SELECT n FROM roster.test_shape WHERE $1::int = 1');
      const ofPool = { ...shape, name: 'test_shape_pool', lookup: false };
      const all = (): Promise<unknown[]> =>
        unhurried(() =>
          Promise.all([shape, ofPool].flatMap((each) => Array.from({ length: 20 }, () => db.row(each, [1])))),
        );
      for (let round = 0; round < 5; round += 1) await all();
      await owner('ALTER TABLE roster.test_shape ALTER n TYPE text');
      expect(new Set((await all()).map((row) => JSON.stringify(row)))).toEqual(new Set(['{"n":"1"}']));
      expect(await db.transaction(() => db.row(ofPool, [1]))).toEqual({ n: '1' });
    } finally {
      await owner('DROP TABLE roster.test_shape');
    }
  });

  it('are part of a transaction where there is one', async () => {
    await db.transaction(async () => {
      const own = await db.row<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      expect(await db.row<{ pid: number }>(PID, [1])).toMatchObject(own!);
    });
  });

  it('go on over the pool while their connections are lost, and come back', async () => {
    const before = await pids();
    const working = Promise.allSettled(Array.from({ length: 20 }, () => db.row(SLOW, [0.2])));
    await pause(30);
    await app.sql('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid', [[...before]]);
    for (const outcome of await working)
      if (outcome.status === 'rejected') expect(String(outcome.reason)).toMatch(/terminat|Connection|closed/i);
    expect(await db.row(ECHO, [7])).toEqual({ n: 7 });
    // Until they are there again, the pool carries them.
    const after = await awaitThat(
      async () => (await warm(), pids()),
      (found) => found.size === 2 && ![...found].some((pid) => before.has(pid)),
    );
    expect(after.size).toBe(2);
  });

  it('are counted among the connections of the process, and closed with it', async () => {
    const other = await TestApp.start({ settings: { DATABASE_POOL_MAX: '5' } });
    const database = other.get(Database);
    await Promise.all(Array.from({ length: 60 }, (_, n) => database.row(ECHO, [n])));
    await Promise.all(Array.from({ length: 60 }, () => database.row('SELECT pg_sleep(0.01)')));
    expect(database.connections().total).toBeLessThanOrEqual(5);
    const lanes = await Promise.all(Array.from({ length: 8 }, (_, n) => database.row<{ pid: number }>(PID, [n])));
    await other.stop();
    const left = (): Promise<unknown[]> =>
      app.sql('SELECT pid FROM pg_stat_activity WHERE pid = ANY($1)', [lanes.map((row) => row!.pid)]);
    // PostgreSQL notices a closed connection a moment later.
    for (let tries = 0; tries < 600 && (await left()).length > 0; tries += 1) await pause(50);
    expect(await left()).toEqual([]);
  });

  it('take no connection from a small pool', () => {
    expect([1, 2, 3, 4, 10].map(lanesOf)).toEqual([0, 0, 0, 2, 2]);
  });
});
