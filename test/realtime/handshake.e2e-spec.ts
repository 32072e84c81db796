import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

import { Connections } from '../../src/realtime/connections.js';
import { Upgrades } from '../../src/realtime/upgrades.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { Browser } from '../auth/browser.js';
import { awaitThat } from '../jobs/awaited.js';
import { Client, listening } from './clients.js';
import type { Shown } from './clients.js';
import { frame, heard, pingFrame, rawSocket, refusedUpgrade } from './upgrades.js';

const PING_CONTENT = 'are you there?';
const ELSEWHERE = 'https://app.example.com';

describe('the handshake of a socket', () => {
  let app: TestApp;
  let url: string;
  let root: Person;

  beforeAll(async () => {
    const settings = { REALTIME_SOCKETS_PER_USER: '3', REALTIME_SOCKETS_PER_ADDRESS: '12', CORS_ORIGINS: ELSEWHERE };
    app = await TestApp.start({ database: await freshDatabase('handshake'), settings });
    url = await listening(app);
    root = await app.people.admin();
  }, 60_000);
  afterAll(() => app.stop());

  const refusal = async (shown: Shown, headers?: Record<string, string>): Promise<[number, string]> => {
    const { status, code } = await Client.refused(url, shown, headers);
    return [status, code];
  };
  const admitted = async (shown: Shown, headers?: Record<string, string>): Promise<string> => {
    const client = await Client.ready(url, shown, headers);
    client.close();
    return client.standing!.userId;
  };
  /** The server hears of the end of a socket a moment after its client. */
  const nobodyIsLeft = (): Promise<unknown> =>
    awaitThat(
      async () => (app.get(Upgrades) as unknown as { raws: ReadonlySet<unknown> }).raws.size,
      (left) => left === 0,
    );
  // What one test leaves behind counts against the next: places are few here.
  beforeEach(nobodyIsLeft);

  it('S62 refuses whoever shows nothing, or what is no token of ours', async () => {
    expect(await refusal({})).toEqual([401, 'token_missing']);
    expect(await refusal({ token: 'x' })).toEqual([401, 'token_invalid']);
    expect(await refusal({ token: 7 as never })).toEqual([422, 'subscription_invalid']);
    const [head, body] = root.token.split('.');
    expect(await refusal({ token: `${head}.${body}.${'A'.repeat(86)}` })).toEqual([401, 'token_invalid']);
    expect(await refusal({ token: root.refreshToken })).toEqual([401, 'token_invalid']);
    expect(await refusal({}, { authorization: 'Basic cm9vdDpyb290' })).toEqual([401, 'token_invalid']);
  });

  it('S29 takes no token of the URL', async () => {
    const socket = await rawSocket(`${url}/?token=${root.token}`);
    socket.write(frame('40'));
    expect(await heard(socket, 'token_missing')).toContain('"status":401');
    socket.destroy();
  });

  it('S62 refuses a token that has expired, was revoked, or is of somebody suspended', async () => {
    const [old, gone, left] = [await app.people.person(), await app.people.person(), await app.people.person()];
    await gone.post('/api/v1/auth/logout');
    expect(await refusal({ token: gone.token })).toEqual([401, 'token_revoked']);
    await root.put(`/api/v1/users/${left.id}/suspension`, { reason: 'left' });
    expect(await refusal({ token: left.token })).toEqual([401, 'token_revoked']);
    app.clock.advance(601_000);
    expect(await refusal({ token: old.token })).toEqual([401, 'token_expired']);
    root = await app.people.admin();
  });

  it('takes a token of the message, of the header, and of a cookie', async () => {
    const ada = await app.people.person();
    const browser = await Browser.signedIn(app, ada.user);
    const { cookie, origin } = browser;
    expect(await admitted({ token: ada.token })).toBe(ada.id);
    expect(await admitted({}, { authorization: `Bearer ${ada.token}` })).toBe(ada.id);
    await nobodyIsLeft();
    expect(await admitted({}, { cookie, origin })).toBe(ada.id);
    expect(await admitted({}, { cookie, origin: ELSEWHERE })).toBe(ada.id);
  });

  it('S27 takes a cookie only from a page of ours', async () => {
    const { cookie } = await Browser.signedIn(app, await app.people.user());
    expect(await refusal({}, { cookie })).toEqual([403, 'csrf_refused']);
    // The page is served by this machine while developing, but it is not where cookies are for.
    expect(await refusal({}, { cookie, origin: url })).toEqual([403, 'csrf_refused']);
  });

  it('S62 answers a foreign Origin 403, before there is a socket, whatever it shows', async () => {
    for (const origin of ['https://evil.example', 'null', `${url}.evil.example`, 'http://127.0.0.1:1']) {
      const { status, body, headers } = await refusedUpgrade(url, { origin, authorization: `Bearer ${root.token}` });
      expect([origin, status, body?.code]).toEqual([origin, 403, 'origin_refused']);
      expect(headers['content-type']).toMatch('application/problem+json');
    }
    for (const origin of [url, ELSEWHERE, 'http://127.0.0.1:3000'])
      expect(await admitted({ token: root.token }, { origin })).toBe(root.id);
  });

  it('trusts no page of this machine that came under a foreign name (DNS rebinding)', async () => {
    const origin = 'http://evil.example';
    const { status } = await refusedUpgrade(url, { origin, host: 'evil.example' });
    expect(status).toBe(403);
  });

  it.each([
    ['no upgrade', { connection: '', upgrade: '' }, undefined],
    ['another protocol', { upgrade: 'h2c' }, undefined],
    ['long polling', {}, '/realtime/?EIO=4&transport=polling'],
    ['an old engine', {}, '/realtime/?EIO=3&transport=websocket'],
    ['nothing in the query', {}, '/realtime'],
  ])('answers %s by a problem', async (_, headers, path) => {
    const { status, body, headers: told } = await refusedUpgrade(url, headers, path);
    expect([status, body?.code, told['upgrade']]).toEqual([426, 'upgrade_required', 'websocket']);
  });

  it('leaves an upgrade that nobody offers to be an ordinary request', async () => {
    const { status } = await refusedUpgrade(url, { upgrade: 'h2c' }, '/health/live');
    expect(status).toBe(200);
    expect((await refusedUpgrade(url, {}, '/nowhere')).status).toBe(404);
    expect((await refusedUpgrade(url, {}, '/realtime/further')).status).toBe(404);
  });

  it('takes keys, within their scopes', async () => {
    const ada = await app.people.admin();
    const [own, events, neither] = [
      await app.people.byKey(ada, ['me']),
      await app.people.byKey(ada, ['events:read']),
      await app.people.byKey(ada, ['users:read']),
    ];
    expect(await admitted({ token: own.token })).toBe(ada.id);
    expect(await admitted({ token: events.token, events: true })).toBe(ada.id);
    expect(await refusal({ token: own.token, events: true })).toEqual([403, 'scope_insufficient']);
    expect(await refusal({ token: events.token })).toEqual([403, 'scope_insufficient']);
    expect(await refusal({ token: neither.token })).toEqual([403, 'scope_insufficient']);
  });

  it('refuses the events of everybody without the permission, on record', async () => {
    const ada = await app.people.person();
    expect(await refusal({ token: ada.token, events: true })).toEqual([403, 'permission_denied']);
    expect(await app.factsAbout(ada.id)).toContain('access.denied');
  });

  it.each<[unknown, string, string]>([
    [{ types: ['user.flew'] }, '/events/types/0', 'event_type_unknown'],
    [{ types: ['nothing.*'] }, '/events/types/0', 'event_type_unknown'],
    [{ types: 'user.created' }, '/events/types', 'types_invalid'],
    [{ types: Array(51).fill('user.*') }, '/events/types', 'types_invalid'],
    [{ subject: 'everybody' }, '/events/subject', 'subject_invalid'],
    [{ subject: { $ne: null } }, '/events/subject', 'subject_invalid'],
    [{ type: 'user.created' }, '/events/type', 'unknown_member'],
    [['user.created'], '/events', 'object_expected'],
    ['user.created', '/events', 'object_expected'],
  ])('says what is wrong with the filter %j', async (events, pointer, code) => {
    const refused = await Client.refused(url, { token: root.token, events });
    expect(refused).toMatchObject({ status: 422, code: 'subscription_invalid', errors: [{ pointer, code }] });
  });

  it('refuses a forged or forgotten lastEventId: nothing is left out in silence', async () => {
    const lastEventId = crypto.randomUUID();
    expect(await refusal({ token: root.token, lastEventId })).toEqual([410, 'event_position_gone']);
    expect(await refusal({ token: root.token, lastEventId: "' OR 1=1" })).toEqual([422, 'subscription_invalid']);
    expect(await refusal({ token: root.token, lastEventId: {} as never })).toEqual([422, 'subscription_invalid']);
  });

  it('keeps so many sockets for one user', async () => {
    const ada = await app.people.person();
    const clients = await Promise.all([1, 2, 3].map(() => Client.ready(url, { token: ada.token })));
    const refused = await Client.refused(url, { token: ada.token });
    expect(refused).toMatchObject({ status: 429, code: 'too_many_sockets', retryAfter: 10 });
    clients[0]!.close();
    await awaitThat(
      async () => app.get(Connections).countOf(ada.id),
      (count) => count === 2,
    );
    expect(await admitted({ token: ada.token })).toBe(ada.id);
    for (const client of clients) client.close();
  });

  it('keeps so many sockets for one address, known or not', async () => {
    const sockets = await Promise.all(Array.from({ length: 12 }, () => rawSocket(url)));
    const { status, body, headers } = await refusedUpgrade(url);
    expect([status, body?.code, headers['retry-after']]).toEqual([429, 'too_many_sockets', '10']);
    for (const socket of sockets) socket.destroy();
    await nobodyIsLeft();
    expect(await admitted({ token: root.token })).toBe(root.id);
  });

  it('S62 closes a socket that sends a megabyte, or messages without end', async () => {
    for (const flood of [
      (client: Client) => client.socket.emit('subscribe', { types: ['x'.repeat(1024 * 1024)] }),
      (client: Client) => Array.from({ length: 10_000 }, () => client.socket.emit('nothing', 1)),
    ]) {
      const client = await Client.ready(url, { token: root.token });
      flood(client);
      await client.ended();
    }
    expect(await admitted({ token: root.token })).toBe(root.id);
  });

  it('S62 closes a socket that pings without end, known or not, and answers no more than a hundred', async () => {
    for (const hello of ['', frame(`40${JSON.stringify({ token: root.token })}`)]) {
      const socket = await rawSocket(url);
      socket.write(hello);
      if (hello !== '') await heard(socket, '42["ready"');
      let answered = 0;
      socket.on('data', (bytes: Buffer) => (answered += bytes.toString('latin1').split(PING_CONTENT).length - 1));
      const closed = once(socket, 'close');
      const pings = Buffer.concat(Array<Buffer>(1000).fill(pingFrame(PING_CONTENT)));
      while (!socket.destroyed) {
        socket.write(pings);
        await pause(20);
      }
      await closed;
      expect(answered).toBeLessThanOrEqual(100);
    }
  });

  it('answers the pings of a client that sends few', async () => {
    const socket = await rawSocket(url);
    socket.write(frame(`40${JSON.stringify({ token: root.token })}`));
    await heard(socket, '42["ready"');
    socket.write(pingFrame(PING_CONTENT));
    expect(await heard(socket, PING_CONTENT)).toContain(PING_CONTENT);
    socket.destroy();
  });

  it('lets one socket do with one handshake', async () => {
    const socket = await rawSocket(url);
    const connect = frame(`40${JSON.stringify({ token: root.token })}`);
    socket.write(Buffer.concat([connect, connect, connect]));
    await heard(socket, 'too_many_sockets');
    // Nobody who stays after a refusal keeps the line.
    if (!socket.closed) await once(socket, 'close');
  });
});

