import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

import { Connections } from '../../src/realtime/connections.js';
import { Following } from '../../src/realtime/following.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { PASSWORD } from '../harness/people.js';
import { Client, listening } from './clients.js';
import type { Shown } from './clients.js';
import { frame, heard, rawSocket, refusedUpgrade } from './upgrades.js';

/** The promise is one second; the rest is for a machine that is busy with other tests. */
const BOUND = 2000;
/** The quickest of so many counts: a machine that stands still spoils one of them. */
const ROUNDS = 3;

describe('what is taken away', () => {
  let app: TestApp;
  let other: TestApp;
  let url: string;
  let root: Person;
  let worst = 0;

  beforeAll(async () => {
    const database = await freshDatabase('realtime_ends');
    [app, other] = [await TestApp.start({ database }), await TestApp.start({ database })];
    url = await listening(other);
    root = await app.people.admin();
  }, 60_000);
  afterAll(async () => {
    await app.stop();
    await other.stop();
    process.stdout.write(`The slowest end of a socket on another process took ${Math.round(worst)} ms\n`);
  });

  /** Does something at one process, and waits for what it does to a socket of the other. @returns how long that took */
  async function end(client: Client, deed: () => Promise<{ status: number }>, code: string): Promise<number> {
    const { status } = await deed();
    expect(status).toBeLessThan(300);
    const since = performance.now();
    await client.ended();
    worst = Math.max(worst, client.goneAt - since);
    expect(client.ends[0]!.code).toBe(code);
    return client.goneAt - since;
  }

  /** Plays a scene a few times, each from its beginning. @param scene what it does is quick @returns milliseconds */
  async function expectQuick(scene: () => Promise<number>): Promise<void> {
    const took: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) took.push(await scene());
    expect(Math.min(...took)).toBeLessThan(BOUND);
  }

  /** Waits until their subscription is taken from a client. @returns how long that took */
  async function unsubscribed(client: Client): Promise<number> {
    const since = performance.now();
    await client.until(() => client.unsubscribed.length > 0, 'a word of it');
    return performance.now() - since;
  }

  const deeds: [string, (somebody: Person) => Promise<{ status: number }>][] = [
    ['S19 signing out', (somebody) => somebody.post('/api/v1/auth/logout')],
    ['S20 a suspension', ({ id }) => root.put(`/api/v1/users/${id}/suspension`, { reason: 'left' })],
    ['S20 a deletion', ({ id }) => root.delete(`/api/v1/users/${id}`)],
    ['S22 an ended session', ({ id, sessionId }) => root.delete(`/api/v1/users/${id}/sessions/${sessionId}`)],
    [
      'S7 a change of password',
      async ({ user }) =>
        (await app.people.signIn(user)).post('/api/v1/me/password', {
          currentPassword: PASSWORD,
          newPassword: 'two green lamps behind the harbour',
        }),
    ],
  ];

  it.each(deeds)('S62 %s closes a socket of another process within a second', async (_, deed) => {
    await expectQuick(async () => {
      const somebody = await app.people.person();
      const bystander = await Client.ready(url, { token: root.token });
      const client = await Client.ready(url, { token: somebody.token });
      const took = await end(client, () => deed(somebody), 'token_revoked');
      expect([client.gone, client.ends[0]!.again]).toEqual(['io server disconnect', false]);
      expect(bystander.gone).toBeNull();
      bystander.close();
      return took;
    });
  });

  it('S62 a key that is revoked closes its socket, and no other', async () => {
    await expectQuick(async () => {
      const ada = await app.people.admin();
      const key = await app.people.byKey(ada, ['me']);
      const [byKey, bySession] = [
        await Client.ready(url, { token: key.token }),
        await Client.ready(url, { token: ada.token }),
      ];
      const { body } = await ada.get<{ data: { id: string }[] }>('/api/v1/me/tokens');
      const took = await end(byKey, () => ada.delete(`/api/v1/me/tokens/${body.data[0]!.id}`), 'token_revoked');
      expect(bySession.gone).toBeNull();
      bySession.close();
      return took;
    });
  });

  it('S57 a lost permission ends the subscription, and what is one’s own goes on', async () => {
    await expectQuick(async () => {
      const ada = await app.people.admin();
      const client = await Client.ready(url, { token: ada.token, events: true });
      await root.put(`/api/v1/users/${ada.id}/roles`, { roles: ['user'] });
      const took = await unsubscribed(client);
      expect(client.unsubscribed).toMatchObject([{ code: 'permission_denied' }]);
      const had = client.events.length;
      await root.patch(`/api/v1/users/${(await app.people.user()).id}`, { name: 'Somebody' });
      await root.patch(`/api/v1/users/${ada.id}`, { name: 'Ada' });
      const own = `user.updated users/${ada.id}`;
      const later = (): string[] => client.events.slice(had).map(({ type, subject }) => `${type} ${subject}`);
      await client.until(() => later().includes(own), 'what is their own');
      await pause(700);
      expect(later().filter((line) => line.startsWith('user.updated'))).toEqual([own]);
      client.close();
      return took;
    });
  });

  it('S57 a role that gives less ends the subscriptions of all who have it', async () => {
    const people = await Promise.all([1, 2, 3].map(() => app.people.withPermissions('events:read')));
    const clients = await Promise.all(people.map(({ token }) => Client.ready(url, { token, events: true })));
    const took: Promise<number>[] = [];
    for (const [nth, { id }] of people.entries()) {
      const { body } = await root.get<{ roles: string[] }>(`/api/v1/users/${id}`);
      const name = body.roles.find((role) => role.startsWith('role_'))!;
      const filter = encodeURIComponent(`name eq "${name}"`);
      const list = await root.get<{ data: { id: string }[] }>(`/api/v1/roles?filter=${filter}`);
      const changed = await root.patch(`/api/v1/roles/${list.body.data[0]!.id}`, { permissions: [] });
      expect(changed.status).toBe(200);
      took.push(unsubscribed(clients[nth]!));
    }
    expect(Math.min(...(await Promise.all(took)))).toBeLessThan(BOUND);
    for (const client of clients) client.close();
  });

  it('is told to nobody of whom nobody knows whether they still may know, and is not lost to those who may', async () => {
    const [ada, grace] = [await app.people.admin(), await app.people.person()];
    const client = await Client.ready(url, { token: ada.token, events: { types: ['user.updated'] } });
    const own = await Client.ready(url, { token: grace.token });
    const [connection] = other.get(Connections).of('user', ada.id);
    // What stands between the word that something was taken away and the answer whether it was.
    other.get(Following).hold(connection!);
    await root.patch(`/api/v1/users/${grace.id}`, { name: 'Grace' });
    const [told] = await own.toldOf('user.updated', 1);
    expect(client.events).toEqual([]);
    connection!.release();
    expect((await client.toldOf('user.updated', 1)).map(({ id }) => id)).toEqual([told!.id]);
    await root.patch(`/api/v1/users/${grace.id}`, { name: 'Grace Again' });
    expect(await client.toldOf('user.updated', 2)).toHaveLength(2);
    expect(client.gone).toBeNull();
    client.close();
    own.close();
  });

  it('closes a key that may see nothing but what it may no longer see', async () => {
    await expectQuick(async () => {
      const ada = await app.people.admin();
      const key = await app.people.byKey(ada, ['events:read']);
      const client = await Client.ready(url, { token: key.token, events: true });
      expect(client.standing).toMatchObject({ own: false });
      const taken = (): Promise<{ status: number }> => root.put(`/api/v1/users/${ada.id}/roles`, { roles: ['user'] });
      return end(client, taken, 'permission_denied');
    });
  });

  it('is cut off where its client does not go', async () => {
    const took: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const ada = await app.people.person();
      const socket = await rawSocket(url);
      socket.write(frame(`40${JSON.stringify({ token: ada.token })}`));
      await heard(socket, '42["ready"');
      const closed = once(socket, 'close').then(() => performance.now());
      // It may be told before the one who signs out has their answer.
      const told = heard(socket, '42["closing"').then(() => performance.now());
      await ada.post('/api/v1/auth/logout');
      took.push((await closed) - (await told));
    }
    expect(Math.min(...took)).toBeLessThan(2 * BOUND);
  });

  it('does not slip through between the proof and the socket', async () => {
    const took: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const somebody = await app.people.person();
      const client = new Client(url, { token: somebody.token });
      if (round % 2 === 0) await pause(round);
      await somebody.post('/api/v1/auth/logout');
      const since = performance.now();
      await client.until(() => client.refusal !== null || client.gone !== null, 'an end');
      took.push(performance.now() - since);
      client.close();
    }
    expect(took.filter((each) => each >= BOUND).length).toBeLessThan(ROUNDS);
  });
});

