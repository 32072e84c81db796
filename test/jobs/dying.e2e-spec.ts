import { Client } from 'pg';

import { Jobs, defineJob } from '../../src/jobs/index.js';
import { Database } from '../../src/platform/database/database.js';
import { TestApp } from '../harness/app.js';
import { asSuperuser, freshDatabase } from '../harness/database.js';
import { awaitState, jobOf } from './awaited.js';

const Touched = defineJob<{ at: number }>('dying.touched', { maxAttempts: 2 });

const LATER = (): Date => new Date(Date.now() + 3_600_000);

/** Processes that die, as the record shows them: rows of workers that give no sign of life. */
describe('what dead workers leave behind', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`jobs_dying_${process.env['JEST_WORKER_ID']}`),
      work: (jobs) => {
        jobs.work(Touched, ({ at }) => ({ at }));
      },
    });
  });
  afterAll(() => app.stop());

  /** A process that has begun jobs, and holds their tickets. */
  async function begunBy(ghost: string, ids: readonly string[], crashes = 0): Promise<void> {
    await app.sql(
      `WITH ghost AS (INSERT INTO roster.job_workers (id, host, pid, started_at, beat_at)
         VALUES ($1, 'ghost', 1, now(), now() + interval '1 hour')),
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
});
