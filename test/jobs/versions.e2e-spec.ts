import { createDataSource } from '../../ormconfig.js';
import { Jobs1796100000000 } from '../../migrations/1796100000000-jobs.js';
import { Health } from '../../src/health/health.service.js';
import { Jobs, defineJob } from '../../src/jobs/index.js';
import { Schedules } from '../../src/jobs/schedules.service.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { awaitState, awaitThat, jobOf } from './awaited.js';

const Plain = defineJob<{ at: number }>('versions.plain', { maxAttempts: 2 });
const Long = defineJob<{ at: number }>('versions.long', { maxAttempts: 2, isLong: true });
const Hourly = defineJob('versions.hourly', { maxAttempts: 1 });
const EachMinute = defineJob('versions.each_minute', { maxAttempts: 1 });

const HOUR = 3_600_000;
/** Half an hour from now: no stroke of it comes while this runs. */
const MINUTE = (new Date().getUTCMinutes() + 30) % 60;

describe('jobs of versions that come and go', () => {
  let database: DatabaseAddress;
  let app: TestApp;
  const held = new Map<string, () => void>();

  const start = (settings = {}, schedules = false): Promise<TestApp> =>
    TestApp.start({
      database,
      settings,
      schedules,
      work: (jobs) => {
        jobs.work(Plain, ({ at }) => ({ at }));
        jobs.work(Long, (_, { id }) => new Promise<void>((resolve) => held.set(id, resolve)));
        jobs.work(Hourly, () => undefined, { cron: `${MINUTE} * * * *` });
        jobs.work(EachMinute, () => undefined, { cron: '* * * * *' });
      },
    });

  beforeAll(async () => {
    database = await freshDatabase(`jobs_versions_${process.env['JEST_WORKER_ID']}`);
    app = await start();
  });
  afterAll(() => app.stop());

  const strokesOf = (name: string) =>
    app.sql<{ state: string }>('SELECT state FROM roster.jobs WHERE name = $1', [name]);

  async function stopForTenHours(): Promise<string[]> {
    const plain = (at: number): Promise<string> =>
      app.get(Jobs).enqueue(Plain, { at }, { runAt: new Date(Date.now() + HOUR) });
    const [gone, known] = [await plain(1), await plain(2)];
    await app.stop();
    await app.sql(
      `UPDATE graphile_worker._private_known_crontabs SET known_since = now() - interval '1 day', last_execution = now() - interval '10 hours'`,
    );
    await app.sql("DELETE FROM roster.jobs WHERE key = 'schedule'");
    await app.sql("UPDATE roster.jobs SET name = 'versions.gone', run_at = now() - interval '25 hours' WHERE id = $1", [
      gone,
    ]);
    await app.sql("UPDATE roster.jobs SET name = 'versions.new', run_at = now() - interval '25 hours' WHERE id = $1", [
      known,
    ]);
    await app.sql(
      `INSERT INTO roster.job_workers (id, host, pid, kinds, started_at, beat_at)
       VALUES ('newer', 'newer', 1, '{versions.new}', now(), now() + interval '1 hour')`,
    );
    await app.sql(`SELECT graphile_worker.add_job('versions.plain', '{"at": 3}', job_key => 'of old')`);
    await app.sql(
      "UPDATE graphile_worker._private_jobs SET locked_by = 'old', locked_at = now() - interval '1 hour' WHERE key = 'of old'",
    );
    return [gone!, known!];
  }

  it('make up once for strokes that nobody was there for, bury what nobody knows, and leave alone what others have', async () => {
    const [gone, known] = await stopForTenHours();
    app = await start({}, true);
    const dead = await awaitState(app, gone!, 'dead');
    expect(dead.last_error).toBe('For a day no process has known this kind of job');
    expect((await jobOf(app, known!)).state).toBe('queued');
    const old = await app.sql("SELECT locked_by FROM graphile_worker._private_jobs WHERE key = 'of old'");
    expect(old).toEqual([{ locked_by: 'old' }]);
    await awaitThat(
      () => strokesOf('versions.hourly'),
      (strokes) => strokes[0]?.state === 'succeeded',
    );
    const waiting = (): Promise<object[]> =>
      app.sql("SELECT 1 FROM graphile_worker.jobs WHERE task_identifier = 'jobs.schedule'");
    await awaitThat(waiting, (tickets) => tickets.length === 0);
    expect(await strokesOf('versions.hourly')).toEqual([{ state: 'succeeded' }]);
    expect((await strokesOf('versions.each_minute')).length).toBeLessThanOrEqual(2);
    await app.sql("UPDATE graphile_worker._private_known_crontabs SET last_execution = '9999-01-01'");
  });

  it('are owed by a stroke of a schedule that is unknown here, until somebody comes who knows it', async () => {
    const ticket = {
      schedule: 'versions.newer',
      maxAttempts: 5,
      isLong: true,
      _cron: { ts: '2026-01-01T10:00:00.000Z' },
    };
    await app.get(Schedules).fire(ticket);
    const [owed] = await app.sql("SELECT state, max_attempts, is_long FROM roster.jobs WHERE name = 'versions.newer'");
    expect(owed).toEqual({ state: 'queued', max_attempts: 5, is_long: true });
    expect(
      await app.sql("SELECT 1 FROM graphile_worker.jobs WHERE task_identifier = 'job:versions.newer'"),
    ).toHaveLength(1);
  });

  it('that are long leave room for the others, and wait where anybody may begin them', async () => {
    await app.stop();
    app = await start({ JOBS_CONCURRENCY: '2' });
    const long = await Promise.all(Array.from({ length: 6 }, (_, at) => app.get(Jobs).enqueue(Long, { at })));
    await awaitThat(async () => held.size, Boolean);
    for (let at = 0; at < 10; at += 1) await awaitState(app, await app.get(Jobs).enqueue(Plain, { at }), 'succeeded');
    expect(held.size).toBe(1);
    const states = (await Promise.all(long.map((id) => jobOf(app, id)))).map(({ state }) => state).sort();
    expect(states).toEqual([...Array.from({ length: 5 }, () => 'queued'), 'running']);
    await awaitThat(
      () => {
        for (const letGo of held.values()) letGo();
        return Promise.all(long.map((id) => jobOf(app, id)));
      },
      (all) => all.every(({ state }) => state === 'succeeded'),
      25_000,
    );
  }, 60_000);

  it('that nobody comes to are told of, though processes run jobs', async () => {
    const id = await app.get(Jobs).enqueue(Plain, { at: 1 }, { runAt: new Date(Date.now() + HOUR) });
    await app.sql(
      "UPDATE roster.jobs SET run_at = now() - interval '5 minutes', name = 'versions.nobody' WHERE id = $1",
      [id],
    );
    const told = await awaitThat(
      () => app.get(Health).whole(),
      ({ checks }) => checks!['queue']![0].status === 'warn',
    );
    expect(told.checks!['queue']![0].output).toMatch(/^Jobs wait for \d+ s, and nobody comes to them$/);
    await app.get(Jobs).cancel(id);
  });

  it('are owed as before, if the version before comes back', async () => {
    const address = await freshDatabase(`jobs_down_${process.env['JEST_WORKER_ID']}`);
    const newer = await TestApp.start({ database: address, settings: { ROLE: 'api' } });
    const runAt = new Date(Date.now() + HOUR);
    await newer.get(Jobs).enqueue(Plain, { at: 7 }, { runAt, key: 'seven', queue: 'q' });
    await newer.get(Jobs).cancel(await newer.get(Jobs).enqueue(Plain, { at: 8 }, { runAt }));
    await newer.stop();
    const owner = await createDataSource({
      url: address.ownerUrl,
      poolMax: 1,
      applicationName: 'down',
      patience: 60_000,
    }).initialize();
    await new Jobs1796100000000().down(owner.createQueryRunner());
    await owner.destroy();
    const tickets = await newer.sql(
      `SELECT j.task_identifier, p.payload, j.queue_name, j.key, j.max_attempts, j.run_at FROM graphile_worker.jobs j
       JOIN graphile_worker._private_jobs p USING (id)`,
    );
    expect(tickets).toEqual([
      {
        task_identifier: 'versions.plain',
        payload: { at: 7 },
        queue_name: 'q',
        key: 'seven',
        max_attempts: 2,
        run_at: runAt,
      },
    ]);
  });
});
