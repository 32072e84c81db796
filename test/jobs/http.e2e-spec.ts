import type { AddressInfo } from 'node:net';

import { Jobs, defineJob } from '../../src/jobs/index.js';
import type { JobRun } from '../../src/jobs/index.js';
import { QueueLook } from '../../src/jobs/index.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { closeManagement, openManagement } from '../health/management.js';
import { awaitState, awaitThat } from './awaited.js';

interface ShownJob {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly payload: object | null;
  readonly progress: { readonly done: number; readonly total: number | null } | null;
  readonly lastError: string | null;
  readonly actorId: string | null;
  readonly finishedAt: string | null;
}
interface Page {
  readonly data: ShownJob[];
  readonly page: { readonly nextCursor: string | null; readonly total?: number };
}
interface Failure {
  readonly code: string;
}

const Shown = defineJob<{ at: number }>('shown.plain', { maxAttempts: 1 });
const Doomed = defineJob<{ at: number }>('shown.doomed', { maxAttempts: 1 });
const Hidden = defineJob<{ word: string }>('shown.hidden', { maxAttempts: 1, isSecret: true });
const Watched = defineJob('shown.watched', { maxAttempts: 1 });
const Clocked = defineJob('shown.clocked', { maxAttempts: 1 });

describe('/api/v1/jobs', () => {
  let app: TestApp;
  let jobs: Jobs;
  let origin: string;
  let admin: Person;
  let reader: Person;
  let nobody: Person;
  const runs: JobRun[] = [];
  let mends = false;
  let let_go: () => void = () => undefined;

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`jobs_http_${process.env['JEST_WORKER_ID']}`),
      // A hundred at once want the same row.
      work: (to) => {
        to.work(Shown, ({ at }) => ({ at }));
        to.work(Doomed, () => {
          if (!mends) throw new Error('Doomed');
        });
        to.work(Hidden, () => {
          throw new Error('swordfish');
        });
        to.work(Clocked, () => undefined, { cron: '0 0 29 2 *' });
        to.work(Watched, (_, run) => {
          runs.push(run);
          return new Promise<void>((resolve) => (let_go = resolve));
        });
      },
    });
    jobs = app.get(Jobs);
    await app.app.fastify.listen({ port: 0, host: '127.0.0.1' });
    origin = `http://127.0.0.1:${(app.app.fastify.server.address() as AddressInfo).port}`;
    admin = await app.people.admin();
    reader = await app.people.withPermissions('jobs:read');
    nobody = await app.people.person();
  });
  afterAll(() => app.stop());

  const listed = async (filter: string, more = ''): Promise<Page> =>
    (await reader.get<Page>(`/api/v1/jobs?filter=${encodeURIComponent(filter)}${more}`)).body;
  const watch = (person: Person, id: string): Promise<Response> =>
    fetch(`${origin}/api/v1/jobs/${id}/stream`, {
      headers: { authorization: `Bearer ${person.token}`, accept: 'text/event-stream' },
    });
  const jobsIn = (text: string): ShownJob[] =>
    [...text.matchAll(/^event: job\ndata: (.*)$/gm)].map(([, data]) => JSON.parse(data!) as ShownJob);

  it('lists them by name, state and moment, page by page', async () => {
    const done = await Promise.all(Array.from({ length: 30 }, (_, at) => jobs.enqueue(Shown, { at })));
    for (const id of done) await awaitState(app, id, 'succeeded');
    const later = new Date(Date.now() + 3_600_000);
    const waiting = await jobs.enqueue(Shown, { at: 99 }, { runAt: later, key: 'k', queue: 'q', actorId: admin.id });
    const first = await listed('name eq "shown.plain" and state eq "succeeded"', '&limit=20&count=exact');
    expect(first.data).toHaveLength(20);
    expect(first.page.total).toBe(30);
    const next = await listed(
      'name eq "shown.plain" and state eq "succeeded"',
      `&limit=20&cursor=${first.page.nextCursor}`,
    );
    expect(new Set([...first.data, ...next.data].map(({ id }) => id))).toEqual(new Set(done));
    for (const filter of [
      'state eq "queued" and name sw "shown."',
      `runAt gt "${new Date().toISOString()}"`,
      'key eq "k"',
      'queue eq "q"',
      `actorId eq "${admin.id}"`,
      'finishedAt eq null and name eq "shown.plain"',
    ])
      expect((await listed(filter)).data.map(({ id }) => id)).toEqual([waiting]);
    expect((await reader.get<Failure>('/api/v1/jobs?filter=actorId%20eq%20%22x%22')).status).toBe(400);
    expect((await reader.get<Failure>('/api/v1/jobs?filter=payload%20eq%20%22x%22')).status).toBe(400);
    await jobs.cancel(waiting);
  });

  it('S29 shows nobody what a secret one is about', async () => {
    const id = await jobs.enqueue(Hidden, { word: 'swordfish' });
    await awaitState(app, id, 'dead');
    const { text, body } = await admin.get<ShownJob>(`/api/v1/jobs/${id}`);
    expect(body).toMatchObject({ payload: null, isSecret: true, lastError: 'Error' });
    const all = await admin.get('/api/v1/jobs?filter=name%20eq%20%22shown.hidden%22');
    expect(text + all.text).not.toContain('swordfish');
  });

  it('tries a dead one again, and tells the audit who wanted it', async () => {
    const id = await jobs.enqueue(Doomed, { at: 1 });
    await awaitState(app, id, 'dead');
    mends = true;
    const again = await admin.post<ShownJob>(`/api/v1/jobs/${id}/retry`);
    expect([again.status, again.body.state, again.body.finishedAt]).toEqual([200, 'queued', null]);
    await awaitState(app, id, 'succeeded');
    const refused = await admin.post<Failure>(`/api/v1/jobs/${id}/retry`);
    expect([refused.status, refused.body.code]).toEqual([409, 'job_not_retriable']);
    const facts = await app.sql('SELECT type, data, private FROM roster.events WHERE subject = $1', [`jobs/${id}`]);
    expect(facts).toEqual([
      {
        type: 'job.retried',
        data: { jobId: id, name: 'shown.doomed' },
        private: expect.objectContaining({ actorId: admin.id }) as object,
      },
    ]);
  });

  it('does not try one again for which another of its key waits', async () => {
    mends = false;
    const id = await jobs.enqueue(Doomed, { at: 2 }, { key: 'same' });
    await awaitState(app, id, 'dead');
    const other = await jobs.enqueue(Doomed, { at: 3 }, { key: 'same', runAt: new Date(Date.now() + 3_600_000) });
    expect((await admin.post<Failure>(`/api/v1/jobs/${id}/retry`)).body.code).toBe('job_not_retriable');
    await jobs.cancel(other);
    expect((await admin.post(`/api/v1/jobs/${id}/retry`)).status).toBe(200);
  });

  it('cancels one that waits, once, and tells the audit', async () => {
    const id = await jobs.enqueue(Shown, { at: 1 }, { runAt: new Date(Date.now() + 3_600_000) });
    const url = `/api/v1/jobs/${id}/cancellation`;
    const answers = await Promise.all(Array.from({ length: 100 }, () => admin.put<ShownJob>(url)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.state}`))).toEqual(new Set(['200 cancelled']));
    const facts = await app.sql('SELECT type FROM roster.events WHERE subject = $1', [`jobs/${id}`]);
    expect(facts).toEqual([{ type: 'job.cancelled' }]);
    await awaitState(app, id, 'cancelled');
    expect((await admin.put<Failure>(`/api/v1/jobs/${admin.id}/cancellation`)).body.code).toBe('job_not_found');
  });

  it('S54 lets only those see and touch them who may', async () => {
    const id = await jobs.enqueue(Shown, { at: 1 });
    await awaitState(app, id, 'succeeded');
    const tried = async (person: Person): Promise<number[]> => [
      (await person.get('/api/v1/jobs')).status,
      (await person.get(`/api/v1/jobs/${id}`)).status,
      (await person.get(`/api/v1/jobs/${id}/stream`)).status,
      (await person.get('/api/v1/jobs/schedules')).status,
      (await person.post(`/api/v1/jobs/${id}/retry`)).status,
      (await person.put(`/api/v1/jobs/${id}/cancellation`)).status,
      (await person.post('/api/v1/jobs/schedules/shown.clocked/runs')).status,
    ];
    expect(await tried(nobody)).toEqual([403, 403, 403, 403, 403, 403, 403]);
    expect(await tried(reader)).toEqual([200, 200, 200, 200, 403, 403, 403]);
    expect(await tried(admin)).toEqual([200, 200, 200, 200, 409, 409, 201]);
  });

  it('lists what the clock does, and does it now for who asks', async () => {
    const run = await admin.post<ShownJob>('/api/v1/jobs/schedules/shown.clocked/runs');
    expect([run.status, run.headers['location']]).toEqual([201, `/api/v1/jobs/${run.body.id}`]);
    expect(run.body.actorId).toBe(admin.id);
    await awaitState(app, run.body.id, 'succeeded');
    const { body } = await reader.get<{ data: { name: string; cron: string; nextRunAt: string; lastRun: object }[] }>(
      '/api/v1/jobs/schedules',
    );
    expect(body.data.map(({ name }) => name)).toContain('jobs.prune');
    expect(body.data.find(({ name }) => name === 'shown.clocked')).toEqual({
      name: 'shown.clocked',
      cron: '0 0 29 2 *',
      nextRunAt: '2028-02-29T00:00:00.000Z',
      lastRun: expect.objectContaining({ jobId: run.body.id, state: 'succeeded' }) as object,
    });
    const facts = await app.sql('SELECT type FROM roster.events WHERE subject = $1', [`jobs/${run.body.id}`]);
    expect(facts).toEqual([{ type: 'schedule.run' }]);
    const unknown = await admin.post<Failure>('/api/v1/jobs/schedules/shown.plain/runs');
    expect([unknown.status, unknown.body.code]).toEqual([404, 'schedule_not_found']);
  });

  it('streams how one gets on, until it is over', async () => {
    const id = await jobs.enqueue(Watched, {});
    await awaitThat(async () => runs.length, Boolean);
    await awaitState(app, id, 'running');
    const answer = await watch(reader, id);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    let text = '';
    const reading = (async () => {
      const decoder = new TextDecoder();
      for await (const part of answer.body as unknown as AsyncIterable<Uint8Array>)
        text += decoder.decode(part, { stream: true });
    })();
    await awaitThat(async () => jobsIn(text).length, Boolean);
    runs[0]!.progress(5, 10);
    // So that it is seen before the end.
    await awaitThat(
      async () => jobsIn(text).at(-1)!.progress,
      (progress) => progress?.done === 5,
    );
    let_go();
    await reading;
    const told = jobsIn(text);
    expect(told[0]).toMatchObject({ id, state: 'running', progress: null });
    expect(told).toContainEqual(expect.objectContaining({ state: 'running', progress: { done: 5, total: 10 } }));
    expect(told.at(-1)).toMatchObject({ state: 'succeeded', progress: { done: 5, total: 10 } });
    expect((await watch(reader, admin.id)).status).toBe(404);
    const asJson = await reader.get<Failure>(`/api/v1/jobs/${id}/stream`);
    expect(asJson.status).toBe(200);
    const refused = await app.send<Failure>('GET', `/api/v1/jobs/${id}/stream`, {
      token: reader.token,
      headers: { accept: 'application/json' },
    });
    expect([refused.status, refused.body.code]).toEqual([406, 'not_acceptable']);
    expect((await app.send('HEAD', `/api/v1/jobs/${id}/stream`, { token: reader.token })).status).toBe(200);
  });

  it('S20 breaks a stream off under somebody whose session ends', async () => {
    const id = await jobs.enqueue(Watched, {});
    const before = runs.length;
    await awaitThat(async () => runs.length > before - 1 && runs.some((run) => run.id === id), Boolean);
    const leaving = await app.people.withPermissions('jobs:read');
    const answer = await watch(leaving, id);
    const text = answer.text();
    expect((await leaving.post('/api/v1/auth/logout')).status).toBe(204);
    const since = performance.now();
    await text;
    expect(performance.now() - since).toBeLessThan(10_000);
    let_go();
    await awaitState(app, id, 'succeeded');
  });

  it('ends its streams with the server', async () => {
    const second = await TestApp.start({ database: app.ground.address, settings: { ROLE: 'api' } });
    await second.app.fastify.listen({ port: 0, host: '127.0.0.1' });
    const { port } = second.app.fastify.server.address() as AddressInfo;
    const id = await jobs.enqueue(Shown, { at: 1 }, { runAt: new Date(Date.now() + 3_600_000) });
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/jobs/${id}/stream`, {
      headers: { authorization: `Bearer ${reader.token}` },
    });
    expect(answer.status).toBe(200);
    await second.stop();
    expect(jobsIn(await answer.text())).toHaveLength(1);
    await jobs.cancel(id);
  });

  it('is told of on the management port, and in metrics', async () => {
    const { ask } = await openManagement(app);
    const id = await jobs.enqueue(Watched, {});
    await awaitThat(async () => runs.some((run) => run.id === id), Boolean);
    await awaitState(app, id, 'running');
    const { body } = await ask<Record<string, unknown>>('GET', '/ops/jobs');
    expect(body).toMatchObject({ running: 1, workersAlive: 1, waiting: 0 });
    expect(body['workers']).toEqual([expect.objectContaining({ pid: process.pid, running: 1 })]);
    expect(body['dead']).toBeGreaterThan(0);
    await app.get(QueueLook).whole();
    const { text } = await ask('GET', '/metrics');
    for (const line of ['jobs_running 1', 'jobs_workers 1', 'jobs_waiting 0', 'jobs_oldest_seconds 0'])
      expect(text).toContain(`\n${line}\n`);
    expect(text).toMatch(/\njobs_finished_total\{job="shown.plain",result="succeeded"\} \d+\n/);
    let_go();
    await awaitState(app, id, 'succeeded');
    await closeManagement(app);
  });
});
