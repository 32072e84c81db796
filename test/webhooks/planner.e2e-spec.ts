import { jest } from '@jest/globals';

import type { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { awaitThat } from '../jobs/awaited.js';
import { aKeeper, awaitDeliveries, makeHook, startHooks } from './hooks.js';
import { Receiver } from './receiver.js';

jest.setTimeout(120_000);

const CROWD = 2500;
const FACTS = 20;

describe('the planner of webhooks', () => {
  let app: TestApp;
  let admin: Person;
  let server: Receiver;
  beforeAll(async () => {
    app = await startHooks('webhooks_planner');
    admin = await aKeeper(app);
    server = await Receiver.open();
  });
  afterAll(async () => {
    await app.stop();
    await server.close();
  });

  const countOwed = async (): Promise<number> =>
    (await app.sql<{ count: number }>('SELECT count(*)::int AS count FROM roster.webhook_deliveries'))[0]!.count;

  it('tells those who are well first, and writes at most a thousand rows at once', async () => {
    const { id } = await makeHook(admin, server.url);
    await app.people.user();
    await awaitDeliveries(admin, id, ([only]) => only?.state === 'delivered');
    await awaitThat(
      () => app.sql<{ in_front: boolean }>('SELECT in_front FROM roster.webhooks'),
      ([only]) => only!.in_front,
    );
    // Disabled: what happens waits for them, and nobody touches the rows after they were written.
    await app.sql(
      `INSERT INTO roster.webhooks (id, url, event_types, ordered, secret, disabled_at, disabled_reason, created_at, created_by, version)
       SELECT gen_random_uuid(), url, event_types, CASE WHEN nth % 2 = 0 THEN 'subject' ELSE 'none' END, secret, now(), 'by_hand',
         now(), created_by, 1 FROM roster.webhooks, generate_series(1, ${CROWD}) nth WHERE id = $1`,
      [id],
    );
    const before = server.received.length;
    await Promise.all(Array.from({ length: FACTS }, () => app.people.user()));
    await server.awaitCount(before + FACTS);
    expect(await countOwed()).toBeLessThan((CROWD * FACTS) / 2);
    await awaitThat(countOwed, (count) => count === 1 + FACTS * (CROWD + 1), 90_000);
    const [most] = await app.sql<{ count: number }>(
      `SELECT count(*)::int AS count FROM roster.webhook_deliveries GROUP BY xmin ORDER BY count(*) DESC LIMIT 1`,
    );
    expect(most!.count).toBeLessThanOrEqual(1000);
    const each = await app.sql<{ count: number }>(
      `SELECT DISTINCT count(*)::int AS count FROM roster.webhook_deliveries WHERE webhook_id <> $1 GROUP BY webhook_id`,
      [id],
    );
    expect(each).toEqual([{ count: FACTS }]);
  });
});