describe('handshakes', () => {
  it('are limited by address, as writes are, and say when to come again', async () => {
    // Of its own: what other tests have sent from here is counted in the database that they share.
    const database = await freshDatabase('handshakes_limited');
    const app = await TestApp.start({ database, settings: { RATE_LIMITS: 'on', RATE_LIMIT_WRITE: '5/3600s' } });
    const url = await listening(app);
    for (let tries = 0; tries < 5; tries += 1) expect((await Client.refused(url, {})).code).toBe('token_missing');
    const refused = await Client.refused(url, {});
    expect(refused).toMatchObject({ status: 429, code: 'rate_limited' });
    expect(refused.retryAfter).toBeGreaterThan(0);
    await app.stop();
  });

  it('are limited by address before anything is shown, too', async () => {
    const database = await freshDatabase('upgrades_limited');
    const app = await TestApp.start({ database, settings: { RATE_LIMITS: 'on', RATE_LIMIT_READ: '5/3600s' } });
    const url = await listening(app);
    for (let tries = 0; tries < 5; tries += 1) (await rawSocket(url)).destroy();
    // One too many is known a moment later where the count has to be asked for: then it is cut off.
    const refusal = await awaitThat(
      () =>
        refusedUpgrade(url).catch(() => {
          // It became a socket.
          return null;
        }),
      (answer) => answer !== null,
    );
    expect([refusal!.status, refusal!.body?.code]).toEqual([429, 'rate_limited']);
    await app.stop();
  });

  it('that never come leave most places to those who show a token, and are cut off', async () => {
    const app = await TestApp.start({ settings: { REALTIME_SOCKETS: '200' } });
    const url = await listening(app);
    const ada = await app.people.person();
    const known = [await Client.ready(url, { token: ada.token }), await Client.ready(url, { token: ada.token })];
    const silent = await Promise.all(Array.from({ length: 100 }, () => rawSocket(url)));
    // Asked for at once: the first of them may be cut off before we have looked round.
    const cutOff = silent.map(async (socket) => {
      if (!socket.resume().closed) await once(socket, 'close');
    });
    const { status, body } = await refusedUpgrade(url);
    expect([status, body?.code]).toEqual([429, 'too_many_sockets']);
    await Promise.all(cutOff);
    known.push(await Client.ready(url, { token: ada.token }));
    expect(known.map(({ gone }) => gone)).toEqual([null, null, null]);
    for (const client of known) client.close();
    await app.stop();
  });

  it('are refused where there is to be no socket', async () => {
    const app = await TestApp.start({ settings: { REALTIME_SOCKETS: '0' } });
    expect((await refusedUpgrade(await listening(app))).status).toBe(429);
    await app.stop();
  });
});
