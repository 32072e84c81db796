import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Jobs, defineJob } from '../../src/jobs/index.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { awaitState, awaitThat, jobOf } from './awaited.js';

const CHILD = fileURLToPath(new URL('../fixtures/job-worker-child.mjs', import.meta.url));
const Slow = defineJob('test.slow', { maxAttempts: 2 });
const Once = defineJob<{ at: number }>('test.once', { maxAttempts: 2 });
const KILLS = 5;
const OWED = 600;

interface Worker {
  readonly child: ChildProcess;
  readonly lines: string[];
}

/** Worker processes that are killed by -9; what they leave behind is seen from another process, which runs no jobs. */
describe('a worker that is killed', () => {
  let database: DatabaseAddress;
  let app: TestApp;
  const workers: Worker[] = [];

  beforeAll(async () => {
    database = await freshDatabase(`job_kills_${process.env['JEST_WORKER_ID']}`);
    app = await TestApp.start({ database, settings: { ROLE: 'api' } });
    const role = new URL(database.url).username;
    await app.sql(`CREATE TABLE public.effects (job_id uuid NOT NULL)`);
    await app.sql(`GRANT SELECT, INSERT ON public.effects TO "${role}"`);
  });
  afterAll(async () => {
    for (const { child } of workers) child.kill('SIGKILL');
    await app.stop();
  });

  async function startWorker(settings: Record<string, string> = {}): Promise<Worker> {
    const child = spawn(process.execPath, ['--no-warnings', CHILD], {
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'test',
        ROLE: 'worker',
        DATABASE_URL: database.url,
        DATABASE_MIGRATION_URL: database.ownerUrl,
        SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    createInterface(child.stdout).on('line', (line) => lines.push(line));
    const worker = { child, lines };
    workers.push(worker);
    await awaitThat(async () => lines.length, Boolean, 60_000);
    return worker;
  }

  async function kill({ child }: Worker): Promise<void> {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  it('in the middle of a job has it begun again by another within 30 seconds', async () => {
    const first = await startWorker();
    const id = await app.get(Jobs).enqueue(Slow, {});
    await awaitThat(async () => first.lines.includes(`begun ${id}`), Boolean);
    const second = await startWorker({ SLOW: 'done' });
    const killedAt = performance.now();
    await kill(first);
    expect((await jobOf(app, id)).state).toBe('running');
    await awaitThat(async () => second.lines.includes(`begun ${id}`), Boolean, 40_000);
    expect(performance.now() - killedAt).toBeLessThan(30_000);
    // The end of a process is no failure of the job: all its attempts are left.
    expect(await awaitState(app, id, 'succeeded')).toMatchObject({ attempts: 2, spared: 1 });
    await kill(second);
  }, 150_000);

  it('at any point loses no job, and none has its effect twice', async () => {
    const ids: string[] = [];
    let inFlight = 0;
    for (let kills = 0; kills < KILLS; kills += 1) {
      // Some for each: who is killed late has left nothing for the next.
      for (let at = 0; at < OWED / KILLS; at += 1) ids.push(await app.get(Jobs).enqueue(Once, { at }));
      const worker = await startWorker();
      await awaitThat(
        async () => worker.lines.length,
        (lines) => lines > 5 + 17 * kills,
      );
      await pause((kills * 13) % 29);
      await kill(worker);
      const [row] = await app.sql<{ count: number }>(
        "SELECT count(*)::int AS count FROM roster.jobs WHERE state = 'running'",
      );
      inFlight += row!.count;
    }
    await startWorker();
    const left = () =>
      app.sql<{ state: string; count: number }>(
        "SELECT state, count(*)::int AS count FROM roster.jobs WHERE name = 'test.once' GROUP BY state",
      );
    const states = await awaitThat(left, ([only, more]) => only!.state === 'succeeded' && !more, 60_000);
    expect(states).toEqual([{ state: 'succeeded', count: OWED }]);
    const effects = await app.sql<{ job_id: string }>('SELECT job_id FROM public.effects');
    expect(effects).toHaveLength(OWED);
    expect(new Set(effects.map((row) => row.job_id))).toEqual(new Set(ids));
    process.stdout.write(`\n${KILLS} kills, ${inFlight} jobs in their hands, ${OWED} effects\n`);
  }, 300_000);
});
