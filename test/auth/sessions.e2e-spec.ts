import { SessionTokens } from '../../src/auth/session-tokens.service.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { PASSWORD } from '../harness/people.js';
import type { Person } from '../harness/people.js';

interface Session {
  id: string;
  name: string | null;
  device: string | null;
  ip: string | null;
  createdAt: string;
  lastSeenAt: string;
  expiresAt: string;
  amr: string[];
  current: boolean;
  version: number;
}
interface List {
  data: Session[];
  code: string;
}

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0';
const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1';
const HOUR = 3_600_000;
const MINE = '/api/v1/me/sessions';

describe('sessions that are shown', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    app = await TestApp.start();
  });
  afterAll(() => app.stop());
  beforeEach(async () => {
    ada = await app.people.person();
  });

  const facts = (sessionId: string) =>
    app.sql<{ type: string; data: object; private: Record<string, unknown> }>(
      'SELECT type, data, private FROM roster.events WHERE subject = $1 ORDER BY xid, seq',
      [`sessions/${sessionId}`],
    );
  const typesOf = async (sessionId: string) => (await facts(sessionId)).map(({ type }) => type);
  const idsOf = async (somebody: Person) => (await somebody.get<List>(MINE)).body.data.map(({ id }) => id);
  const refused = async ({ token }: Person) =>
    (await app.send<{ code: string }>('GET', '/api/v1/me', { token })).body.code;

  it('S22 are listed with device, address and moments, the newest first; nobody sees those of others', async () => {
    const login = { body: { identifier: ada.user.email, password: PASSWORD }, headers: { 'user-agent': FIREFOX } };
    expect((await app.send('POST', '/api/v1/auth/login', login)).status).toBe(200);
    const other = await app.people.person();
    const { status, headers, body } = await ada.get<List>(MINE);
    expect([status, headers['cache-control']]).toEqual([200, 'private, no-cache']);
    expect(body.data).toHaveLength(2);
    const [newest, current] = body.data as [Session, Session];
    expect(newest).toMatchObject({
      name: null,
      device: 'Firefox on Windows',
      ip: '127.0.0.1',
      amr: ['pwd'],
      current: false,
      version: 1,
    });
    expect(Date.parse(newest.expiresAt) - Date.parse(newest.createdAt)).toBe(30 * 24 * HOUR);
    expect(newest.lastSeenAt).toBe(newest.createdAt);
    expect(current).toMatchObject({ id: ada.sessionId, current: true });
    expect(await idsOf(other)).toEqual([other.sessionId]);
  });

  it('S22 are seen at each refresh, from where and by what', async () => {
    app.clock.advance(HOUR);
    const answer = await app.send<{ accessToken: string }>('POST', '/api/v1/auth/refresh', {
      body: { refreshToken: ada.refreshToken },
      headers: { 'user-agent': SAFARI },
    });
    const { body } = await app.send<List>('GET', MINE, { token: answer.body.accessToken });
    const [session] = body.data as [Session];
    expect(session).toMatchObject({ id: ada.sessionId, device: 'Safari on iPhone', ip: '127.0.0.1', current: true });
    const unseen = Date.parse(session.lastSeenAt) - Date.parse(session.createdAt);
    expect(unseen).toBeGreaterThanOrEqual(HOUR);
    expect(unseen).toBeLessThan(HOUR + 60_000);
  });

  it('S22 can be named and the name taken away, by whose they are and in the version that they saw', async () => {
    const name = (body: object, headers = {}) => ada.patch<Session>(`${MINE}/${ada.sessionId}`, body, headers);
    const named = await name({ name: 'Work laptop' }, { 'if-match': '"1.json"' });
    expect(named).toMatchObject({ status: 200, body: { name: 'Work laptop', version: 2, current: true } });
    expect(named.headers['etag']).toBe('"2.json"');
    expect((await name({ name: 'Late' }, { 'if-match': '"1.json"' })).status).toBe(412);
    expect((await name({ name: 'Work laptop' })).body.version).toBe(2);
    expect((await name({ name: null })).body).toMatchObject({ name: null, version: 3 });
    for (const wrong of [
      {},
      { name: '' },
      { name: 'a'.repeat(101) },
      { name: 'two\nlines' },
      { name: {} },
      { name: [] },
    ])
      expect((await name(wrong)).status).toBe(422);
    const other = await app.people.person();
    const foreign = await other.patch<List>(`${MINE}/${ada.sessionId}`, { name: 'Mine now' });
    expect(foreign).toMatchObject({ status: 404, body: { code: 'session_not_found' } });
    const told = await facts(ada.sessionId);
    expect(told.map(({ type }) => type)).toEqual(['session.started', 'session.named', 'session.named']);
    expect(told[1]).toMatchObject({
      data: { sessionId: ada.sessionId, userId: ada.id },
      private: { actorId: ada.id, before: { name: null }, after: { name: 'Work laptop' } },
    });
  });

  it('S22 can be ended one by one, and all the others at once', async () => {
    const [second, third, fourth] = [
      await app.people.signIn(ada.user),
      await app.people.signIn(ada.user),
      await app.people.signIn(ada.user),
    ];
    expect((await ada.get(MINE)).status).toBe(200);
    expect((await second.get('/api/v1/me')).status).toBe(200);
    expect((await ada.delete(`${MINE}/${second.sessionId}`)).status).toBe(204);
    expect(await refused(second)).toBe('token_revoked');
    expect(await idsOf(ada)).toEqual([fourth.sessionId, third.sessionId, ada.sessionId]);
    const again = await ada.delete<List>(`${MINE}/${second.sessionId}`);
    expect(again).toMatchObject({ status: 404, body: { code: 'session_not_found' } });
    const other = await app.people.person();
    expect((await other.delete(`${MINE}/${ada.sessionId}`)).status).toBe(404);
    expect((await ada.delete(MINE)).status).toBe(204);
    expect(await idsOf(ada)).toEqual([ada.sessionId]);
    for (const ended of [third, fourth]) {
      expect(await refused(ended)).toBe('token_revoked');
      const refresh = { body: { refreshToken: ended.refreshToken } };
      expect((await app.send('POST', '/api/v1/auth/refresh', refresh)).status).toBe(401);
      const [, fact] = await facts(ended.sessionId);
      expect(fact).toMatchObject({
        type: 'session.ended',
        data: { sessionId: ended.sessionId, userId: ada.id, reason: 'ended_elsewhere' },
        private: { actorId: ada.id },
      });
    }
    expect(await idsOf(other)).toEqual([other.sessionId]);
  });

  it('S22 can be seen and ended by administrators: one, or all of them with a reason', async () => {
    const admin = await app.people.admin();
    const second = await app.people.signIn(ada.user);
    const url = `/api/v1/users/${ada.id}/sessions`;
    const { body } = await admin.get<List>(url);
    expect(body.data.map(({ id, current }) => [id, current])).toEqual([
      [second.sessionId, false],
      [ada.sessionId, false],
    ]);
    expect((await admin.delete(`${url}/${admin.sessionId}`)).status).toBe(404);
    expect((await admin.delete(`${url}/${second.sessionId}`, { 'if-match': '"7.json"' })).status).toBe(412);
    expect((await admin.delete(`${url}/${second.sessionId}`)).status).toBe(204);
    expect(await refused(second)).toBe('token_revoked');
    const third = await app.people.signIn(ada.user);
    const everywhere = await admin.post(`${url}/revocation`, { reason: 'Their telephone was stolen' });
    expect([everywhere.status, everywhere.text]).toEqual([204, '']);
    for (const { sessionId } of [ada, third])
      expect((await facts(sessionId)).at(-1)).toMatchObject({
        type: 'session.ended',
        data: { reason: 'ended_by_administrator' },
        private: { actorId: admin.id, reason: 'Their telephone was stolen' },
      });
    for (const ended of [ada, third]) expect(await refused(ended)).toBe('token_revoked');
    const [fact] = await app.sql('SELECT type, data, private FROM roster.events WHERE subject = $1 AND type = $2', [
      `users/${ada.id}`,
      'user.signed_out',
    ]);
    expect(fact).toMatchObject({
      data: { userId: ada.id },
      private: { actorId: admin.id, reason: 'Their telephone was stolen' },
    });
    expect((await admin.get<List>(url)).body.data).toEqual([]);
  });

  it('S22 of somebody who may do more than the caller stay theirs', async () => {
    const clerk = await app.people.withPermissions('users:read', 'users:write');
    const admin = await app.people.admin();
    const url = `/api/v1/users/${admin.id}/sessions`;
    const above = { status: 403, body: { code: 'privilege_ceiling' } };
    expect(await clerk.delete(`${url}/${admin.sessionId}`)).toMatchObject(above);
    expect(await clerk.post(`${url}/revocation`, { reason: 'A coup' })).toMatchObject(above);
    expect((await admin.get('/api/v1/me')).status).toBe(200);
    expect(await typesOf(admin.sessionId)).toEqual(['session.started']);
    for (const wrong of [{}, { reason: '' }, { reason: null }, { reason: {} }, { reason: 'a'.repeat(501) }])
      expect((await clerk.post(`/api/v1/users/${ada.id}/sessions/revocation`, wrong)).status).toBe(422);
    expect((await clerk.get(`/api/v1/users/${ada.id}/sessions`)).status).toBe(200);
  });

  it('A21 A26 takes no other thing for the id of one', async () => {
    for (const id of ['null', 'undefined', '[]', '{}', '1', '%00', `${ada.sessionId}x`, '[object Object]']) {
      const url = `${MINE}/${encodeURIComponent(id)}`;
      expect([id, (await ada.delete(url)).status]).toEqual([id, 400]);
      expect([id, (await ada.patch(url, { name: 'Work laptop' })).status]).toEqual([id, 400]);
    }
    expect(await typesOf(ada.sessionId)).toEqual(['session.started']);
  });
});