describe('the end of a token', () => {
  let app: TestApp;
  let url: string;

  beforeEach(async () => {
    app = await TestApp.start();
    url = await listening(app);
  });
  afterEach(() => app.stop());

  const open = (shown: Shown): Promise<Client> => Client.ready(url, shown);

  it('S62 closes the socket, with the reason', async () => {
    const ada = await app.people.person();
    const client = await open({ token: ada.token });
    app.clock.advance(599_000 - 60_000);
    await pause(600);
    expect(client.gone).toBeNull();
    app.clock.advance(62_000);
    await client.ended();
    expect(client.ends).toEqual([{ code: 'token_expired', title: expect.any(String) as string, again: false }]);
  });

  it('S62 does not concern whoever showed a fresh one before, and nothing is missed meanwhile', async () => {
    const root = await app.people.admin();
    const ada = await app.people.person();
    const client = await open({ token: ada.token });
    app.clock.advance(590_000);
    const fresh = await app.people.signIn(ada.user);
    const answer = await client.say('authenticate', { token: fresh.token });
    expect(answer).toMatchObject({ ok: true, userId: ada.id });
    expect(Date.parse((answer as { expiresAt: string }).expiresAt)).toBeGreaterThan(app.clock.millis() + 500_000);
    app.clock.advance(60_000);
    await pause(600);
    const admin = await app.people.signIn(root.user);
    await admin.patch(`/api/v1/users/${ada.id}`, { name: 'Ada' });
    await client.until(() => client.events.some(({ type }) => type === 'user.updated'), 'the change');
    // It rests on the new session from now on.
    await (await app.people.signIn(ada.user)).delete(`/api/v1/me/sessions/${ada.sessionId}`);
    await pause(600);
    expect(client.gone).toBeNull();
    await fresh.post('/api/v1/auth/logout');
    await client.ended();
    expect(client.ends[0]!.code).toBe('token_revoked');
  });

  it('is not put off by the token of another, nor by one that is no good', async () => {
    const [ada, grace] = [await app.people.person(), await app.people.person()];
    const client = await open({ token: ada.token });
    const said = async (payload: unknown): Promise<string> => {
      const answer = await client.say('authenticate', payload);
      return answer.ok ? 'ok' : (answer.problem as { code: string }).code;
    };
    expect(await said({ token: grace.token })).toBe('token_of_another');
    expect(await said({ token: 'x' })).toBe('token_invalid');
    expect(await said({})).toBe('subscription_invalid');
    expect(await said(null)).toBe('subscription_invalid');
    expect(client.gone).toBeNull();
    app.clock.advance(602_000);
    await client.ended();
  });
});

describe('the end of the server', () => {
  it('is told to every socket, which comes again by itself, and waits for none', async () => {
    const app = await TestApp.start();
    const url = await listening(app);
    const people = await Promise.all(Array.from({ length: 20 }, () => app.people.person()));
    const clients = await Promise.all(people.map(({ token }) => Client.ready(url, { token })));
    const since = performance.now();
    const stopped = app.stop();
    await Promise.all(clients.map((client) => client.ended()));
    await stopped;
    // Much of it is for a machine that stands still.
    expect(performance.now() - since).toBeLessThan(10_000);
    for (const { ends, gone } of clients)
      expect([ends[0]!.code, ends[0]!.again, gone]).toEqual(['service_unavailable', true, 'transport close']);
  });

  it('lets nobody in meanwhile', async () => {
    const app = await TestApp.start();
    const url = await listening(app);
    const { Lifecycle } = await import('../../src/platform/telemetry/lifecycle.js');
    app.get(Lifecycle).stopping = true;
    const { status, headers } = await refusedUpgrade(url);
    expect([status, headers['retry-after']]).toEqual([503, '1']);
    await app.stop();
  });
});
