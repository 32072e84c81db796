import { Client } from 'pg';

import { Jobs, defineJob } from '../../src/jobs/index.js';
import { TestApp } from '../harness/app.js';
import { asSuperuser, freshDatabase } from '../harness/database.js';
import { awaitNoTicket, awaitState, awaitThat, jobOf } from './awaited.js';

const Held = defineJob<{ at: number }>('wishes.held', { maxAttempts: 3 });
const Letter = defineJob<{ sealed: string }>('wishes.letter', { maxAttempts: 1, isSecret: true });

const later = (): Date => new Date(Date.now() + 3_600_000);

describe('what people and time do to jobs', () => {
  let app: TestApp;
  let jobs: Jobs;
  const fail = new Map<string, () => void>();
  let begun = 0;

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`jobs_wishes_${process.env['JEST_WORKER_ID']}`),
      work: (to) => {
        // It heeds no signal.
        to.work(Held, (_, run) => {
          begun += 1;
          run.progress(5, 10);
          return new Promise<void>((_resolve, reject) => fail.set(run.id, () => reject(new Error('Failed'))));
        });
        to.work(Letter, () => {
          throw new Error('The post is shut');
        });
      },
    });
    jobs = app.get(Jobs);
  });
  afterAll(() => app.stop());

  async function begin(key: string): Promise<string> {
    const id = await jobs.enqueue(Held, { at: 1 }, { key });
    await awaitThat(async () => fail.has(id), Boolean);
    return id;
  }

  it('are heeded even by one that fails of something else before it has stopped', async () => {
    const id = await begin('wished');
    await jobs.cancel(id);
    // As one whose signal came a moment too late.
    fail.get(id)!();
    const job = await awaitState(app, id, 'cancelled', 'failed', 'dead');
    expect(job.state).toBe('cancelled');
    expect(job.finished_at).not.toBeNull();
    await awaitNoTicket(app, id);
  });

  it('are no wishes about what is owed anew with the key', async () => {
    const id = await jobs.enqueue(Held, { at: 1 }, { key: 'anew', runAt: later() });
    // As a wish that came while it ran, and that it outlived.
    await app.sql(
      "UPDATE roster.jobs SET state = 'failed', attempts = 1, cancel_requested_at = now(), progress_done = 5 WHERE id = $1",
      [id],
    );
    expect(await jobs.enqueue(Held, { at: 2 }, { key: 'anew', runAt: later() })).toBe(id);
    expect(await jobs.get(id)).toMatchObject({ state: 'queued', cancelRequestedAt: null, progressDone: null });
    await app.sql('UPDATE roster.jobs SET cancel_requested_at = now() WHERE id = $1', [id]);
    expect((await jobs.cancel(id)).state).toBe('cancelled');
  });

  it('S29 leave nothing of a secret one that was cancelled; one that is dead can be tried again', async () => {
    const cancelled = await jobs.enqueue(Letter, { sealed: 'x' }, { runAt: later() });
    await jobs.cancel(cancelled);
    expect((await jobOf(app, cancelled)).payload).toBeNull();
    await expect(jobs.retry(cancelled)).rejects.toThrow('cannot be tried again');
    const dead = await jobs.enqueue(Letter, { sealed: 'y' });
    await awaitState(app, dead, 'dead');
    expect((await jobs.retry(dead)).state).toMatch(/queued|running|dead/);
    expect(await awaitState(app, dead, 'dead')).toMatchObject({ payload: { sealed: 'y' } });
    expect(begun).toBeGreaterThan(0);
  });

  it('are forgotten in time, whoever has the queues locked', async () => {
    const prune = jobs.known().get('jobs.prune')!;
    const other = new Client({ connectionString: asSuperuser(app.ground.address) });
    await other.connect();
    try {
      await other.query('BEGIN');
      await other.query('LOCK TABLE graphile_worker._private_job_queues IN ROW EXCLUSIVE MODE');
      await expect(Promise.resolve(prune.handler({} as never, null as never))).resolves.toBe(0);
    } finally {
      await other.query('ROLLBACK');
      await other.end();
    }
  });

  it('are one, of a hundred that are owed at once with one key, and none waits long for its turn', async () => {
    const owe = (): Promise<string[]> =>
      Promise.all(Array.from({ length: 100 }, (_, at) => jobs.enqueue(Held, { at }, { key: 'turn', runAt: later() })));
    // Who waits for longer than a request may is refused; a machine that stands still refuses them once, and not each time.
    const ids = await owe().catch(owe).catch(owe);
    expect(new Set(ids).size).toBe(1);
    await jobs.cancel(ids[0]!);
  });
});
