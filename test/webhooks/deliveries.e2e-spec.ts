import { jest } from '@jest/globals';

import { Jobs } from '../../src/jobs/index.js';
import { Secrets } from '../../src/platform/crypto/secrets.js';
import type { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { awaitThat } from '../jobs/awaited.js';
import {
  aKeeper,
  awaitDeliveries,
  deliveriesOf,
  deliveryOf,
  factsAbout,
  makeHook,
  noticeTo,
  startHooks,
} from './hooks.js';
import type { Delivery, DeliveryDetails, Hook } from './hooks.js';
import { Receiver, says, silent, takes } from './receiver.js';
import type { Manner, Received } from './receiver.js';
import { verifyWebhook } from './verifier.js';

jest.setTimeout(120_000);

const HOUR = 3_600_000;

describe('deliveries of webhooks', () => {
  let app: TestApp;
  let admin: Person;
  const open: Receiver[] = [];

  beforeAll(async () => {
    // Longer than a machine stands still: what is sent once is to be sent once.
    app = await startHooks('webhooks_deliveries', { WEBHOOK_TIMEOUT: '6s' });
    admin = await aKeeper(app);
  });
  afterEach(async () => {
    for (const receiver of open.splice(0)) await receiver.close();
    await app.sql('UPDATE roster.webhooks SET deleted_at = now()');
  });
  afterAll(() => app.stop());

  async function receiver(manner: Manner = takes): Promise<Receiver> {
    const opened = await Receiver.open(manner);
    open.push(opened);
    return opened;
  }

  const delivered = (deliveries: Delivery[]): boolean =>
    deliveries.length > 0 && deliveries.every(({ state }) => state === 'delivered');
  const tried = (attempts: number) => (deliveries: Delivery[]) => deliveries[0]?.attempts === attempts;
  const verified = ({ raw, headers }: Received, secret: string | string[]): Promise<{ id: string }> =>
    verifyWebhook<{ id: string }>(raw, headers as Record<string, string>, secret, app.clock.millis());

  async function runJob(name: string): Promise<void> {
    const { handler } = app.get(Jobs).known().get(name)!;
    await (handler as (payload: object) => Promise<void>)({});
  }

  it('are the fact as a CloudEvent, signed by Standard Webhooks, once', async () => {
    const server = await receiver();
    const { id, secret } = await makeHook(admin, server.url);
    const user = await app.people.user();
    const [received] = await server.awaitCount(1);
    const event = await verified(received!, secret);
    expect(event).toEqual({
      specversion: '1.0',
      id: received!.headers['webhook-id'],
      source: 'http://127.0.0.1:3000',
      type: 'user.created',
      subject: `users/${user.id}`,
      subjectversion: 1,
      time: expect.any(String),
      datacontenttype: 'application/json',
      data: { userId: user.id, status: 'active' },
      sequence: expect.any(String),
    });
    expect(received).toMatchObject({ method: 'POST', url: '/hook' });
    expect(received!.headers).toMatchObject({
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'user-agent': expect.stringMatching(/^Roster\//),
      host: `127.0.0.1:${server.port}`,
    });
    const [fact] = await app.sql<{ id: string }>('SELECT id FROM roster.events WHERE subject = $1', [
      `users/${user.id}`,
    ]);
    expect(event.id).toBe(fact!.id);
    const [delivery] = await awaitDeliveries(admin, id, delivered);
    expect(delivery).toMatchObject({ eventId: fact!.id, attempts: 1, status: 204, error: null, kind: 'event' });
    expect(server.received).toHaveLength(1);
    const hook = (await admin.get<Hook>(`/api/v1/webhooks/${id}`)).body;
    expect(hook).toMatchObject({ failingSince: null, lastSuccessAt: expect.any(String), version: 1 });
  });

  it('are no secret of another webhook, nor of a body that was changed', async () => {
    const server = await receiver();
    const one = await makeHook(admin, server.url);
    const other = await makeHook(admin, `${server.url}/other`);
    await app.people.user();
    const received = await server.awaitCount(2);
    const first = received.find(({ url }) => url === '/hook')!;
    await verified(first, one.secret);
    await expect(verified(first, other.secret)).rejects.toThrow('No signature');
    await expect(verified({ ...first, raw: `${first.raw} ` }, one.secret)).rejects.toThrow('No signature');
  });

  it('have two signatures while two secrets live, and one when the overlap is over', async () => {
    const server = await receiver();
    const { id, secret } = await makeHook(admin, server.url);
    const { body } = await admin.post<Hook>(`/api/v1/webhooks/${id}/secret`, { overlapSeconds: 3600 });
    await app.people.user();
    const [both] = await server.awaitCount(1);
    expect(both!.headers['webhook-signature']).toMatch(/^v1,\S{44} v1,\S{44}$/);
    await verified(both!, secret);
    await verified(both!, body.secret);
    app.clock.advance(HOUR + 1000);
    await app.people.user();
    const [, one] = await server.awaitCount(2);
    await verified(one!, body.secret);
    await expect(verified(one!, secret)).rejects.toThrow('No signature');
  });

  it('go to whoever listens to this kind, with this filter', async () => {
    const server = await receiver();
    const user = await app.people.user();
    const filter = `subject eq "users/${user.id}"`;
    await makeHook(admin, `${server.url}?all`, { eventTypes: ['user.*'], filter });
    await makeHook(admin, `${server.url}?others`, { eventTypes: ['user.*'], filter: `not (${filter})` });
    await makeHook(admin, `${server.url}?one`, { eventTypes: ['user.reinstated'], filter });
    await admin.put(`/api/v1/users/${user.id}/suspension`, { reason: 'left' });
    await admin.delete(`/api/v1/users/${user.id}/suspension`);
    const received = await server.awaitCount(3);
    expect(received.map(({ url, event }) => `${url} ${event.type}`).sort()).toEqual([
      '/hook?all user.reinstated',
      '/hook?all user.suspended',
      '/hook?one user.reinstated',
    ]);
  });

  it('tell nothing that happened before there was a webhook', async () => {
    await app.people.user();
    const server = await receiver();
    const { id } = await makeHook(admin, server.url);
    const { id: userId } = await app.people.user();
    const [received] = await server.awaitCount(1);
    expect(received!.event.data).toMatchObject({ userId });
    expect(await deliveriesOf(admin, id)).toHaveLength(1);
  });

  it('are tried again with the same id, and keep request and answer of the last try', async () => {
    const manners = [says(500, { 'content-type': 'text/plain', 'set-cookie': 'a=b', server: 'x' }, 'ouch\0'), takes];
    const server = await receiver((...call) => manners.shift()!(...call));
    const { id, secret } = await makeHook(admin, server.url);
    await app.people.user();
    const [failed] = await awaitDeliveries(admin, id, tried(1));
    expect(failed).toMatchObject({ state: 'waiting', status: 500, error: 'refused' });
    const wait = Date.parse(failed!.nextAttemptAt!) - Date.parse(failed!.lastAttemptAt!);
    expect(wait).toBeGreaterThanOrEqual(3750);
    expect(wait).toBeLessThanOrEqual(6250);
    expect((await admin.get<Hook>(`/api/v1/webhooks/${id}`)).body.failingSince).not.toBeNull();
    const seen = await deliveryOf(admin, failed!.id);
    expect(seen.answer).toEqual({
      status: 500,
      headers: expect.objectContaining({ 'content-type': 'text/plain', server: 'x' }),
      body: 'ouch\uFFFD',
    });
    expect(JSON.stringify(seen)).not.toContain('set-cookie');
    expect(seen.request).toMatchObject({ url: server.url, headers: { 'webhook-id': failed!.eventId } });
    app.clock.advance(7000);
    const [first, second] = await server.awaitCount(2);
    await verified(second!, secret);
    expect(second!.raw).toBe(first!.raw);
    expect(seen.request.body).toBe(first!.raw);
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(Number(second!.headers['webhook-timestamp'])).toBeGreaterThan(Number(first!.headers['webhook-timestamp']));
    const [done] = await awaitDeliveries(admin, id, delivered);
    expect((await deliveryOf(admin, done!.id)).tries).toMatchObject([
      { status: 500, error: 'refused' },
      { status: 204, error: null },
    ]);
    expect((await admin.get<Hook>(`/api/v1/webhooks/${id}`)).body.failingSince).toBeNull();
  });

  it.each([
    ['seconds', () => '120'],
    ['a date', () => new Date(app.clock.millis() + 120_000).toUTCString()],
  ])('wait as long as the server asks for by %s', async (_, wait) => {
    const server = await receiver((...call) => says(503, { 'retry-after': wait() })(...call));
    const { id } = await makeHook(admin, server.url);
    await app.people.user();
    const [failed] = await awaitDeliveries(admin, id, tried(1));
    const waits = Date.parse(failed!.nextAttemptAt!) - Date.parse(failed!.lastAttemptAt!);
    expect(waits).toBeGreaterThan(115_000);
    expect(waits).toBeLessThan(125_000);
  });

  it('are dead after 72 hours', async () => {
    const server = await receiver(says(500));
    const { id } = await makeHook(admin, server.url);
    await app.people.user();
    for (let attempts = 1; attempts < 30; attempts += 1) {
      const [delivery] = await awaitDeliveries(admin, id, tried(attempts));
      if (delivery!.state === 'dead') {
        const { tries } = await deliveryOf(admin, delivery!.id);
        const span = Date.parse(tries.at(-1)!.at) - Date.parse(tries[0]!.at);
        expect(span).toBeGreaterThanOrEqual(72 * HOUR);
        expect(span).toBeLessThan(73 * HOUR);
        expect(attempts).toBeGreaterThan(10);
        expect(delivery!.nextAttemptAt).toBeNull();
        return;
      }
      app.clock.advance(Date.parse(delivery!.nextAttemptAt!) - app.clock.millis() + 31_000);
    }
    throw new Error('It never died');
  });

  it('that nobody answers, or whose connection is refused, are tried again', async () => {
    const quiet = await receiver(silent);
    const away = await Receiver.open();
    const { url } = away;
    await away.close();
    const one = await makeHook(admin, quiet.url);
    const other = await makeHook(admin, url);
    await app.people.user();
    const first = await Promise.all([one, other].map(({ id }) => awaitDeliveries(admin, id, tried(1))));
    expect(first.map(([only]) => only)).toMatchObject([
      { error: 'timed_out', status: null, nextAttemptAt: expect.any(String) },
      { error: 'connection_failed', nextAttemptAt: expect.any(String) },
    ]);
  });

  it('410 disables the webhook: its maker is told, and what waits goes on when it is enabled again', async () => {
    const server = await receiver(says(410));
    const maker = await aKeeper(app);
    const { id } = await makeHook(maker, server.url);
    await app.people.user();
    await awaitDeliveries(maker, id, ([only]) => only?.state === 'dead');
    const { subject } = await noticeTo(app, maker.user.email);
    expect(subject).toBe(`A webhook was disabled: 127.0.0.1:${server.port}`);
    const gone = (await maker.get<Hook>(`/api/v1/webhooks/${id}`)).body;
    expect(gone).toMatchObject({ state: 'disabled', disabledReason: 'gone', version: 2 });
    server.manner = takes;
    const { id: userId } = await app.people.user();
    const [, waiting] = await awaitDeliveries(maker, id, (deliveries) => deliveries.length === 2);
    expect(waiting).toMatchObject({ state: 'waiting', attempts: 0 });
    for (const path of [`webhooks/${id}/test`, `webhook-deliveries/${waiting!.id}/redelivery`])
      expect(await maker.post(`/api/v1/${path}`)).toMatchObject({ status: 409, body: { code: 'webhook_disabled' } });
    await maker.patch(`/api/v1/webhooks/${id}`, { state: 'enabled' });
    await server.awaitCount(1, ({ event }) => (event.data as { userId: string }).userId === userId);
    expect(await factsAbout(app, id)).toEqual(['webhook.created', 'webhook.disabled', 'webhook.enabled']);
  });

  it('that fail for five days disable the webhook, once', async () => {
    const server = await receiver(says(500));
    const maker = await aKeeper(app);
    const { id } = await makeHook(maker, server.url);
    await app.people.user();
    await awaitDeliveries(maker, id, tried(1));
    for (let attempts = 2; attempts < 4; attempts += 1) {
      app.clock.advance(61 * HOUR);
      await awaitDeliveries(maker, id, tried(attempts));
    }
    const shown = async (): Promise<Hook> => (await maker.get<Hook>(`/api/v1/webhooks/${id}`)).body;
    expect(await awaitThat(shown, ({ state }) => state === 'disabled')).toMatchObject({ disabledReason: 'failing' });
    await noticeTo(app, maker.user.email);
    expect(await factsAbout(app, id)).toEqual(['webhook.created', 'webhook.disabled']);
  });

  it('that failed once, days ago, do not disable the webhook; a test that is taken and another server clear the failure', async () => {
    const server = await receiver(says(503, { 'retry-after': '86400' }));
    const { id } = await makeHook(admin, server.url);
    const shown = async (): Promise<Hook> => (await admin.get<Hook>(`/api/v1/webhooks/${id}`)).body;
    await app.people.user();
    await awaitDeliveries(admin, id, tried(1));
    app.clock.advance(121 * HOUR);
    await awaitDeliveries(admin, id, tried(2));
    expect(await shown()).toMatchObject({ state: 'enabled', failingSince: expect.any(String) });
    server.manner = takes;
    await admin.post(`/api/v1/webhooks/${id}/test`);
    await awaitThat(shown, ({ failingSince }) => failingSince === null);
    server.manner = says(503, { 'retry-after': '86400' });
    await app.people.user();
    await awaitThat(shown, ({ failingSince }) => failingSince !== null);
    const moved = await admin.patch<Hook>(`/api/v1/webhooks/${id}`, { url: `${server.url}/new` });
    expect(moved.body).toMatchObject({ failingSince: null, lastSuccessAt: null });
  });

  it('that cannot be signed are failures that are seen, and no fault of the server; a secret of before is left out', async () => {
    const server = await receiver();
    const [broken, rotated] = [await makeHook(admin, server.url), await makeHook(admin, `${server.url}/rotated`)];
    await admin.post(`/api/v1/webhooks/${rotated.id}/secret`, { overlapSeconds: 3600 });
    await app.sql(`UPDATE roster.webhooks SET secret = 'x' WHERE id = $1`, [broken.id]);
    await app.sql(`UPDATE roster.webhooks SET previous_secret = 'x' WHERE id = $1`, [rotated.id]);
    await app.people.user();
    const [received] = await server.awaitCount(1);
    expect(received!.headers['webhook-signature']).toMatch(/^v1,\S{44}$/);
    const [failed] = await awaitDeliveries(admin, broken.id, tried(1));
    expect(failed).toMatchObject({ state: 'waiting', error: 'not_sent', status: null });
    expect((await admin.get<Hook>(`/api/v1/webhooks/${broken.id}`)).body.failingSince).toBeNull();
  });

  it('are signed by secrets that are sealed anew when the key of the house was changed', async () => {
    const [before, after] = [Buffer.alloc(32, 7), Buffer.alloc(32, 8)];
    const database = await freshDatabase('webhooks_reseal');
    const old = await startHooks('', {}, { database });
    const { id, secret } = await makeHook(await old.people.admin(), 'https://hooks.customer.example/');
    await old.stop();
    const next = await startHooks('', {}, { database, secrets: new Secrets(after, before) });
    const { handler } = next.get(Jobs).known().get('webhook_secrets.reseal')!;
    await (handler as (payload: object) => Promise<void>)({});
    const [row] = await next.sql<{ secret: Buffer }>('SELECT secret FROM roster.webhooks WHERE id = $1', [id]);
    expect(new Secrets(after).open('webhooks', row!.secret, id).toString()).toBe(secret);
    await next.stop();
  });

  it('show the fact to whoever may read facts, and the whole URL to whoever may change it', async () => {
    const server = await receiver();
    const { id } = await makeHook(admin, `${server.url}?token=secret`);
    await app.people.user();
    const [delivery] = await awaitDeliveries(admin, id, delivered);
    const [origin] = server.url.split('/hook');
    const reader = await app.people.withPermissions('webhooks:read');
    const seen = await deliveryOf(reader, delivery!.id);
    expect(seen.request).toMatchObject({ url: origin, body: null });
    expect((await deliveryOf(admin, delivery!.id)).request).toMatchObject({
      url: `${server.url}?token=secret`,
      body: server.received[0]!.raw,
    });
    expect((await reader.get<Hook>(`/api/v1/webhooks/${id}`)).body.url).toBe(origin);
    const found = async (person: Person, filter: string): Promise<number> => {
      const { body } = await person.get<{ data: Hook[] }>(`/api/v1/webhooks?filter=${encodeURIComponent(filter)}`);
      return body.data.length;
    };
    expect(await found(admin, `url co "token=sec"`)).toBe(1);
    expect(await found(reader, `url co "token=sec"`)).toBe(0);
    expect(await found(reader, `url co "127.0.0.1:${server.port}"`)).toBe(1);
  });

  it('go at once to a new URL, though nobody answers at the one before', async () => {
    const away = await Receiver.open();
    const { url } = away;
    await away.close();
    const { id } = await makeHook(admin, url);
    for (let facts = 0; facts < 6; facts += 1) await app.people.user();
    await awaitDeliveries(admin, id, (all) => all.filter(({ attempts }) => attempts > 0).length >= 5);
    const server = await receiver();
    await admin.patch(`/api/v1/webhooks/${id}`, { url: server.url });
    await admin.post(`/api/v1/webhooks/${id}/test`);
    await server.awaitCount(1, ({ event }) => event.type === 'webhook.test');
  });

  it.each([
    ['is suspended', (id: string) => admin.put(`/api/v1/users/${id}/suspension`, { reason: 'left' })],
    ['is deleted', (id: string) => admin.delete(`/api/v1/users/${id}`)],
    ['has the right no longer', (id: string) => app.sql('DELETE FROM roster.user_roles WHERE user_id = $1', [id])],
  ])('stop when whoever keeps the webhook %s, until somebody else enables it', async (what, leave) => {
    const server = await receiver();
    const maker = await app.people.withPermissions('webhooks:read', 'webhooks:write');
    const { id } = await makeHook(maker, server.url);
    await leave(maker.user.id);
    // A right that ended by itself: no fact tells of it.
    if (what.startsWith('has')) await runJob('webhooks.check_keepers');
    const shown = async (): Promise<Hook> => (await admin.get<Hook>(`/api/v1/webhooks/${id}`)).body;
    expect(await awaitThat(shown, ({ state }) => state === 'disabled')).toMatchObject({
      disabledReason: 'keeper_gone',
    });
    expect(await factsAbout(app, id)).toEqual(['webhook.created', 'webhook.disabled']);
    await admin.patch(`/api/v1/webhooks/${id}`, { state: 'enabled' });
    await runJob('webhooks.check_keepers');
    expect(await shown()).toMatchObject({ state: 'enabled' });
  });

  it('can be tried: an event that tells of nothing, sent once', async () => {
    const server = await receiver(says(418));
    const { id, secret } = await makeHook(admin, server.url, { eventTypes: ['user.created'], ordered: 'subject' });
    const test = await admin.post<DeliveryDetails>(`/api/v1/webhooks/${id}/test`);
    expect(test).toMatchObject({ status: 202, body: { kind: 'test', state: 'waiting', eventType: 'webhook.test' } });
    const [received] = await server.awaitCount(1);
    expect(await verified(received!, secret)).toMatchObject({
      id: test.body.eventId,
      type: 'webhook.test',
      data: { webhookId: id },
    });
    const [delivery] = await awaitDeliveries(admin, id, ([only]) => only?.state === 'dead');
    expect(delivery).toMatchObject({ status: 418, attempts: 1 });
    expect((await admin.get<Hook>(`/api/v1/webhooks/${id}`)).body.failingSince).toBeNull();
    expect(await factsAbout(app, id)).toEqual(['webhook.created', 'webhook.tested']);
  });

  it('are sent once more when somebody asks: another delivery, the same event', async () => {
    const server = await receiver();
    const { id } = await makeHook(admin, server.url);
    await app.people.user();
    const [first] = await awaitDeliveries(admin, id, delivered);
    const again = await admin.post<DeliveryDetails>(`/api/v1/webhook-deliveries/${first!.id}/redelivery`);
    expect(again).toMatchObject({ status: 202, body: { kind: 'redelivery', eventId: first!.eventId } });
    const received = await server.awaitCount(2);
    expect(new Set(received.map(({ raw }) => raw)).size).toBe(1);
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    await awaitDeliveries(admin, id, (deliveries) => deliveries.length === 2 && delivered(deliveries));
    expect(await factsAbout(app, id)).toEqual(['webhook.created', 'webhook.redelivered']);
  });

  it('of a span of time are counted in a dry run, and made by a job', async () => {
    const server = await receiver();
    const from = new Date(Date.now() - 1000).toISOString();
    const users = [await app.people.user(), await app.people.user(), await app.people.user()];
    await admin.put(`/api/v1/users/${users[0]!.id}/suspension`, { reason: 'left' });
    const filter = users.map(({ id }) => `subject eq "users/${id}"`).join(' or ');
    const { id } = await makeHook(admin, server.url, { eventTypes: ['user.*'], filter });
    const replay = `/api/v1/webhooks/${id}/replay`;
    // The application's clock was moved by other tests; the facts are of it, their ids are not.
    await app.sql('UPDATE roster.events SET occurred_at = now() WHERE subject = ANY($1)', [
      users.map(({ id: userId }) => `users/${userId}`),
    ]);
    const to = new Date(Date.now() + 60_000).toISOString();
    const dry = await admin.post(replay, { from, to, dryRun: true });
    expect(dry).toMatchObject({ status: 200, body: { replayId: null, jobId: null, matching: 4, isMore: false } });
    const wanted = { from, to, types: ['user.created'] };
    expect((await admin.post(replay, { ...wanted, dryRun: true })).body).toMatchObject({ matching: 3 });
    expect(server.received).toEqual([]);
    expect((await admin.post(replay, { from: to, to: from })).status).toBe(422);
    const real = await admin.post<{ replayId: string; jobId: string }>(replay, wanted);
    expect(real).toMatchObject({ status: 202, headers: { location: `/api/v1/jobs/${real.body.jobId}` } });
    const received = await server.awaitCount(3);
    expect(received.map(({ event }) => event.subject).sort()).toEqual(users.map((user) => `users/${user.id}`).sort());
    const made = await deliveriesOf(admin, id, `replayId eq "${real.body.replayId}"`);
    expect(made.map(({ kind }) => kind)).toEqual(['replay', 'replay', 'replay']);
    expect(await factsAbout(app, id)).toEqual(['webhook.created', 'webhook.replayed']);
  });

  it('in the order of each subject wait for the one before, and for no other subject', async () => {
    const [ada, bob] = [await app.people.user(), await app.people.user()];
    const filter = `subject eq "users/${ada.id}" or subject eq "users/${bob.id}"`;
    let broken = true;
    const server = await receiver((response, received, request) => {
      const isAda = received.event.subject === `users/${ada.id}`;
      (isAda && broken ? says(500) : takes)(response, received, request);
    });
    const { id } = await makeHook(admin, server.url, { eventTypes: ['user.*'], filter, ordered: 'subject' });
    for (const { id: userId } of [ada, bob]) {
      await admin.put(`/api/v1/users/${userId}/suspension`, { reason: 'left' });
      await admin.delete(`/api/v1/users/${userId}/suspension`);
    }
    await server.awaitCount(2, ({ event }) => event.subject === `users/${bob.id}`);
    await awaitDeliveries(admin, id, (all) => all.some(({ attempts, state }) => attempts > 0 && state === 'waiting'));
    const ofAda = (): string[] =>
      server.received.filter(({ event }) => event.subject === `users/${ada.id}`).map(({ event }) => event.type);
    // Refused once, or twice where the second try was quicker than we are.
    expect(new Set(ofAda())).toEqual(new Set(['user.suspended']));
    broken = false;
    app.clock.advance(40_000);
    await awaitDeliveries(admin, id, (all) => all.length === 4 && delivered(all));
    expect(ofAda().length).toBeGreaterThan(2);
    expect(ofAda()).toEqual([
      ...ofAda()
        .slice(1)
        .map(() => 'user.suspended'),
      'user.reinstated',
    ]);
  });

  it('are kept as long as the setting says, and go with their webhook', async () => {
    const server = await receiver();
    const [one, other] = [await makeHook(admin, server.url), await makeHook(admin, server.url)];
    await app.people.user();
    for (const { id } of [one, other]) await awaitDeliveries(admin, id, delivered);
    await admin.delete(`/api/v1/webhooks/${other.id}`);
    const prune = async (): Promise<void> => {
      const work = app.get(Jobs).known().get('webhooks.prune')!;
      await (work.handler as (payload: object) => Promise<void>)({});
    };
    const left = async (id: string): Promise<number[]> => {
      const deliveries = await app.sql('SELECT 1 FROM roster.webhook_deliveries WHERE webhook_id = $1', [id]);
      return [deliveries.length, (await app.sql('SELECT 1 FROM roster.webhooks WHERE id = $1', [id])).length];
    };
    await prune();
    expect([await left(one.id), await left(other.id)]).toEqual([
      [1, 1],
      [0, 0],
    ]);
    app.clock.advance(31 * 24 * HOUR);
    await prune();
    expect(await left(one.id)).toEqual([0, 1]);
  });
});
