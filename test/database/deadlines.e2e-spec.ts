import { setTimeout as pause } from 'node:timers/promises';

import { Database, lookup } from '../../src/platform/database/database.js';
import { DatabaseTimeout } from '../../src/platform/database/impatient-client.js';
import { runInRequest } from '../../src/platform/logging/request-context.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';

const MANY = 60;
const SLEEP = 'SELECT pg_sleep(0.15)';

describe('the deadline of a request', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`deadlines_${process.env['JEST_WORKER_ID']}`),
      settings: { ROLE: 'api' },
    });
  });
  afterAll(() => app.stop());

  it('is not that of others who come after it on a connection that was opened for it', async () => {
    // A machine that stands still for longer than a request may take says nothing of it: one of three is undisturbed.
    for (let tries = 1; ; tries += 1)
      try {
        expect(await answersAfter()).toHaveLength(MANY);
        return;
      } catch (error) {
        if (!(error instanceof DatabaseTimeout) || tries === 3) throw error;
      }
  });

  it.each([
    ['statement', 'SELECT pg_sleep(0.1)'],
    ['look-up', lookup('test_asleep', 'SELECT pg_sleep(0.1)')],
  ])('is not over for a %s that was answered while this process stood still', async (_, question) => {
    const db = app.get(Database);
    const context = {
      requestId: 'still',
      deadline: performance.now() + 2000,
      ip: null,
      userAgent: null,
      actorId: null,
    };
    const asked = runInRequest(context, () => db.rows(question));
    await pause(20);
    for (const end = performance.now() + 3000; performance.now() < end;);
    expect(await asked).toHaveLength(1);
  });

  /** What many are answered after the deadline of the one for which the connections were opened. */
  async function answersAfter(): Promise<object[]> {
    const db = app.get(Database);
    const deadline = performance.now() + 2000;
    const context = { requestId: 'first', deadline, ip: null, userAgent: null, actorId: null };
    // All that the pool may open are opened by this one.
    await runInRequest(context, () => Promise.all(Array.from({ length: MANY / 2 }, () => db.rows(SLEEP))));
    await pause(deadline - performance.now() + 1);
    return Promise.all(Array.from({ length: MANY }, () => db.rows(SLEEP)));
  }
});
