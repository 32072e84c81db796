import { setTimeout as pause } from 'node:timers/promises';

import { JobFailure, Jobs, defineJob } from '../../src/jobs/index.js';
import type { JobRun } from '../../src/jobs/index.js';
import { Database } from '../../src/platform/database/database.js';
import { runInRequest } from '../../src/platform/logging/request-context.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { awaitNoTicket, awaitState, awaitThat, jobOf, passBackoff, unhurried } from './awaited.js';

interface Task {
  readonly name?: string;
  readonly fails?: number;
}

const Plain = defineJob<Task>('test.plain', { maxAttempts: 3 });
const Secret = defineJob<{ word: string; told?: boolean }>('test.secret', { maxAttempts: 1, isSecret: true });
const Held = defineJob<Task>('test.held', { maxAttempts: 2 });
const Odd = defineJob<Task>('test.odd', { maxAttempts: 1 });
const Firm = defineJob<Task>('test.firm', { maxAttempts: 1, cancellable: false });
const Effect = defineJob<{ email: string; fails: 'before' | 'after' | null }>('test.effect', { maxAttempts: 1 });

describe('a job', () => {
  let app: TestApp;
  let jobs: Jobs;
  let db: Database;
  const seen: Task[] = [];
  const runs = new Map<string, JobRun>();
  const goOn = new Map<string, () => void>();
  const fail = new Map<string, (error: Error) => void>();

  beforeAll(async () => {
    const database = await freshDatabase(`jobs_${process.env['JEST_WORKER_ID']}`);
    app = await TestApp.start({ database, work });
    jobs = app.get(Jobs);
    db = app.get(Database);
  });
  afterAll(() => app.stop());

  function work(to: Jobs): void {
    to.work(Plain, (task) => {
      seen.push(task);
      const tries = seen.filter(({ name }) => name === task.name).length;
      if (tries <= (task.fails ?? 0)) throw new Error(`Failure ${tries}`);
      return { tries };
    });
    to.work(Secret, ({ word, told }) => {
      throw told ? new JobFailure('The post is shut') : new Error(`What is ${word}?`);
    });
    to.work(Odd, () => ({ text: 'a\u0000b' }));
    to.work(Held, (task, run) => hold(task, run));
    to.work(Firm, (task, run) => hold(task, run));
    to.work(Effect, ({ email, fails }, run) => {
      const effect = async (): Promise<{ done: string }> => {
        await db.change('INSERT INTO roster.settings (name, value) VALUES ($1, $1) ON CONFLICT DO NOTHING', [email]);
        if (fails === 'before') throw new Error('Not yet');
        return { done: email };
      };
      return run.complete(effect).then(() => {
        if (fails === 'after') throw new Error('Too late');
      });
    });
  }

  /** Until it is let go, or told to stop. */
  async function hold(task: Task, run: JobRun): Promise<object> {
    runs.set(run.id, run);
    await new Promise<void>((resolve, reject) => {
      goOn.set(run.id, resolve);
      fail.set(run.id, reject);
      run.signal.addEventListener('abort', () => reject(run.signal.reason as Error));
    });
    return task;
  }
  const effects = (email: string) => app.sql('SELECT 1 FROM roster.settings WHERE name = $1', [email]);

  it('is done, and what came of it is kept', async () => {
    const id = await jobs.enqueue(Plain, { name: 'once' });
    const job = await awaitState(app, id, 'succeeded');
    expect(job).toMatchObject({
      name: 'test.plain',
      attempts: 1,
      result: { tries: 1 },
      last_error: null,
      worker: null,
    });
    expect(job.finished_at).not.toBeNull();
    expect(seen.filter(({ name }) => name === 'once')).toHaveLength(1);
  });

  it('is there after the commit, and leaves nothing after a rollback', async () => {
    let id = '';
    await db.transaction(async () => {
      id = await jobs.enqueue(Plain, { name: 'committed' });
      await pause(300);
      expect(await app.sql('SELECT 1 FROM roster.jobs WHERE id = $1', [id])).toEqual([]);
    });
    await awaitState(app, id, 'succeeded');
    const failing = db.transaction(async () => {
      id = await jobs.enqueue(Plain, { name: 'rolled back' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await pause(300);
    expect(await app.sql('SELECT 1 FROM roster.jobs WHERE id = $1', [id])).toEqual([]);
    expect(await app.sql('SELECT 1 FROM graphile_worker._private_jobs WHERE key = $1', [id])).toEqual([]);
    expect(seen.map(({ name }) => name)).not.toContain('rolled back');
  });

  it('is owed also when the queue has drawn its last number for names of work', async () => {
    const [{ of } = { of: '' }] = await app.sql<{ of: string }>(
      "SELECT pg_get_serial_sequence('graphile_worker._private_tasks', 'id') AS of",
    );
    await app.sql('SELECT setval($1, 2147483647)', [of]);
    for (const name of ['the last number', 'the first again'])
      await awaitState(app, await jobs.enqueue(Plain, { name }), 'succeeded');
  });

  it('is not begun before it is due', async () => {
    const id = await jobs.enqueue(Plain, { name: 'later' }, { runAt: new Date(Date.now() + 4000) });
    await pause(700);
    const [early] = await app.sql(
      "SELECT 1 FROM roster.jobs WHERE id = $1 AND state <> 'queued' AND clock_timestamp() < run_at",
      [id],
    );
    expect(early).toBeUndefined();
    const { finished_at: at, run_at: due } = await awaitState(app, id, 'succeeded');
    expect(at!.getTime()).toBeGreaterThanOrEqual(due.getTime());
    const [begun] = await app.sql('SELECT started_at >= run_at AS "inTime" FROM roster.jobs WHERE id = $1', [id]);
    expect(begun).toEqual({ inTime: true });
  });

  it('is wanted by whoever asked when it was owed', async () => {
    const { id: userId } = await app.people.user();
    const context = {
      requestId: 'r',
      deadline: performance.now() + 30_000,
      ip: null,
      userAgent: null,
      actorId: userId,
    };
    const id = await runInRequest(context, () => jobs.enqueue(Plain, { name: 'asked' }));
    expect((await awaitState(app, id, 'succeeded')).actor_id).toBe(userId);
  });

  it('that fails is tried again, later each time and not together with others', async () => {
    // Written down as each fails: on a slow machine the next attempt is over before we look.
    await app.sql(`
      CREATE TABLE public.failures (job_id uuid NOT NULL, attempt int NOT NULL, error text, wait float8 NOT NULL);
      CREATE FUNCTION public.note_failure() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN
        INSERT INTO public.failures
        VALUES (NEW.id, NEW.attempts, NEW.last_error, extract(epoch FROM NEW.run_at - clock_timestamp()) * 1000);
        RETURN NULL;
      END $$;
      CREATE TRIGGER note_failure AFTER UPDATE ON roster.jobs FOR EACH ROW
      WHEN (OLD.state = 'running' AND NEW.state = 'failed') EXECUTE FUNCTION public.note_failure()`);
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, at) => jobs.enqueue(Plain, { name: `fails ${at}`, fails: 2 })),
    );
    const waits = async (attempt: number): Promise<number[]> => {
      const failed = await awaitThat(
        () =>
          app.sql<{ error: string; wait: number }>(
            'SELECT error, wait FROM public.failures WHERE attempt = $1 AND job_id = ANY($2::uuid[])',
            [attempt, ids],
          ),
        (rows) => rows.length === ids.length,
      );
      expect(failed.every(({ error }) => error === `Error: Failure ${attempt}`)).toBe(true);
      return failed.map(({ wait }) => wait);
    };
    const [first] = [await waits(1)];
    for (const id of ids) await passBackoff(app, id);
    const second = await waits(2);
    await app.sql('DROP TRIGGER note_failure ON roster.jobs');
    const longest = (each: number[]): number => Math.max(...each);
    expect(longest(first!)).toBeLessThan(2718 * 1.26);
    expect(longest(second)).toBeGreaterThan(longest(first!));
    // As many moments as jobs, but for a coincidence or two.
    expect(new Set(second.map((wait) => Math.round(wait / 10))).size).toBeGreaterThan(15);
    for (const id of ids) await passBackoff(app, id);
    for (const id of ids) expect((await awaitState(app, id, 'succeeded')).result).toEqual({ tries: 3 });
  });

  it('is tried again by itself', async () => {
    const id = await jobs.enqueue(Plain, { name: 'by itself', fails: 1 });
    expect((await awaitState(app, id, 'succeeded')).attempts).toBe(2);
    expect(seen.filter(({ name }) => name === 'by itself')).toHaveLength(2);
  });

  it('that has failed as often as it may is dead, and nobody tries it again', async () => {
    const id = await jobs.enqueue(Plain, { name: 'dies', fails: 9 });
    for (let attempt = 1; attempt < 3; attempt += 1) {
      await awaitThat(
        () => jobOf(app, id),
        // It may have gone on by itself.
        ({ state, attempts }) => state === 'dead' || (state === 'failed' && attempts >= attempt),
      );
      await passBackoff(app, id);
    }
    const dead = await awaitState(app, id, 'dead');
    expect(dead).toMatchObject({ attempts: 3, last_error: 'Error: Failure 3' });
    expect(dead.finished_at).not.toBeNull();
    await awaitNoTicket(app, id);
  });

  it('S29 says of a secret one neither what it is about nor what its error quotes', async () => {
    const word = 'swordfish';
    const id = await jobs.enqueue(Secret, { word });
    const dead = await awaitState(app, id, 'dead');
    expect(dead.last_error).toBe('Error');
    const told = await jobs.enqueue(Secret, { word, told: true });
    expect((await awaitState(app, told, 'dead')).last_error).toBe('Error: The post is shut');
  });

  it('takes the place of the one that waits with its key', async () => {
    const runAt = new Date(Date.now() + 3_600_000);
    const first = await jobs.enqueue(Plain, { name: 'key 1' }, { key: 'one', runAt });
    const other = await jobs.enqueue(Held, { name: 'key' }, { key: 'one', runAt });
    expect(other).not.toBe(first);
    expect(await jobs.enqueue(Plain, { name: 'key 2' }, { key: 'one' })).toBe(first);
    await awaitState(app, first, 'succeeded');
    expect(seen.map(({ name }) => name)).toContain('key 2');
    expect(seen.map(({ name }) => name)).not.toContain('key 1');
    expect(await jobs.enqueue(Plain, { name: 'key 3' }, { key: 'one' })).not.toBe(first);
    await jobs.cancel(other);
  });

  it('is one, of a hundred that are owed at once with one key', async () => {
    const runAt = new Date(Date.now() + 3_600_000);
    const ids = await Promise.all(
      Array.from({ length: 100 }, (_, at) =>
        unhurried(() => jobs.enqueue(Plain, { name: `at once ${at}` }, { key: 'race', runAt })),
      ),
    );
    expect(new Set(ids).size).toBe(1);
    await jobs.cancel(ids[0]!);
  });

  it('that fails while a later one of its key waits is not tried again', async () => {
    const runAt = new Date(Date.now() + 3_600_000);
    const first = await jobs.enqueue(Held, {}, { key: 'later' });
    await awaitThat(async () => runs.has(first), Boolean);
    const later = await jobs.enqueue(Held, {}, { key: 'later', runAt });
    expect(later).not.toBe(first);
    fail.get(first)!(new Error('Failed'));
    expect(await awaitState(app, first, 'cancelled')).toMatchObject({ last_error: 'Error: Failed' });
    await jobs.cancel(later);
  });

  it('whose result PostgreSQL does not take ends without it, and keeps no other from ending', async () => {
    const ids = await db.transaction(async () => {
      const owed: string[] = [];
      for (let at = 0; at < 20; at += 1) owed.push(await jobs.enqueue(at === 7 ? Odd : Plain, { name: `odd ${at}` }));
      return owed;
    });
    for (const [at, id] of ids.entries())
      expect((await awaitState(app, id, 'succeeded')).result).toEqual(at === 7 ? null : { tries: 1 });
  });

  it('that waits is cancelled at once', async () => {
    const id = await jobs.enqueue(Plain, { name: 'cancelled' }, { runAt: new Date(Date.now() + 3_600_000) });
    expect((await jobs.cancel(id)).state).toBe('cancelled');
    // Its time has come.
    await passBackoff(app, id);
    await pause(1500);
    expect((await jobOf(app, id)).state).toBe('cancelled');
    expect(seen.map(({ name }) => name)).not.toContain('cancelled');
    expect((await jobs.cancel(id)).state).toBe('cancelled');
  });

  it('that runs is cancelled by its signal', async () => {
    const id = await jobs.enqueue(Held, {});
    await awaitThat(async () => runs.has(id), Boolean);
    expect(await jobs.cancel(id)).toMatchObject({ state: 'running', cancelRequestedAt: expect.any(Date) as Date });
    expect(await awaitState(app, id, 'cancelled')).toMatchObject({ attempts: 1, last_error: null });
  });

  it('that is too far to stop succeeds all the same, and one that is over cannot be cancelled', async () => {
    const id = await jobs.enqueue(Plain, { name: 'over' });
    await awaitState(app, id, 'succeeded');
    await expect(jobs.cancel(id)).rejects.toThrow('cannot be cancelled');
    const firm = await jobs.enqueue(Firm, { name: 'firm' });
    await awaitThat(async () => goOn.has(firm), Boolean);
    await expect(jobs.cancel(firm)).rejects.toThrow('cannot be cancelled');
    goOn.get(firm)!();
    expect((await awaitState(app, firm, 'succeeded')).result).toEqual({ name: 'firm' });
  });

  it('tells how far it is', async () => {
    const id = await jobs.enqueue(Held, {});
    await awaitThat(async () => runs.has(id), Boolean);
    runs.get(id)!.progress(3, null);
    runs.get(id)!.progress(7, 10);
    const told = await awaitThat(
      () => jobs.get(id),
      ({ progressDone }) => progressDone !== null,
    );
    expect([told.progressDone, told.progressTotal]).toEqual(['7', '10']);
    goOn.get(id)!();
    await awaitState(app, id, 'succeeded');
  });

  it('ends together with its effect, or neither is done', async () => {
    const done = await jobs.enqueue(Effect, { email: 'effect-1', fails: null });
    expect((await awaitState(app, done, 'succeeded')).result).toEqual({ done: 'effect-1' });
    expect(await effects('effect-1')).toHaveLength(1);
    const failed = await jobs.enqueue(Effect, { email: 'effect-2', fails: 'before' });
    await awaitState(app, failed, 'dead');
    expect(await effects('effect-2')).toEqual([]);
    // What fails after it cannot undo it.
    const late = await jobs.enqueue(Effect, { email: 'effect-3', fails: 'after' });
    expect((await awaitState(app, late, 'succeeded', 'dead')).state).toBe('succeeded');
  });

  it('changes nothing any more once it was taken from its process', async () => {
    const id = await jobs.enqueue(Held, {});
    await awaitThat(async () => runs.has(id), Boolean);
    const run = runs.get(id)!;
    // Another has begun it again, as after a long silence of this process.
    await app.sql(
      `WITH another AS (INSERT INTO roster.job_workers (id, host, pid, kinds, started_at, beat_at)
         VALUES ('another', 'another', 1, '{}', now(), now() + interval '1 hour'))
       UPDATE roster.jobs SET attempts = attempts + 1, worker = 'another' WHERE id = $1`,
      [id],
    );
    await expect(run.transaction(() => effects('never'))).rejects.toThrow();
    await expect(run.complete(() => effects('never'))).rejects.toThrow();
    goOn.get(id)!();
    await pause(300);
    expect(await jobOf(app, id)).toMatchObject({ state: 'running', worker: 'another' });
    await app.sql("UPDATE roster.jobs SET state = 'dead' WHERE id = $1", [id]);
    await app.sql("DELETE FROM roster.job_workers WHERE id = 'another'");
  });

  it('with two tickets is done once', async () => {
    const id = await jobs.enqueue(Plain, { name: 'twice' }, { runAt: new Date(Date.now() + 400) });
    await app.sql(
      `SELECT graphile_worker.add_job('job:test.plain', json_build_object('job', $1::text), run_at => run_at)
       FROM roster.jobs, generate_series(1, 20) WHERE id = $2`,
      [id, id],
    );
    await awaitState(app, id, 'succeeded');
    await pause(300);
    expect(seen.filter(({ name }) => name === 'twice')).toHaveLength(1);
  });

  it('that an older version owed is not lost', async () => {
    await app.sql(`SELECT graphile_worker.add_job('test.plain', '{"name": "of old"}')`);
    await awaitThat(async () => seen.filter(({ name }) => name === 'of old').length, Boolean);
  });

  it('is forgotten some time after its end, and no other', async () => {
    const kept = await jobs.enqueue(Plain, {}, { runAt: new Date(Date.now() + 3_600_000) });
    const over = await jobs.enqueue(Plain, { name: 'old' });
    await awaitState(app, over, 'succeeded');
    const prune = jobs.known().get('jobs.prune')!;
    await prune.handler({} as never, null as never);
    expect((await jobOf(app, over)).state).toBe('succeeded');
    await app.sql("UPDATE roster.jobs SET created_at = created_at - interval '31 days' WHERE id = ANY($1)", [
      [kept, over],
    ]);
    await app.sql("UPDATE roster.jobs SET finished_at = finished_at - interval '31 days' WHERE id = $1", [over]);
    await jobs.enqueue(Plain, { name: 'queue' }, { queue: 'soon empty' });
    await awaitThat(
      () => app.sql('SELECT 1 FROM graphile_worker._private_jobs WHERE job_queue_id IS NOT NULL'),
      (rows) => rows.length === 0,
    );
    await prune.handler({} as never, null as never);
    expect(await app.sql('SELECT id FROM roster.jobs WHERE id = ANY($1)', [[kept, over]])).toEqual([{ id: kept }]);
    expect(await app.sql('SELECT 1 FROM graphile_worker._private_job_queues')).toEqual([]);
    await jobs.cancel(kept);
  });
});
