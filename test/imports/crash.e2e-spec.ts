import { request } from 'node:http';

import { jest } from '@jest/globals';

import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { onDatabase, startProcess } from '../harness/process.js';
import type { RunningProcess } from '../harness/process.js';
import { NDJSON, handIn, ndjson, over } from './files.js';
import type { ImportBody } from './files.js';

jest.setTimeout(480_000);

const ROWS = 6_000;
const KILLS = 3;

describe('an import whose process is killed', () => {
  let app: TestApp;
  let admin: Person;
  let settings: Record<string, string>;
  const started: RunningProcess[] = [];
  const start = async (different: Record<string, string> = {}): Promise<RunningProcess> => {
    const running = await startProcess({ ...settings, ...different });
    started.push(running);
    return running;
  };

  beforeAll(async () => {
    const database = await freshDatabase(`crash_imports_${process.env['JEST_WORKER_ID']}`);
    settings = { ...onDatabase(database), ROLE: 'worker' };
    // Answers, and does nothing else: the work is that of the processes that are killed.
    app = await TestApp.start({ database, settings: { ROLE: 'api' } });
    admin = await app.people.admin();
  });
  afterAll(async () => {
    await Promise.all(started.map((running) => running.kill()));
    await app.stop();
  });

  it('goes on where it was: no row is lost or doubled, and each user has one fact', async () => {
    const prefix = unique('k');
    const rows = Array.from({ length: ROWS }, (_, at) => ({
      email: `${prefix}${at}@example.com`,
      name: `Person ${at}`,
    }));
    const { body } = await handIn(admin, ndjson(...rows), NDJSON);
    // Each step takes a while, until all are killed: whoever is slow to see that one is at work finds it still at work.
    await app.sql(`
      CREATE FUNCTION public.slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$;
      CREATE TRIGGER slowly AFTER UPDATE ON roster.imports FOR EACH ROW WHEN (NEW.position > OLD.position)
      EXECUTE FUNCTION public.slowly()`);
    const positions: number[] = [];
    /** Seconds until somebody who is there goes on with it. */
    const waits: number[] = [];
    for (let kills = 0; kills < KILLS; kills += 1) {
      const worker = await start();
      const from = positions.at(-1) ?? 0;
      const since = performance.now();
      await until(async () => (await found(body.id)).position > from, 60_000);
      waits.push(Math.round((performance.now() - since) / 100) / 10);
      await worker.kill();
      positions.push((await found(body.id)).position);
    }
    expect(positions.at(-1)).toBeLessThan(ROWS);
    await app.sql('DROP TRIGGER slowly ON roster.imports');
    const last = await start();
    const done = await over(admin, body.id);
    await last.stop();
    expect(done).toMatchObject({
      state: 'completed',
      rows: ROWS,
      position: ROWS,
      created: ROWS,
      failed: 0,
      skipped: 0,
    });
    const [made] = await app.sql(
      `SELECT count(*)::int AS users, count(DISTINCT u.email_key)::int AS addresses,
         (SELECT count(*)::int FROM roster.events WHERE type = 'user.created' AND private -> 'after' ->> 'email' LIKE $1) AS facts,
         (SELECT count(*)::int FROM roster.import_rows WHERE import_id = $2) AS reported,
         (SELECT count(DISTINCT user_id)::int FROM roster.import_rows WHERE import_id = $2) AS told,
         (SELECT count(*)::int FROM roster.import_chunks WHERE import_id = $2) AS staged
       FROM roster.users u WHERE u.email_key LIKE $1`,
      [`${prefix}%`, body.id],
    );
    expect(made).toEqual({ users: ROWS, addresses: ROWS, facts: ROWS, reported: ROWS, told: ROWS, staged: 0 });
    process.stdout.write(
      `\n${KILLS} kills -9, at rows ${positions.join(', ')} of ${ROWS}: none lost, none doubled; gone on with after ${waits.join(', ')} s\n`,
    );
  });

  it('keeps nothing of a file whose upload was cut off', async () => {
    const server = await start({ ROLE: 'api' });
    const headers = { ...NDJSON, authorization: `Bearer ${admin.token}` };
    const sent = request(`${server.url}/api/v1/imports`, { method: 'POST', headers });
    sent.on('error', () => undefined);
    const piece = (): string =>
      ndjson(...Array.from({ length: 500 }, () => ({ email: `${unique('z')}@example.com`, name: 'Z' })));
    const sending = setInterval(() => sent.write(piece()), 20);
    const newest = async (): Promise<{ id: string; state: string; rows: number } | undefined> =>
      (
        await app.sql<{ id: string; state: string; rows: number }>(
          'SELECT id, state, rows FROM roster.imports ORDER BY id DESC LIMIT 1',
        )
      )[0];
    await until(async () => (await newest())?.state === 'uploading' && (await newest())!.rows > 1000, 60_000);
    const { id } = (await newest())!;
    clearInterval(sending);
    sent.destroy();
    await until(async () => (await found(id)).state === 'incomplete', 60_000);
    await until(
      async () => (await app.sql('SELECT 1 FROM roster.import_chunks WHERE import_id = $1', [id])).length === 0,
      60_000,
    );
    await server.stop();
  });

  async function found(id: string): Promise<ImportBody> {
    return (await admin.get<ImportBody>(`/api/v1/imports/${id}`)).body;
  }
});

async function until(true_: () => Promise<boolean>, milliseconds: number): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await true_())) {
    if (Date.now() > end) throw new Error('It did not come about in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