describe('sessions that end by themselves', () => {
  let app: TestApp;

  beforeAll(async () => {
    const settings = { SESSION_IDLE: '20m', SESSION_LIFETIME: '60m', SESSION_MAX: '3' };
    app = await TestApp.start({ database: await freshDatabase('short_sessions'), settings });
  });
  afterAll(() => app.stop());

  const MINUTE = 60_000;
  const refresh = (refreshToken: string) =>
    app.send<{ accessToken: string; refreshToken: string; expiresIn: number }>('POST', '/api/v1/auth/refresh', {
      body: { refreshToken },
    });
  const listed = async (token: string) =>
    (await app.send<List>('GET', MINE, { token })).body.data.map(({ id }) => id).sort();

  it('S21 when nobody refreshes them: they are refused, and no longer listed', async () => {
    const left = await app.people.person();
    const used = await app.people.signIn(left.user);
    app.clock.advance(15 * MINUTE);
    const first = await refresh(used.refreshToken);
    expect(await listed(first.body.accessToken)).toEqual([left.sessionId, used.sessionId].sort());
    app.clock.advance(6 * MINUTE);
    expect(await listed(first.body.accessToken)).toEqual([used.sessionId]);
    expect((await refresh(left.refreshToken)).status).toBe(401);
    const own = `/api/v1/me/sessions/${left.sessionId}`;
    expect((await app.send('DELETE', own, { token: first.body.accessToken })).status).toBe(404);
    expect((await refresh(first.body.refreshToken)).status).toBe(200);
  });

  it('S21 S25 however often they are refreshed', async () => {
    const { refreshToken } = await app.people.person();
    let token = refreshToken;
    let answer = await refresh(token);
    for (let minutes = 0; minutes < 55; minutes += 11) {
      token = answer.body.refreshToken;
      app.clock.advance(11 * MINUTE);
      answer = await refresh(token);
      expect(answer.status).toBe(200);
    }
    expect(answer.body.expiresIn).toBeLessThanOrEqual(5 * 60);
    const { accessToken } = answer.body;
    expect((await app.send('GET', '/api/v1/me', { token: accessToken })).status).toBe(200);
    app.clock.advance(5 * MINUTE);
    expect((await app.send('GET', '/api/v1/me', { token: accessToken })).status).toBe(401);
    expect((await refresh(answer.body.refreshToken)).status).toBe(401);
  });

  it('when there are too many: the one that was not seen for longest', async () => {
    const first = await app.people.person();
    app.clock.advance(MINUTE);
    const second = await app.people.signIn(first.user);
    app.clock.advance(MINUTE);
    const third = await app.people.signIn(first.user);
    app.clock.advance(MINUTE);
    const seen = await refresh(first.refreshToken);
    const fourth = await app.people.signIn(first.user);
    expect(await listed(seen.body.accessToken)).toEqual([first.sessionId, third.sessionId, fourth.sessionId].sort());
    expect((await app.send('GET', '/api/v1/me', { token: second.token })).status).toBe(401);
    const facts = await app.sql('SELECT type, data FROM roster.events WHERE subject = $1 ORDER BY xid, seq', [
      `sessions/${second.sessionId}`,
    ]);
    expect(facts).toMatchObject([{ type: 'session.started' }, { type: 'session.ended', data: { reason: 'too_many' } }]);
  });

  it('when there are too many, also of sign-ins at the same time', async () => {
    const { user } = await app.people.person();
    const signIns = app.get(SessionTokens);
    await Promise.all(Array.from({ length: 12 }, () => signIns.start(user.id, ['pwd'])));
    const open = await app.sql('SELECT id FROM roster.sessions WHERE user_id = $1 AND ended_at IS NULL', [user.id]);
    expect(open).toHaveLength(3);
    const ended = await app.sql(
      "SELECT data FROM roster.events WHERE type = 'session.ended' AND data->>'userId' = $1",
      [user.id],
    );
    expect(ended).toHaveLength(10);
  });
});
