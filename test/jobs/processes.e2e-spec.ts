import { setTimeout as pause } from 'node:timers/promises';

import { Jobs, defineJob } from '../../src/jobs/index.js';
import type { JobRun } from '../../src/jobs/index.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { Database } from '../../src/platform/database/database.js';
import { Schedules } from '../../src/jobs/schedules.service.js';
import { Health } from '../../src/health/health.service.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { awaitState, awaitThat, jobOf, unhurried } from './awaited.js';

const InOrder = defineJob<{ key: number; at: number }>('test.in_order', { maxAttempts: 1 });
const Slow = defineJob<{ heeds: boolean }>('test.slow', { maxAttempts: 1 });
const ByTheClock = defineJob('test.by_the_clock', { maxAttempts: 1 });

const QUEUES = 5;
const EACH = 20;

/** Two processes on one database, as far as jobs can tell. */
describe('jobs of several processes', () => {
  let database: DatabaseAddress;
  let one: TestApp;
  let other: TestApp;
  const running = new Map<number, number>();
  const order = new Map<number, number[]>();
  const doneBy = new Map<string, string>();
  const overlaps: number[] = [];
  const slow = new Map<string, () => void>();

  function work(name: string): (jobs: Jobs) => void {
    return (jobs) => {
      jobs.work(InOrder, async ({ key, at }, run) => {
        if (running.get(key)) overlaps.push(key);
        running.set(key, 1);
        order.set(key, [...(order.get(key) ?? []), at]);
        doneBy.set(run.id, name);
        await pause(at % 3);
        running.delete(key);
      });
      jobs.work(Slow, ({ heeds }, run) => linger(heeds, run));
      jobs.work(ByTheClock, () => undefined, { cron: '* * * * *' });
    };
  }

  function linger(heeds: boolean, { id, signal }: JobRun): Promise<void> {
    return new Promise((resolve, reject) => {
      slow.set(id, resolve);
      if (heeds) signal.addEventListener('abort', () => reject(new Error('Told to stop')));
    });
  }

  beforeAll(async () => {
    database = await freshDatabase(`job_processes_${process.env['JEST_WORKER_ID']}`);
    one = await TestApp.start({ database, schedules: true, work: work('one') });
    other = await TestApp.start({ database, schedules: true, work: work('other'), settings: { ROLE: 'worker' } });
  });
  afterAll(async () => {
    await one.stop();
    await other.stop();
  });

  it('keep the order of their queue, one at a time, while queues pass each other', async () => {
    const ids: string[] = [];
    for (let at = 0; at < EACH; at += 1)
      for (let key = 0; key < QUEUES; key += 1)
        ids.push(await (key % 2 ? one : other).get(Jobs).enqueue(InOrder, { key, at }, { queue: `order ${key}` }));
    await awaitThat(
      () => one.sql("SELECT 1 FROM roster.jobs WHERE name = 'test.in_order' AND state = 'succeeded'"),
      (rows) => rows.length === ids.length,
      25_000,
    );
    expect(overlaps).toEqual([]);
    for (let key = 0; key < QUEUES; key += 1)
      expect(order.get(key)).toEqual(Array.from({ length: EACH }, (_, at) => at));
  });

  const awaitQueue = (queue: string): Promise<unknown> =>
    awaitThat(
      () => one.sql("SELECT 1 FROM roster.jobs WHERE queue = $1 AND state = 'succeeded'", [queue]),
      (rows) => rows.length === 100,
      25_000,
    );

  it('keep it too of a hundred that are owed in one transaction', async () => {
    const key = QUEUES;
    await one.get(Database).transaction(async () => {
      for (let at = 0; at < 100; at += 1) await one.get(Jobs).enqueue(InOrder, { key, at }, { queue: 'order of one' });
    });
    await awaitQueue('order of one');
    expect(overlaps).toEqual([]);
    expect(order.get(key)).toEqual(Array.from({ length: 100 }, (_, at) => at));
  });

  it('are each done once, one at a time, of a hundred that are owed at once to one queue', async () => {
    const key = QUEUES + 1;
    await Promise.all(
      Array.from({ length: 100 }, (_, at) =>
        unhurried(() => one.get(Jobs).enqueue(InOrder, { key, at }, { queue: 'order at once' })),
      ),
    );
    await awaitQueue('order at once');
    expect(overlaps).toEqual([]);
    expect(order.get(key)!.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, at) => at));
  });

  it('are each done by one of them', async () => {
    const ids = await Promise.all(
      Array.from({ length: 100 }, (_, at) => unhurried(() => one.get(Jobs).enqueue(InOrder, { key: 100 + at, at }))),
    );
    for (const id of ids) await awaitState(one, id, 'succeeded');
    for (let at = 0; at < 100; at += 1) expect(order.get(100 + at)).toEqual([at]);
    expect(overlaps).toEqual([]);
  });

  it('are due by the clock once over all processes, and a stroke that is told twice is one job', async () => {
    const terms = { maxAttempts: 1, isLong: false };
    const ticket = { schedule: ByTheClock.name, ...terms, _cron: { ts: '2020-01-01T10:17:00.000Z' } };
    const next = { schedule: ByTheClock.name, ...terms, _cron: { ts: '2020-01-01T10:18:00.000Z' } };
    const strokes = () =>
      one.sql<{ id: string; state: string }>(
        "SELECT id, state FROM roster.jobs WHERE name = 'test.by_the_clock' AND id < '01700000-0000-7000-8000-000000000000' ORDER BY id",
      );
    const strike = (at: number): Promise<void> => unhurried(() => (at % 2 ? one : other).get(Schedules).fire(ticket));
    await Promise.all(Array.from({ length: 100 }, (_, at) => strike(at)));
    await awaitThat(strokes, (rows) => rows.length === 1 && rows[0]!.state === 'succeeded');
    await one.get(Schedules).fire(ticket);
    await other.get(Schedules).fire(next);
    const all = await awaitThat(strokes, (rows) => rows.every(({ state }) => state === 'succeeded'));
    expect(all).toHaveLength(2);
    const [known] = await one.sql<{ count: number }>(
      "SELECT count(*)::int AS count FROM graphile_worker._private_known_crontabs WHERE identifier = 'test.by_the_clock'",
    );
    expect(known!.count).toBe(1);
  });

  it('are cancelled wherever they run', async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, () => one.get(Jobs).enqueue(Slow, { heeds: true })));
    await awaitThat(
      async () => ids.filter((id) => slow.has(id)).length,
      (count) => count === 6,
    );
    for (const id of ids) await one.get(Jobs).cancel(id);
    for (const id of ids) await awaitState(one, id, 'cancelled');
  });

  it('are handed back by a process that stops, without an attempt less, and done by another', async () => {
    const third = await TestApp.start({ database, schedules: true, work: work('third'), settings: { ROLE: 'worker' } });
    // More than two may hold.
    const ids = await Promise.all(
      Array.from({ length: 250 }, () => unhurried(() => one.get(Jobs).enqueue(Slow, { heeds: true }))),
    );
    const lying = (): Promise<{ worker: string; count: number }[]> =>
      one.sql(
        "SELECT worker, count(*)::int AS count FROM roster.jobs WHERE name = 'test.slow' AND state = 'running' GROUP BY worker",
      );
    await awaitThat(lying, (workers) => workers.length === 3);
    await third.stop();
    expect((await lying()).length).toBe(2);
    const left = (): Promise<{ state: string; spared: number }[]> =>
      one.sql('SELECT state, spared FROM roster.jobs WHERE id = ANY($1)', [ids]);
    const all = await awaitThat(left, (rows) => {
      for (const letGo of slow.values()) letGo();
      return rows.every(({ state }) => state === 'succeeded');
    });
    expect(all.filter(({ spared }) => spared > 0).length).toBeGreaterThan(0);
    expect(await one.sql('SELECT 1 FROM roster.job_workers')).toHaveLength(2);
  });

  it('of a process that is silent are begun again by others; what it says then counts no more', async () => {
    const ghost = `pool-ghost-${process.env['JEST_WORKER_ID']}`;
    const id = await one.get(Jobs).enqueue(InOrder, { key: 1000, at: 1 }, { runAt: new Date(Date.now() + 3_600_000) });
    // As a process left it that was killed: begun, its ticket locked, and the last sign of life long ago.
    await one.sql(
      `INSERT INTO roster.job_workers VALUES ($1, 'ghost', 1, '{}', now() - interval '1 hour', now() - interval '16 seconds')`,
      [ghost],
    );
    await one.sql(
      `UPDATE roster.jobs SET state = 'running', worker = $1, attempts = 1, run_at = now(), started_at = now() WHERE id = $2`,
      [ghost, id],
    );
    await one.sql(
      `UPDATE graphile_worker._private_jobs SET locked_by = $1, locked_at = now(), attempts = 1, run_at = now() WHERE key = $2`,
      [ghost, id],
    );
    const done = await awaitState(one, id, 'succeeded');
    expect(done).toMatchObject({ attempts: 2, spared: 1, last_error: null });
    expect(await one.sql('SELECT 1 FROM roster.job_workers WHERE id = $1', [ghost])).toEqual([]);
  });

  it('under which one process after the other dies are dead at last', async () => {
    const ghost = `pool-poison-${process.env['JEST_WORKER_ID']}`;
    const id = await one.get(Jobs).enqueue(InOrder, { key: 1001, at: 1 }, { runAt: new Date(Date.now() + 3_600_000) });
    await one.sql(
      `INSERT INTO roster.job_workers VALUES ($1, 'ghost', 1, '{}', now(), now() - interval '16 seconds')`,
      [ghost],
    );
    await one.sql(
      `UPDATE roster.jobs SET state = 'running', worker = $1, attempts = 10, spared = 9, crashes = 10, run_at = now() WHERE id = $2`,
      [ghost, id],
    );
    expect((await awaitState(one, id, 'dead')).last_error).toBe('The process that ran it died');
    expect(order.has(1001)).toBe(false);
  });

  it('are told of by health when nobody runs any', async () => {
    const api = await TestApp.start({
      database: await freshDatabase(`job_nobody_${process.env['JEST_WORKER_ID']}`),
      settings: { ROLE: 'api' },
    });
    const id = await api.get(Jobs).enqueue(ByTheClock, {});
    await api.sql("UPDATE roster.jobs SET run_at = now() - interval '1 minute'");
    const told = await awaitThat(
      () => api.get(Health).whole(),
      ({ checks }) => checks!['queue']![0].status === 'warn',
    );
    expect(told.checks!['queue']![0].output).toMatch(/^Jobs wait for [6-9]\d s, and no process runs any$/);
    expect((await jobOf(api, id)).state).toBe('queued');
    await api.stop();
  });
});
