import { setTimeout as sleep } from 'node:timers/promises';

import { TestApp } from '../harness/app.js';
import { begin } from '../auth/begun.js';
import { Browser } from '../auth/browser.js';
import { factsOf } from '../auth/sign-ins.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';

interface Fact {
  readonly code: string;
  readonly permission: string | null;
  readonly target: string | null;
  readonly method: string;
  readonly route: string;
  readonly times: number;
}

describe('somebody who is refused', () => {
  const lines: string[] = [];
  let app: TestApp;
  let grace: Person;

  beforeAll(async () => {
    app = await TestApp.start({ onLog: (line) => lines.push(line) });
  });
  beforeEach(async () => {
    grace = await app.people.person();
  });
  afterAll(() => app.stop());

  const denialsOf = async (who: Person): Promise<Fact[]> => {
    const rows = await app.sql<{ data: Fact }>(
      "SELECT data FROM roster.events WHERE type = 'access.denied' AND subject = $1 ORDER BY xid, seq",
      [`users/${who.id}`],
    );
    return rows.map(({ data }) => data);
  };
  const users = '/api/v1/users';
  const told = (times: number, method = 'GET', permission = 'users:read'): object => ({
    userId: grace.id,
    code: 'permission_denied',
    permission,
    target: null,
    method,
    route: users,
    times,
  });

  it('is recorded at once, and repeats are told of together after a minute', async () => {
    for (let n = 0; n < 5; n += 1) expect((await grace.get(`${users}?limit=${n + 1}`)).status).toBe(403);
    expect(await denialsOf(grace)).toEqual([told(1)]);
    app.clock.advance(60_000);
    for (let tries = 0; tries < 200 && (await denialsOf(grace)).length < 2; tries += 1) await sleep(50);
    expect(await denialsOf(grace)).toEqual([told(1), told(4)]);
    const [{ private: circumstances }] = (await app.sql(
      'SELECT private FROM roster.events WHERE subject = $1 ORDER BY xid DESC, seq DESC LIMIT 1',
      [`users/${grace.id}`],
    )) as [{ private: object }];
    expect(circumstances).toMatchObject({ actorId: grace.id, ip: '127.0.0.1' });
  });

  it('is recorded for each thing that they wanted, and again after a minute', async () => {
    await grace.get(users);
    await grace.post(users, { email: 'a@example.com', name: 'A' });
    expect(await denialsOf(grace)).toEqual([told(1), told(1, 'POST', 'users:write')]);
    app.clock.advance(60_000);
    await sleep(1500);
    // Nothing was repeated: there is nothing to tell.
    expect(await denialsOf(grace)).toHaveLength(2);
    // The minute outlasts no token: signed in again, for the clock of this test has gone on.
    const again = await app.people.signIn(grace.user);
    await again.get(users);
    expect(await denialsOf(grace)).toHaveLength(3);
  });

  describe('(regressed: no fact told of it)', () => {
    const route = (path: string, method = 'POST'): object => ({ method, route: `/api/v1${path}`, times: 1 });
    const toldOf = async (who: Person, code: string): Promise<Fact[]> =>
      (await denialsOf(who)).filter((fact) => fact.code === code);

    it.each([
      ['POST', '/users/:id/impersonation', { reason: 'a ticket', minutes: 5 }],
      ['POST', '/users/:id/factors/reset', { reason: 'a ticket' }],
      ['PUT', '/users/:id/suspension', { reason: 'left' }],
    ])('by the ceiling is recorded, with whom it was about: %s %s', async (method, path, body) => {
      const helper = await app.people.withPermissions('users:impersonate', 'credentials:administer', 'users:write');
      const ada = await app.people.admin();
      const url = `/api/v1${path.replace(':id', ada.id)}`;
      expect(await helper.send(method, url, { body })).toMatchObject({
        status: 403,
        body: { code: 'privilege_ceiling' },
      });
      expect(await denialsOf(helper)).toEqual([
        { userId: helper.id, code: 'privilege_ceiling', permission: null, target: ada.id, ...route(path, method) },
      ]);
    });

    it('by the ceiling of roles and of scopes is recorded', async () => {
      const maker = await app.people.withPermissions('roles:write', 'users:write');
      const role = { name: unique('role_'), about: 'Too much', permissions: ['users:read'] };
      expect((await maker.post('/api/v1/roles', role)).status).toBe(403);
      expect((await maker.post('/api/v1/me/tokens', { name: 'Key', scopes: ['users:read'] })).status).toBe(403);
      expect(await toldOf(maker, 'privilege_ceiling')).toMatchObject([route('/roles'), route('/me/tokens')]);
    });

    it('for a key’s want of a scope is recorded', async () => {
      const ada = await app.people.admin();
      const [own, narrow] = [await app.people.byKey(ada, ['me']), await app.people.byKey(ada, ['users:read'])];
      expect((await own.get(users)).body).toMatchObject({ code: 'scope_insufficient' });
      expect((await narrow.get('/api/v1/me')).body).toMatchObject({ code: 'scope_insufficient' });
      expect(await denialsOf(ada)).toMatchObject([
        { code: 'scope_insufficient', permission: 'users:read', ...route('/users', 'GET') },
        { code: 'scope_insufficient', permission: 'me', ...route('/me', 'GET') },
      ]);
    });

    it('for want of a recent sign-in is recorded', async () => {
      const old = await app.people.person();
      app.clock.advance(6 * 60_000);
      expect((await old.delete('/api/v1/me')).body).toMatchObject({ code: 'reauthentication_required' });
      expect(await denialsOf(old)).toMatchObject([{ code: 'reauthentication_required', ...route('/me', 'DELETE') }]);
    });

    it('for coming from another site is recorded, with whose cookie it was', async () => {
      const page = await Browser.signedIn(app, grace.user);
      const headers = { origin: 'https://evil.example' };
      expect((await page.send('PATCH', '/api/v1/me', { body: { name: 'Eve' }, headers })).status).toBe(403);
      expect(await denialsOf(grace)).toMatchObject([{ code: 'csrf_refused', ...route('/me', 'PATCH') }]);
      const refresh = await page.send('POST', '/api/v1/auth/refresh', { body: {}, headers });
      expect(await factsOf(app, refresh)).toMatchObject([
        { type: 'access.denied', data: { userId: null, code: 'csrf_refused' } },
      ]);
    });

    it('for not knowing the password of a registration is recorded', async () => {
      const email = `${unique('new')}@example.com`;
      const { token } = await begin(app, 'register', email);
      const body = { token, password: 'not that of the registration' };
      const answer = await app.send<{ code: string }>('POST', '/api/v1/auth/email/verify', { body });
      expect([answer.status, answer.body.code]).toEqual([403, 'password_incorrect']);
      expect((await factsOf(app, answer)).map(({ type }) => type)).toEqual(['registration.refused']);
    });
  });

  it('is answered though it cannot be recorded, and the log tells of it', async () => {
    await app.sql('ALTER TABLE roster.events ADD CONSTRAINT no_denials CHECK (type <> $$access.denied$$) NOT VALID');
    const { status } = await grace.get(users);
    await app.sql('ALTER TABLE roster.events DROP CONSTRAINT no_denials');
    expect(status).toBe(403);
    expect(lines.filter((line) => line.includes('Refusals could not be recorded'))).toHaveLength(1);
  });

  it('leaves what was repeated on record when the application stops', async () => {
    const other = await TestApp.start();
    const mary = await other.people.person();
    for (let n = 0; n < 3; n += 1) await mary.get(users);
    await other.stop();
    expect((await denialsOf(mary)).map(({ times }) => times)).toEqual([1, 2]);
  });
});
