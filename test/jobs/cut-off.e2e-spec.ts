import { Client, Pool } from 'pg';

import { Jobs, defineJob } from '../../src/jobs/index.js';
import type { JobRun } from '../../src/jobs/index.js';
import { JobsWatch } from '../../src/jobs/jobs-watch.service.js';
import { WorkerRecord } from '../../src/jobs/worker-record.js';
import { runInRequest } from '../../src/platform/logging/request-context.js';
import { TestApp } from '../harness/app.js';
import { asSuperuser, freshDatabase } from '../harness/database.js';
import { awaitState, awaitThat } from './awaited.js';

const Held = defineJob<{ at: number }>('cut_off.held', { maxAttempts: 2 });
const GHOSTS = 8;

describe('a process whose signs of life', () => {
  let app: TestApp;
  let jobs: Jobs;
  let locker: Client;
  const runs = new Map<string, { readonly run: JobRun; readonly goOn: () => void }[]>();

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`jobs_cut_off_${process.env['JEST_WORKER_ID']}`),
      work: (to) =>
        to.work(Held, (_, run) => {
          return new Promise<void>((resolve, reject) => {
            runs.set(run.id, [...(runs.get(run.id) ?? []), { run, goOn: resolve }]);
            run.signal.addEventListener('abort', () => reject(run.signal.reason as Error));
          });
        }),
    });
    jobs = app.get(Jobs);
    locker = new Client({ connectionString: asSuperuser(app.ground.address) });
    await locker.connect();
  });
  afterAll(async () => {
    await locker.end();
    await app.stop();
  });

  const begun = (id: string, times: number): Promise<unknown> =>
    awaitThat(
      async () => runs.get(id)?.length ?? 0,
      (count) => count === times,
      30_000,
    );

  it('do not come through stops its jobs before others begin them, and goes on with them afterwards', async () => {
    const id = await jobs.enqueue(Held, { at: 1 });
    await begun(id, 1);
    await locker.query('BEGIN');
    try {
      await locker.query('LOCK TABLE roster.job_workers IN SHARE ROW EXCLUSIVE MODE');
      const { signal } = runs.get(id)![0]!.run;
      await awaitThat(async () => signal.aborted, Boolean, 25_000);
      expect((signal.reason as Error).message).toContain('cut_off');
    } finally {
      await locker.query('ROLLBACK');
    }
    await begun(id, 2);
    runs.get(id)![1]!.goOn();
    // Nothing of it was the job's fault.
    expect(await awaitState(app, id, 'succeeded')).toMatchObject({ attempts: 2, spared: 1, crashes: 0 });
  }, 120_000);

  const OWN = "(SELECT id FROM roster.job_workers WHERE host <> 'ghost')";
  const later = (at: number) => jobs.enqueue(Held, { at }, { runAt: new Date(Date.now() + 3_600_000) });

  it('were missed, and is heard again, hands back what it began before it knew', async () => {
    // Its next sign of life waits, so that it begins the job before it is heard again.
    await locker.query('BEGIN');
    await locker.query(`DELETE FROM roster.job_workers WHERE id = ${OWN}`);
    const id = await jobs.enqueue(Held, { at: 3 });
    await begun(id, 1).finally(() => locker.query('COMMIT'));
    await begun(id, 2);
    runs.get(id)![1]!.goOn();
    expect(await awaitState(app, id, 'succeeded')).toMatchObject({ attempts: 2, spared: 1, crashes: 0 });
  }, 120_000);

  it('are well begins again what it was never told that it had begun', async () => {
    const id = await later(4);
    await app.sql(
      `UPDATE roster.jobs SET state = 'running', worker = ${OWN}, attempts = 1, run_at = now(),
         started_at = now() - interval '31 seconds' WHERE id = $1`,
      [id],
    );
    await begun(id, 1);
    runs.get(id)![0]!.goOn();
    expect(await awaitState(app, id, 'succeeded')).toMatchObject({ attempts: 2, spared: 1, crashes: 0 });
  }, 120_000);

  it('are well lets go of tickets that it was never given', async () => {
    const [lost, held] = [await later(5), await jobs.enqueue(Held, { at: 6 })];
    await begun(held, 1);
    await app.sql('UPDATE roster.jobs SET run_at = now() WHERE id = $1', [lost]);
    await app.sql(
      `UPDATE graphile_worker._private_jobs SET run_at = now(), locked_by = ${OWN}, locked_at = now() - interval '2 minutes'
       WHERE key = ANY($1::text[])`,
      [[lost, held]],
    );
    const [{ id: own }, { id: ticket }] = [
      ...(await app.sql<{ id: string }>(`SELECT ${OWN} AS id`)),
      ...(await app.sql<{ id: string }>('SELECT id FROM graphile_worker._private_jobs WHERE key = $1', [held])),
    ] as [{ id: string }, { id: string }];
    const pool = new Pool({ connectionString: app.ground.address.url });
    await new WorkerRecord(pool, own, []).repair([ticket]);
    await pool.end();
    await begun(lost, 1);
    for (const id of [lost, held]) runs.get(id)![0]!.goOn();
    for (const id of [lost, held]) expect(await awaitState(app, id, 'succeeded')).toMatchObject({ attempts: 1 });
  }, 120_000);

  it('come in time looks after others without losing its own life', async () => {
    const held = await jobs.enqueue(Held, { at: 7 });
    await begun(held, 1);
    const [{ run, goOn }] = runs.get(held)! as [{ run: JobRun; goOn: () => void }];
    await app.sql(
      `INSERT INTO roster.job_workers (id, host, pid, kinds, started_at, beat_at)
       SELECT 'pool-' || at, 'ghost', at, '{}', now(), now() + interval '1 hour' FROM generate_series(1, $1::int) AS at`,
      [GHOSTS],
    );
    await app.sql(
      `SELECT graphile_worker.add_job('nobody', run_at => now() + interval '1 hour') FROM generate_series(1, $1::int)`,
      [GHOSTS],
    );
    await app.sql(
      `UPDATE graphile_worker._private_jobs t SET locked_at = now(), locked_by = 'pool-' || n.at
       FROM (SELECT id, row_number() OVER (ORDER BY id) AS at FROM graphile_worker._private_jobs WHERE locked_by IS NULL) n
       WHERE n.id = t.id`,
    );
    await locker.query('BEGIN');
    try {
      // Whoever frees one of them waits for us.
      await locker.query('SELECT 1 FROM graphile_worker._private_jobs FOR UPDATE');
      await app.sql("UPDATE roster.job_workers SET beat_at = now() - interval '16 seconds' WHERE host = 'ghost'");
      const until = performance.now() + (3 * 2000 * GHOSTS) / 2;
      await awaitThat(
        () =>
          app.sql<{ silent: number }>(
            `SELECT extract(epoch FROM clock_timestamp() - beat_at)::float8 AS silent FROM roster.job_workers WHERE host <> 'ghost'`,
          ),
        ([own]) => {
          // After ten seconds it stops what it has begun, and after fifteen others give it up.
          expect([run.signal.aborted, own!.silent < 15]).toEqual([false, true]);
          return performance.now() > until;
        },
        60_000,
      );
    } finally {
      await locker.query('ROLLBACK');
    }
    await awaitThat(
      () => app.sql("SELECT 1 FROM roster.job_workers WHERE host = 'ghost'"),
      (left) => left.length === 0,
      30_000,
    );
    goOn();
    expect(await awaitState(app, held, 'succeeded')).toMatchObject({ attempts: 1, spared: 0, crashes: 0 });
  }, 180_000);

  it('are somebody else’s concern tells those who watch, long after the first of them asked', async () => {
    const id = await jobs.enqueue(Held, { at: 2 }, { runAt: new Date(Date.now() + 3_600_000) });
    const told: string[] = [];
    const leaving = new AbortController();
    const deadline = performance.now() + 100;
    const context = { requestId: 'first', deadline, ip: null, userAgent: null, actorId: null };
    const first = await jobs.get(id);
    const watching = runInRequest(context, () =>
      app.get(JobsWatch).follow(first, ({ state }) => told.push(state), leaving.signal),
    );
    await awaitThat(async () => performance.now() > deadline, Boolean);
    await jobs.cancel(id);
    await awaitThat(
      async () => told.at(-1),
      (state) => state === 'cancelled',
    );
    await watching;
    leaving.abort();
  });
});
