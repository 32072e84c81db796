import { Client } from 'pg';

import { Jobs, defineJob } from '../../src/jobs/index.js';
import { Database } from '../../src/platform/database/database.js';
import { TestApp } from '../harness/app.js';
import { asSuperuser, freshDatabase } from '../harness/database.js';
import { awaitState, awaitThat, jobOf, passBackoff } from './awaited.js';

const Touched = defineJob<{ at: number }>('dying.touched', { maxAttempts: 2 });

const Lingering = defineJob<{ at: number }>('dying.lingering', { maxAttempts: 2 });

const LATER = (): Date => new Date(Date.now() + 3_600_000);

/** Processes that die, as the record shows them: rows of workers that give no sign of life. */
describe('what dead workers leave behind', () => {
  let app: TestApp;
  const lingering = new Map<string, () => void>();
  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`jobs_dying_${process.env['JEST_WORKER_ID']}`),
      work: (jobs) => {
        jobs.work(Touched, ({ at }) => ({ at }));
        jobs.work(Lingering, (_, { id }) => new Promise<void>((resolve) => lingering.set(id, resolve)));
      },
    });
  });
  afterAll(() => app.stop());

  /** A process that has begun jobs, and holds their tickets. */
  async function begunBy(ghost: string, ids: readonly string[], crashes = 0): Promise<void> {
    await app.sql(
      `WITH ghost AS (INSERT INTO roster.job_workers (id, host, pid, kinds, started_at, beat_at)
         VALUES ($1, 'ghost', 1, '{}', now(), now() + interval '1 hour')),
       tickets AS (UPDATE graphile_worker._private_jobs SET locked_by = $1, locked_at = now(), attempts = 1, run_at = now()
         WHERE key = ANY($2::text[]))
       UPDATE roster.jobs SET state = 'running', worker = $1, attempts = attempts + 1, crashes = $3, run_at = now(),
         started_at = now() WHERE id = ANY($2::text[]::uuid[])`,
      [ghost, ids, crashes],
    );
  }
  /** Its last sign of life was long ago. */
  const dies = (...ghosts: string[]): Promise<unknown> =>
    app.sql("UPDATE roster.job_workers SET beat_at = now() - interval '16 seconds' WHERE id = ANY($1)", [ghosts]);

  const owe = (at: number): Promise<string> => app.get(Jobs).enqueue(Touched, { at }, { runAt: LATER() });

  it('is done by others, whoever of them was stopped inside a transaction', async () => {
    const [held, free] = [await owe(1), await owe(2)];
    await begunBy('pool-stopped', [held]);
    await begunBy('pool-killed', [free]);
    const stopped = new Client({ connectionString: asSuperuser(app.ground.address) });
    await stopped.connect();
    try {
      await stopped.query('BEGIN');
      await stopped.query('SELECT 1 FROM roster.jobs WHERE id = $1 FOR NO KEY UPDATE', [held]);
      await dies('pool-stopped', 'pool-killed');
      await awaitState(app, free, 'succeeded');
      expect((await jobOf(app, held)).state).toBe('running');
    } finally {
      await stopped.query('ROLLBACK');
      await stopped.end();
    }
    expect(await awaitState(app, held, 'succeeded')).toMatchObject({ attempts: 2, spared: 1 });
    expect(await app.sql("SELECT 1 FROM roster.job_workers WHERE host = 'ghost'")).toEqual([]);
  });

  it('keeps no lock for long, if it was stopped inside a transaction', async () => {
    const limits = await app
      .get(Database)
      .rows<{ setting: string }>("SELECT setting FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'");
    expect(limits).toEqual([{ setting: '5000' }]);
    const id = await owe(3);
    const stopped = app.get(Database).transaction(async () => {
      await app.get(Database).row('SELECT 1 FROM roster.jobs WHERE id = $1 FOR UPDATE', [id]);
      // Until PostgreSQL has ended our session, the row is locked.
      await app.sql('SELECT 1 FROM roster.jobs WHERE id = $1 FOR UPDATE', [id]);
    });
    await expect(stopped).rejects.toThrow();
    await app.get(Jobs).cancel(id);
  });

  it('is dead after ten crashes under its handler, and by none that came before its turn', async () => {
    const [culprit, innocent] = [await owe(4), await owe(5)];
    await begunBy('pool-culprit', [culprit], 10);
    await begunBy('pool-innocent', [innocent], 9);
    await dies('pool-culprit', 'pool-innocent');
    expect((await awaitState(app, culprit, 'dead')).last_error).toBe('The process that ran it died');
    expect(await awaitState(app, innocent, 'succeeded')).toMatchObject({ attempts: 2, spared: 1, crashes: 0 });
  });

  it('is done one by one where a job has died before, so that the neighbours of a culprit are not blamed with it', async () => {
    const ids: string[] = [];
    for (let at = 0; at < 3; at += 1) ids.push(await app.get(Jobs).enqueue(Lingering, { at }, { runAt: LATER() }));
    await begunBy('pool-three', ids);
    await dies('pool-three');
    const crashes = async (): Promise<number[]> =>
      (await Promise.all(ids.map((id) => jobOf(app, id)))).map((job) => job.crashes).sort();
    for (let done = 1; done <= ids.length; done += 1) {
      await awaitThat(
        async () => lingering.size,
        (begun) => begun === done,
      );
      // Of all that wait here one is blamed, if the process dies now; what is done is free of it.
      const suspected = Array.from({ length: ids.length - done }, () => 1);
      expect(await crashes()).toEqual([...Array.from({ length: done - 1 }, () => 0), ...suspected, 2]);
      for (const letGo of lingering.values()) letGo();
      await awaitThat(crashes, (all) => all.filter((count) => count === 0).length === done);
    }
    for (const id of ids) expect(await awaitState(app, id, 'succeeded')).toMatchObject({ attempts: 2, crashes: 0 });
  });

  it('keeps its ticket, whatever one says of it who was silent for long and wakes', async () => {
    const id = await app.get(Jobs).enqueue(Lingering, { at: 9 });
    await awaitThat(async () => lingering.has(id), Boolean);
    // As others leave it who have given its worker up: it waits, by the same ticket.
    const [ticket] = await app.sql(
      `WITH freed AS (UPDATE roster.jobs SET state = 'queued', worker = NULL, spared = 1, run_at = now() + interval '1 hour' WHERE id = $1)
       UPDATE graphile_worker._private_jobs SET locked_by = NULL, locked_at = NULL, run_at = now() + interval '1 hour'
       WHERE key = $1::text RETURNING id`,
      [id],
    );
    expect(ticket).toBeDefined();
    lingering.get(id)!();
    await awaitState(app, await app.get(Jobs).enqueue(Touched, { at: 10 }), 'succeeded');
    lingering.delete(id);
    await passBackoff(app, id);
    await awaitThat(async () => lingering.has(id), Boolean);
    lingering.get(id)!();
    expect(await awaitState(app, id, 'succeeded')).toMatchObject({ attempts: 2 });
  });
});
