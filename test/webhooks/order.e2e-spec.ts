import { jest } from '@jest/globals';

import { Jobs } from '../../src/jobs/index.js';
import { newId } from '../../src/platform/crypto/tokens.js';
import { Database } from '../../src/platform/database/database.js';
import { DeliveryQueueRepository } from '../../src/webhooks/delivery-queue.repository.js';
import { Dispatcher } from '../../src/webhooks/dispatcher.js';
import type { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { awaitThat } from '../jobs/awaited.js';
import { aKeeper, awaitDeliveries, deliveriesOf, makeHook, startHooks } from './hooks.js';
import type { Delivery, Hook } from './hooks.js';
import { Receiver, says, takes } from './receiver.js';
import type { Received } from './receiver.js';

jest.setTimeout(120_000);

const HOUR = 3_600_000;

describe('webhooks that keep the order of each subject', () => {
  const running: TestApp[] = [];
  let app: TestApp;
  let admin: Person;
  let server: Receiver;

  beforeAll(async () => {
    const database = await freshDatabase('webhooks_order');
    app = await startHooks('', {}, { database });
    running.push(app, await startHooks('', {}, { database }));
    admin = await aKeeper(app);
  });
  beforeEach(async () => {
    server = await Receiver.open(says(500));
  });
  afterEach(async () => {
    await app.sql('UPDATE roster.webhooks SET deleted_at = now()');
    await server.close();
  });
  afterAll(async () => {
    for (const each of running) await each.stop();
  });

  const advance = (milliseconds: number): void => running.forEach(({ clock }) => clock.advance(milliseconds));
  const sequenceOf = ({ event }: Received): string => (event as unknown as { sequence: string }).sequence;

  /** A webhook that listens to these users alone. */
  function hookOf(userIds: readonly string[]): Promise<Hook> {
    const filter = userIds.map((id) => `subject eq "users/${id}"`).join(' or ');
    return makeHook(admin, server.url, { eventTypes: ['user.*'], filter, ordered: 'subject' });
  }

  /** Two facts for each time. */
  async function happen(userId: string, times: number): Promise<void> {
    for (let done = 0; done < times; done += 1) {
      await admin.put(`/api/v1/users/${userId}/suspension`, { reason: 'left' });
      await admin.delete(`/api/v1/users/${userId}/suspension`);
    }
  }

  /** Once or, where it took long to look, again: each try is refused. */
  const hasBeenTried = ({ attempts }: Delivery): boolean => attempts > 0;

  /** How many are due at some time, and how many wait for others. */
  async function lines(id: string): Promise<{ timed: number; behind: number }> {
    const [row] = await app.sql<{ timed: number; behind: number }>(
      `SELECT count(next_attempt_at)::int AS timed, count(*)::int - count(next_attempt_at)::int AS behind
       FROM roster.webhook_deliveries WHERE webhook_id = $1 AND state = 'waiting'`,
      [id],
    );
    return row!;
  }

  it('look at the first of a subject alone, however many wait behind it, and let one by after the other', async () => {
    const user = await app.people.user();
    const { id } = await hookOf([user.id]);
    await happen(user.id, 10);
    await awaitDeliveries(admin, id, (all) => all.length === 20 && all.some(hasBeenTried));
    expect(await lines(id)).toEqual({ timed: 1, behind: 19 });
    expect((await deliveriesOf(admin, id)).filter(({ nextAttemptAt }) => nextAttemptAt !== null)).toHaveLength(1);
    server.manner = takes;
    advance(40_000);
    await awaitDeliveries(admin, id, (all) => all.every(({ state }) => state === 'delivered'));
    const taken = server.received.slice(1).map(sequenceOf);
    expect(taken).toEqual([...taken].sort());
    expect(new Set(taken).size).toBe(20);
  });

  it('lose and swap nothing while facts come, two processes send, and the server fails now and then', async () => {
    const users = await Promise.all(Array.from({ length: 8 }, () => app.people.user()));
    let calls = 0;
    server.manner = (...call) => void (calls++ % 7 === 3 ? says(503, { 'retry-after': '0' }) : takes)(...call);
    const { id } = await hookOf(users.map((user) => user.id));
    const ticking = setInterval(() => advance(2000), 100);
    await Promise.all(users.map((user) => happen(user.id, 6)));
    await awaitDeliveries(admin, id, (all) => all.length === 96 && all.every(({ state }) => state === 'delivered'));
    clearInterval(ticking);
    for (const user of users) {
      const first = new Map<string, string>();
      for (const received of server.received)
        if (received.event.subject === `users/${user.id}`) first.set(received.event.id, sequenceOf(received));
      const order = [...first.values()];
      expect(order).toHaveLength(12);
      expect(order).toEqual([...order].sort());
    }
  });

  it('let the next one by when the first is dead', async () => {
    const user = await app.people.user();
    const { id } = await hookOf([user.id]);
    await happen(user.id, 1);
    await awaitDeliveries(admin, id, (all) => all.length === 2 && all.some(hasBeenTried));
    await app.sql(
      `UPDATE roster.webhook_deliveries SET first_attempt_at = first_attempt_at - interval '73 hours' WHERE webhook_id = $1`,
      [id],
    );
    advance(40_000);
    await awaitDeliveries(admin, id, (all) => all.some(({ state }) => state === 'dead') && all[1]!.attempts > 0);
  });

  it('let all by when no order is asked for any more', async () => {
    const user = await app.people.user();
    const { id } = await hookOf([user.id]);
    await happen(user.id, 5);
    await awaitDeliveries(admin, id, (all) => all.length === 10 && all.some(hasBeenTried));
    await admin.patch(`/api/v1/webhooks/${id}`, { ordered: 'none' });
    expect(
      await awaitThat(
        () => lines(id),
        ({ behind }) => behind === 0,
      ),
    ).toEqual({ timed: 10, behind: 0 });
  });

  it('wait for none that was pruned', async () => {
    const user = await app.people.user();
    const { id } = await hookOf([user.id]);
    await happen(user.id, 2);
    await awaitDeliveries(admin, id, (all) => all.length === 4 && all.some(hasBeenTried));
    await app.sql(
      `UPDATE roster.webhook_deliveries SET created_at = created_at - interval '31 days'
       WHERE webhook_id = $1 AND next_attempt_at IS NOT NULL`,
      [id],
    );
    const { handler } = app.get(Jobs).known().get('webhooks.prune')!;
    await (handler as (payload: object) => Promise<void>)({});
    await awaitDeliveries(admin, id, (all) => all.length === 3 && all.some(hasBeenTried));
    expect(await lines(id)).toEqual({ timed: 1, behind: 2 });
  });
});

describe('webhooks with much to send', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startHooks('webhooks_first', { ROLE: 'api' });
  });
  afterAll(() => app.stop());

  it('are sent a test first, then what is asked for by hand, what happens, and last what is told once more', async () => {
    const { id: webhookId } = await makeHook(await app.people.admin(), 'https://hooks.customer.example/');
    const told = { eventType: 'user.created', subject: null, xid: '1', seq: '1', body: '{}' };
    for (const kind of ['replay', 'event', 'redelivery', 'test'] as const)
      await app.get(Database).transaction(async () => {
        const replayId = kind === 'replay' ? newId() : null;
        await app.get(Dispatcher).owe(kind, [{ webhookId, told: { ...told, eventId: newId() } }], replayId);
      });
    const kinds: string[] = [];
    const places = {
      standing: 'new',
      room: 1,
      roomOfEach: 1,
      busy: new Map<string, number>(),
      slow: [],
      resting: [],
    } as const;
    for (let claimed = 0; claimed < 4; claimed += 1) {
      const [next] = await app.get(DeliveryQueueRepository).claim({ ...places, lease: newId(), leasedFor: HOUR });
      kinds.push(next!.kind);
    }
    expect(kinds).toEqual(['test', 'redelivery', 'event', 'replay']);
  });
});
