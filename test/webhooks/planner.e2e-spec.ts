import { jest } from '@jest/globals';

import { Destinations } from '../../src/webhooks/destinations.js';
import type { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { awaitThat } from '../jobs/awaited.js';
import { aKeeper, awaitDeliveries, makeHook, startHooks } from './hooks.js';
import { Receiver } from './receiver.js';

jest.setTimeout(120_000);

const CROWD = 2500;
const FACTS = 20;

describe('webhooks that were well and hang', () => {
  it('hold no place among the well for longer than two seconds', async () => {
    const app = await startHooks('webhooks_hanging');
    const admin = await aKeeper(app);
    const [hanging, live] = [await Receiver.open(), await Receiver.open()];
    const { id } = await makeHook(admin, hanging.url);
    await makeHook(admin, live.url);
    await app.sql(
      `INSERT INTO roster.webhooks (id, url, event_types, ordered, secret, last_success_at, created_at, created_by, keeper_id, version)
       SELECT gen_random_uuid(), url, event_types, ordered, secret, now(), now(), created_by, keeper_id, 1
       FROM roster.webhooks, generate_series(1, 99) nth WHERE id = $1`,
      [id],
    );
    await app.sql(`UPDATE roster.webhooks SET last_success_at = now()`);
    // Before they are signed: those that were copied have a secret that is not theirs.
    const { addressesOf } = app.get(Destinations);
    app.get(Destinations).addressesOf = (url) =>
      url.href === hanging.url ? new Promise(() => undefined) : addressesOf.call(app.get(Destinations), url);
    for (let facts = 0; facts < 5; facts += 1) await app.people.user();
    await live.awaitCount(5);
    const begun = performance.now();
    const { id: last } = await app.people.user();
    await live.awaitCount(1, ({ event }) => event.subject === `users/${last}`);
    expect(performance.now() - begun).toBeLessThan(8000);
    await app.stop();
    await hanging.close();
    await live.close();
  });
});

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
      `INSERT INTO roster.webhooks (id, url, event_types, ordered, secret, disabled_at, disabled_reason, created_at, created_by, keeper_id, version)
       SELECT gen_random_uuid(), url, event_types, CASE WHEN nth % 2 = 0 THEN 'subject' ELSE 'none' END, secret, now(), 'by_hand',
         now(), created_by, keeper_id, 1 FROM roster.webhooks, generate_series(1, ${CROWD}) nth WHERE id = $1`,
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
