import { setTimeout as pause } from 'node:timers/promises';

import { Database } from '../../src/platform/database/database.js';
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
    const db = app.get(Database);
    const deadline = performance.now() + 2000;
    const context = { requestId: 'first', deadline, ip: null, userAgent: null, actorId: null };
    // All that the pool may open are opened by this one.
    await runInRequest(context, () => Promise.all(Array.from({ length: MANY / 2 }, () => db.rows(SLEEP))));
    await pause(deadline - performance.now() + 1);
    const answers = await Promise.all(Array.from({ length: MANY }, () => db.rows(SLEEP)));
    expect(answers).toHaveLength(MANY);
  });
});
