import { setTimeout as pause } from 'node:timers/promises';

import { jest } from '@jest/globals';

import type { TestApp } from '../harness/app.js';
import { newId } from '../../src/platform/crypto/tokens.js';
import type { Result } from '../../src/webhooks/delivery-queue.repository.js';
import { freshDatabase } from '../harness/database.js';
import { awaitThat } from '../jobs/awaited.js';
import { aKeeper, awaitDeliveries, deliveriesOf, makeHook, startHooks } from './hooks.js';
import type { Delivery } from './hooks.js';
import { Receiver, silent, takes } from './receiver.js';
import type { Received } from './receiver.js';

jest.setTimeout(120_000);

const delivered = (count: number) => (deliveries: Delivery[]) =>
  deliveries.filter(({ state }) => state === 'delivered').length === count;
const idsOf = (received: readonly Received[]): string[] => received.map(({ headers }) => String(headers['webhook-id']));

describe('webhooks over several processes', () => {
  const running: TestApp[] = [];
  const open: Receiver[] = [];
  afterEach(async () => {
    for (const app of running.splice(0)) await app.stop();
    for (const receiver of open.splice(0)) await receiver.close();
  });

  async function start(...[name, settings, options]: Parameters<typeof startHooks>): Promise<TestApp> {
    const app = await startHooks(name, settings, options);
    running.push(app);
    return app;
  }

  async function receiver(manner = takes): Promise<Receiver> {
    const opened = await Receiver.open(manner);
    open.push(opened);
    return opened;
  }

  it('send each of a hundred facts once, whoever plans and whoever sends', async () => {
    const database = await freshDatabase('webhooks_races');
    const [one, other] = [await start('', {}, { database }), await start('', {}, { database })];
    const admin = await aKeeper(one);
    const server = await receiver();
    const { id } = await makeHook(admin, server.url);
    await Promise.all(Array.from({ length: 100 }, (_, at) => (at % 2 ? one : other).people.user()));
    await server.awaitCount(100);
    await awaitDeliveries(admin, id, delivered(100));
    await pause(300);
    expect(server.received).toHaveLength(100);
    expect(new Set(idsOf(server.received)).size).toBe(100);
    const rows = await one.sql('SELECT event_id FROM roster.webhook_deliveries WHERE webhook_id = $1', [id]);
    expect(rows).toHaveLength(100);
  });

  it('are sent by workers alone: ROLE=api asks them, also for a test', async () => {
    const database = await freshDatabase('webhooks_roles');
    const api = await start('', { ROLE: 'api' }, { database });
    const admin = await aKeeper(api);
    const server = await receiver();
    const { id } = await makeHook(admin, server.url);
    await api.people.user();
    await admin.post(`/api/v1/webhooks/${id}/test`);
    await pause(1200);
    expect(server.received).toEqual([]);
    await start('', { ROLE: 'worker' }, { database });
    await server.awaitCount(2);
  });

  it('send again, under the same id, what a process that died had sent and not written down', async () => {
    const database = await freshDatabase('webhooks_killed');
    const dying = await start('', {}, { database });
    const admin = await aKeeper(dying);
    const server = await receiver();
    const { id } = await makeHook(admin, server.url);
    // As a kill would: the answer is there, and the process ends before it is kept.
    const { Results } = await import('../../src/webhooks/results.js');
    dying.get(Results).add = () => undefined;
    await dying.people.user();
    await server.awaitCount(1);
    const [lost] = await deliveriesOf(admin, id);
    expect(lost).toMatchObject({ state: 'waiting', attempts: 0 });
    const next = await start('', {}, { database });
    await pause(700);
    expect(server.received).toHaveLength(1);
    next.clock.advance(61_000);
    const received = await server.awaitCount(2);
    expect(new Set(idsOf(received)).size).toBe(1);
    expect(received[1]!.raw).toBe(received[0]!.raw);
    await awaitDeliveries(admin, id, delivered(1));
  });

  it('hear nothing of one that says too late what became of a delivery: another has it by now', async () => {
    const database = await freshDatabase('webhooks_late');
    const late = await start('', {}, { database });
    const admin = await aKeeper(late);
    let answer: (() => void) | null = null;
    const server = await receiver((response) => {
      if (answer) takes(response, undefined as never, undefined as never);
      else answer = () => void response.writeHead(500).end();
    });
    const { id } = await makeHook(admin, server.url);
    await late.people.user();
    await server.awaitCount(1);
    const other = await start('', {}, { database });
    other.clock.advance(61_000);
    await server.awaitCount(2);
    await awaitDeliveries(admin, id, delivered(1));
    answer!();
    await pause(500);
    expect(await deliveriesOf(admin, id)).toMatchObject([{ state: 'delivered', attempts: 1, status: 204 }]);
  });

  it('go by the clock of PostgreSQL: one whose own is wrong takes no delivery that is being sent, and sends what is due', async () => {
    const database = await freshDatabase('webhooks_clocks');
    const one = await start('', {}, { database });
    const admin = await aKeeper(one);
    const server = await receiver(silent);
    const { id } = await makeHook(admin, server.url);
    await one.people.user();
    await server.awaitCount(1);
    for (const wrong of [600_000, -600_000]) {
      const other = await start('', {}, { database });
      other.clock.millis = () => Date.now() + wrong;
    }
    await pause(1500);
    expect(server.received).toHaveLength(1);
    await running.splice(0, 1)[0]!.stop();
    server.manner = takes;
    await server.awaitCount(2);
    const hasCome = `SELECT state FROM roster.webhook_deliveries WHERE webhook_id = '${id}'`;
    await awaitThat(
      () => running[0]!.sql<{ state: string }>(hasCome),
      ([only]) => only?.state === 'delivered',
    );
  });

  it('never wait for each other in a circle when they write of the same webhooks', async () => {
    const database = await freshDatabase('webhooks_circle');
    const apps = [await start('', { ROLE: 'api' }, { database }), await start('', { ROLE: 'api' }, { database })];
    const admin = await aKeeper(apps[0]!);
    const hooks: string[] = [];
    for (let made = 0; made < 20; made += 1) hooks.push((await makeHook(admin, 'https://hooks.example/')).id);
    const at = new Date();
    const tried = { at, url: '', status: 500, latencyMs: 1, headers: null, body: null, retryAfter: null };
    const resultOf = (webhookId: string, taken: boolean): Result => ({
      ...{ id: newId(), webhookId, kind: 'event', lease: newId(), state: 'dead', next: at },
      attempt: { ...tried, error: taken ? null : 'refused' },
    });
    const { Results } = await import('../../src/webhooks/results.js');
    type Keeping = { keep(results: readonly Result[]): Promise<void> };
    for (let round = 0; round < 20; round += 1)
      await Promise.all(
        apps.map((app, nth) =>
          (app.get(Results) as unknown as Keeping).keep(
            hooks.map((id, of) => resultOf(id, (of + nth + round) % 2 === 0)),
          ),
        ),
      );
    const [{ deadlocks } = { deadlocks: -1 }] = await apps[0]!.sql<{ deadlocks: number }>(
      `SELECT pg_stat_get_db_deadlocks(oid)::int AS deadlocks FROM pg_database WHERE datname = current_database()`,
    );
    expect(deadlocks).toBe(0);
  });

  it('do not hold up a stop: what is on its way is given back, and another process sends it', async () => {
    const database = await freshDatabase('webhooks_stop');
    const stopping = await start('', {}, { database });
    const admin = await aKeeper(stopping);
    const server = await receiver(silent);
    const { id } = await makeHook(admin, server.url);
    await stopping.people.user();
    await server.awaitCount(1);
    const since = performance.now();
    await running.splice(0, 1)[0]!.stop();
    // Waiting for the answer would take longer; much of it is for a machine that stands still.
    expect(performance.now() - since).toBeLessThan(10_000);
    server.manner = takes;
    const next = await start('', {}, { database });
    await server.awaitCount(2);
    // What was given back was no try.
    const [done] = await awaitDeliveries(await aKeeper(next), id, ([only]) => only?.state === 'delivered');
    expect(done).toMatchObject({ attempts: 1 });
  });
});
