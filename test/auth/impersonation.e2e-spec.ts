import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Answer } from '../harness/household.js';
import { PASSWORD, Person, unique } from '../harness/people.js';
import { timeOf, timeUntil } from '../harness/awake.js';
import { awaitThat } from '../jobs/awaited.js';
import { Browser } from './browser.js';
import { claimsIn, factsOf, refusalIn, sessionsOf, typesOf } from './sign-ins.js';
import type { SignIn } from './sign-ins.js';

const MINUTE = 60_000;
const REASON = 'Ticket 4711: cannot see their invoices';
const OVER = [401, 'token_revoked'];
const CEILING = [403, 'privilege_ceiling'];
const DENIED = [403, 'permission_denied'];

describe('impersonation', () => {
  let address: DatabaseAddress;
  let app: TestApp;
  let other: TestApp;
  let ada: Person;
  let grace: Person;

  beforeAll(async () => {
    address = await freshDatabase(`impersonation_${process.env['JEST_WORKER_ID']}`);
    [app, other] = [await TestApp.start({ database: address }), await TestApp.start({ database: address })];
  });
  beforeEach(async () => {
    [ada, grace] = [await app.people.admin(), await app.people.person()];
  });
  afterEach(() => {
    for (const { clock } of [app, other]) clock.run();
  });
  afterAll(async () => {
    await app.stop();
    await other.stop();
  });

  const begin = (who: Person, whom: Person, more: object = {}): Promise<Answer<SignIn>> =>
    who.post<SignIn>(`/api/v1/users/${whom.id}/impersonation`, { reason: REASON, ...more });
  const acting = async (who = ada, whom = grace, more: object = {}): Promise<Person> => {
    const { body } = await begin(who, whom, more);
    return new Person(app, whom.user, body.accessToken, '', claimsIn(body.accessToken).sid);
  };
  const me = (who: Person) => who.get<{ id: string; code: string }>('/api/v1/me');
  const users = (who: Person) => who.get<{ code: string }>('/api/v1/users?limit=1');
  const advance = (milliseconds: number): void => {
    for (const { clock } of [app, other]) clock.advance(milliseconds);
  };
  const putRoles = async (who: Person, ...roles: string[]) => {
    const answer = await (await app.people.admin()).put(`/api/v1/users/${who.id}/roles`, { roles });
    expect(answer.status).toBe(200);
  };
  const makeRole = async (...permissions: string[]): Promise<string> => {
    const body = { name: unique('r'), permissions };
    expect((await (await app.people.admin()).post('/api/v1/roles', body)).status).toBe(201);
    return body.name;
  };

  describe('begins', () => {
    it('with a token that says who acts for whom (RFC 8693), and is kept by nobody', async () => {
      const answer = await begin(ada, grace);
      expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
      expect(Object.keys(answer.body).sort()).toEqual(['accessToken', 'expiresIn', 'tokenType']);
      const claims = claimsIn(answer.body.accessToken);
      expect(claims).toMatchObject({ sub: grace.id, act: { sub: ada.id }, amr: ['imp'] });
      expect(claimsIn(ada.token)).not.toHaveProperty('act');
      expect(claims.sid).not.toBe(ada.sessionId);
    });

    it('for a reason, which is on record with who, for whom and until when', async () => {
      const answer = await begin(ada, grace, { minutes: 30 });
      const { sid } = claimsIn(answer.body.accessToken);
      const now = app.clock.millis();
      const facts = await factsOf(app, answer);
      const until = facts[1]!.data['until'] as string;
      expect(Math.abs(Date.parse(until) - now - 30 * MINUTE)).toBeLessThan(MINUTE);
      expect(facts).toEqual([
        expect.objectContaining({
          type: 'session.started',
          subject: `sessions/${sid}`,
          data: { sessionId: sid, userId: grace.id, amr: ['imp'] },
          private: expect.objectContaining({ actorId: ada.id }) as object,
        }),
        {
          type: 'impersonation.started',
          subject: `users/${grace.id}`,
          data: { userId: grace.id, actorId: ada.id, sessionId: sid, until },
          private: expect.objectContaining({ actorId: ada.id, reason: REASON, ip: '127.0.0.1' }) as object,
        },
      ]);
    });

    it.each([
      ['no reason', { reason: undefined }, '/reason'],
      ['an empty reason', { reason: '' }, '/reason'],
      ['a reason of spaces', { reason: '  ' }, '/reason'],
      ['a reason of two lines', { reason: 'a\r\nb' }, '/reason'],
      ['no time', { minutes: 0 }, '/minutes'],
      ['more than an hour', { minutes: 61 }, '/minutes'],
      ['half a minute', { minutes: 0.5 }, '/minutes'],
    ])('never for %s', async (_, more, pointer) => {
      const answer = await begin(ada, grace, more);
      expect(refusalIn(answer)).toEqual([422, 'validation_failed']);
      expect(answer.body.errors).toMatchObject([{ pointer }]);
      expect(await factsOf(app, answer)).toEqual([]);
    });

    it('never by somebody who may not, which is on record', async () => {
      const eve = await app.people.withPermissions('users:read', 'users:write');
      const answer = await begin(eve, grace);
      expect(refusalIn(answer)).toEqual(DENIED);
      expect(await factsOf(app, answer)).toMatchObject([
        { type: 'access.denied', data: { userId: eve.id, permission: 'users:impersonate' } },
      ]);
    });

    it('never for somebody with more rights', async () => {
      const helper = await app.people.withPermissions('users:impersonate', 'users:read');
      for (const whom of [ada, await app.people.withPermissions('users:read', 'audit:read')]) {
        const answer = await begin(helper, whom);
        expect(refusalIn(answer)).toEqual(CEILING);
        expect(await factsOf(app, answer)).toMatchObject([
          { type: 'access.denied', data: { userId: helper.id, code: 'privilege_ceiling', target: whom.id } },
        ]);
        expect(await sessionsOf(app, whom.id)).toBe(1);
      }
      // For whoever has as many, or fewer.
      for (const whom of [grace, await app.people.withPermissions('users:read')])
        expect((await begin(helper, whom)).status).toBe(200);
    });

    it('never for somebody who holds for longer what they hold for an hour', async () => {
      // Regressed: names were compared and not ends, so that the hour was made good through the other's account.
      const helper = await app.people.withPermissions('users:impersonate', 'users:write');
      const bob = await app.people.withPermissions('users:read', 'permissions:grant');
      const lent = ['users:read', 'permissions:grant'];
      const lend = async (who: Person, minutes: number) => {
        const expiresAt = new Date(app.clock.millis() + minutes * MINUTE).toISOString();
        const grants = lent.map((permission) => ({ permission, expiresAt }));
        expect((await ada.put(`/api/v1/users/${who.id}/permissions`, { grants })).status).toBe(200);
      };
      await lend(helper, 60);
      expect(refusalIn(await begin(helper, bob))).toEqual(CEILING);
      const email = `${unique('x')}@example.com`;
      expect(refusalIn(await helper.patch<SignIn>(`/api/v1/users/${bob.id}`, { email }))).toEqual(CEILING);
      // For whoever holds it no longer than they do.
      await lend(grace, 30);
      expect((await begin(helper, grace)).status).toBe(200);
    });

    it('never for oneself, for nobody, or for whoever cannot sign in', async () => {
      expect(refusalIn(await begin(ada, ada))).toEqual(DENIED);
      const nobody = await ada.post<SignIn>('/api/v1/users/01a1fb89-a690-7530-90c7-ac334b012900/impersonation', {
        reason: REASON,
      });
      expect(refusalIn(nobody)).toEqual([404, 'user_not_found']);
      await ada.put(`/api/v1/users/${grace.id}/suspension`, { reason: 'left' });
      expect(refusalIn(await begin(ada, grace))).toEqual([403, 'account_suspended']);
      const eve = await app.people.person();
      await ada.delete(`/api/v1/users/${eve.id}`);
      expect(refusalIn(await begin(ada, eve))).toEqual([404, 'user_not_found']);
    });

    it('never by a key, nor by somebody who acts for another already, nor after a sign-in of long ago', async () => {
      const key = await app.people.byKey(ada, ['me', 'users:impersonate', 'users:read']);
      const second = await acting(ada, await app.people.admin());
      for (const who of [key, second]) {
        const answer = await begin(who, grace);
        expect(refusalIn(answer)).toEqual([403, 'reauthentication_required']);
        expect(await factsOf(app, answer)).toMatchObject([
          { type: 'access.denied', data: { code: 'reauthentication_required' } },
        ]);
      }
      advance(6 * MINUTE);
      expect(refusalIn(await begin(ada, grace))).toEqual([403, 'reauthentication_required']);
    });
  });

  describe('ends', () => {
    it.each([
      ['a quarter of an hour, where nothing was said', undefined, 15],
      ['a minute', 1, 1],
      ['an hour', 60, 60],
    ])('by its time: after %s', async (_, minutes, expected) => {
      for (const { clock } of [app, other]) clock.stand();
      const { body } = await begin(ada, grace, { minutes });
      // To the second, as the times in a token are.
      expect(Math.abs(body.expiresIn - expected * 60)).toBeLessThanOrEqual(1);
      const token = body.accessToken;
      const { exp, iat } = claimsIn(token);
      expect(exp - iat).toBe(body.expiresIn);
      const ask = () => app.send<{ code: string }>('GET', '/api/v1/me', { token });
      advance(expected * MINUTE - 5000);
      expect((await ask()).status).toBe(200);
      advance(5000);
      expect((await ask()).status).toBe(401);
    });

    it('by signing out, on record as that of who acted; the owner’s own session goes on', async () => {
      const who = await acting();
      const answer = await who.post('/api/v1/auth/logout');
      expect(answer.status).toBe(204);
      expect(await factsOf(app, answer)).toMatchObject([
        {
          type: 'session.ended',
          data: { sessionId: who.sessionId, userId: grace.id, reason: 'signed_out' },
          private: { actorId: ada.id, onBehalfOf: grace.id },
        },
      ]);
      expect(refusalIn(await me(who))).toEqual(OVER);
      for (const goesOn of [ada, grace]) expect((await me(goesOn)).status).toBe(200);
    });

    it('by the owner, who sees it among their sessions', async () => {
      const who = await acting();
      const { body } = await grace.get<{ data: { id: string }[] }>('/api/v1/me/sessions');
      expect(body.data.map(({ id }) => id)).toEqual([who.sessionId, grace.sessionId]);
      expect((await grace.delete(`/api/v1/me/sessions/${who.sessionId}`)).status).toBe(204);
      expect(refusalIn(await me(who))).toEqual(OVER);
    });

    it('with the account of who acts: suspended or deleted, within a second on every process (S20)', async () => {
      for (const end of ['suspension', 'deletion'] as const) {
        const [helper, admin] = [await app.people.admin(), await app.people.admin()];
        const { token } = await acting(helper, grace);
        const there = () => other.send<{ code: string }>('GET', '/api/v1/me', { token });
        expect((await there()).status).toBe(200);
        if (end === 'suspension') await admin.put(`/api/v1/users/${helper.id}/suspension`, { reason: 'left' });
        else await admin.delete(`/api/v1/users/${helper.id}`);
        const took = await timeOf(async () => {
          expect(refusalIn(await app.send<{ code: string }>('GET', '/api/v1/me', { token }))).toEqual(OVER);
          await timeUntil(async () => (await there()).status === 401);
        });
        expect(took).toBeLessThan(1000);
        expect(refusalIn(await there())).toEqual(OVER);
      }
    });

    it('with the right to act for others (S57)', async () => {
      const helping = await makeRole('users:impersonate');
      const helper = await app.people.person({}, ['user', helping]);
      const who = await acting(helper, grace);
      expect((await me(who)).status).toBe(200);
      await putRoles(helper, 'user');
      expect(refusalIn(await me(who))).toEqual(OVER);
    });

    it('with the account that is acted for', async () => {
      const who = await acting();
      await (await app.people.admin()).put(`/api/v1/users/${grace.id}/suspension`, { reason: 'left' });
      expect(refusalIn(await me(who))).toEqual(OVER);
    });
  });

  describe('reaches', () => {
    it('as far as the one who is acted for, and is seen to be them', async () => {
      const reader = await app.people.withPermissions('users:read');
      const who = await acting(ada, reader);
      expect((await me(who)).body).toMatchObject({ id: reader.id });
      expect((await users(who)).status).toBe(200);
      expect(refusalIn(await who.delete<SignIn>(`/api/v1/users/${grace.id}`))).toEqual(DENIED);
      expect(refusalIn(await users(await acting(ada, grace)))).toEqual(DENIED);
    });

    it('never further than the one who acts: what the other is given later is not theirs', async () => {
      const helper = await app.people.withPermissions('users:impersonate');
      const who = await acting(helper, grace);
      const reader = await makeRole('users:read', 'users:write', 'roles:assign');
      await putRoles(grace, 'user', reader);
      expect((await users(grace)).status).toBe(200);
      expect(refusalIn(await users(who))).toEqual(DENIED);
      await (
        await app.people.admin()
      ).put(`/api/v1/users/${grace.id}/permissions`, {
        grants: [{ permission: 'audit:read' }],
      });
      expect(refusalIn(await who.get<SignIn>('/api/v1/audit?limit=1'))).toEqual(DENIED);
      expect(refusalIn(await who.put<SignIn>(`/api/v1/users/${helper.id}/roles`, { roles: ['admin'] }))).toEqual(
        DENIED,
      );
    });

    it('no longer than the one who acts: what they come to hold for an hour they give no further for good', async () => {
      // Regressed: only the ends of the one who was acted for counted.
      const [giving, helping] = [
        await makeRole('permissions:grant', 'users:read'),
        await makeRole('users:impersonate'),
      ];
      const bob = await app.people.person({}, ['user', giving]);
      const helper = await app.people.person({}, ['user', giving, helping]);
      const who = await acting(helper, bob);
      await putRoles(helper, 'user', helping);
      const lent = { expiresAt: new Date(app.clock.millis() + 60 * MINUTE).toISOString() };
      const grants = ['permissions:grant', 'users:read'].map((permission) => ({ permission, ...lent }));
      await ada.put(`/api/v1/users/${helper.id}/permissions`, { grants });
      const give = (expiresAt: string | null) =>
        who.put<SignIn>(`/api/v1/users/${grace.id}/permissions`, { grants: [{ permission: 'users:read', expiresAt }] });
      expect(refusalIn(await give(null))).toEqual(CEILING);
      expect((await give(lent.expiresAt)).status).toBe(200);
    });

    it('less far at once when who acts loses a right (S57)', async () => {
      const [reader, helping] = [await makeRole('users:read'), await makeRole('users:impersonate')];
      const helper = await app.people.person({}, ['user', reader, helping]);
      const who = await acting(helper, await app.people.person({}, ['user', reader]));
      expect((await users(who)).status).toBe(200);
      await putRoles(helper, 'user', helping);
      expect(refusalIn(await users(who))).toEqual(DENIED);
      expect((await me(who)).status).toBe(200);
    });

    it('never what wants the person: passwords, addresses, factors, keys, the end of the account', async () => {
      const who = await acting();
      const refused = [
        await who.post<SignIn>('/api/v1/me/email', { email: `${unique('x')}@example.com` }),
        await who.post<SignIn>('/api/v1/me/mfa/factors', { kind: 'totp', name: 'Mine' }),
        await who.post<SignIn>('/api/v1/me/passkeys/options'),
        await who.post<SignIn>('/api/v1/me/tokens', { name: 'Mine', scopes: ['me'] }),
        await who.delete<SignIn>('/api/v1/me'),
      ];
      for (const answer of refused) expect(refusalIn(answer)).toEqual([403, 'reauthentication_required']);
      const stepUp = await who.post<SignIn>('/api/v1/auth/step-up', { password: PASSWORD });
      expect(refusalIn(stepUp)).toEqual(DENIED);
      expect(await typesOf(app, stepUp)).toEqual(['access.denied']);
    });
  });

  it('is not refreshed: there is nothing to refresh it by, and no cookie', async () => {
    const answer = await begin(ada, grace);
    expect(answer.body).not.toHaveProperty('refreshToken');
    expect(answer.headers['set-cookie']).toBeUndefined();
    const { accessToken } = answer.body;
    const [row] = await app.sql<{ count: string }>('SELECT count(*) FROM roster.refresh_tokens WHERE session_id = $1', [
      claimsIn(accessToken).sid,
    ]);
    expect(row!.count).toBe('0');
    const refresh = await app.send<SignIn>('POST', '/api/v1/auth/refresh', { body: { refreshToken: accessToken } });
    // It is not even as short as one.
    expect(refusalIn(refresh)).toEqual([422, 'validation_failed']);
    // Begun by a browser with cookies, it is carried by no cookie either.
    const browser = await Browser.signedIn(app, ada.user);
    const url = `/api/v1/users/${grace.id}/impersonation`;
    const begun = await browser.send('POST', url, { body: { reason: REASON } });
    expect([begun.status, begun.headers['set-cookie']]).toEqual([200, undefined]);
    expect((await browser.send<{ id: string }>('GET', '/api/v1/me')).body.id).toBe(ada.id);
  });

  it('is on record in whatever is done: who did it, and for whom', async () => {
    const who = await acting();
    const changed = await who.patch('/api/v1/me', { name: 'Grace Brewster Hopper' });
    expect(changed.status).toBe(200);
    expect(await factsOf(app, changed)).toMatchObject([
      {
        type: 'user.updated',
        subject: `users/${grace.id}`,
        private: { actorId: ada.id, onBehalfOf: grace.id, after: { name: 'Grace Brewster Hopper' } },
      },
    ]);
    const refused = await users(who);
    expect(await factsOf(app, refused)).toMatchObject([
      { type: 'access.denied', private: { actorId: ada.id, onBehalfOf: grace.id } },
    ]);
    // What they do themselves is theirs alone.
    const own = await grace.patch('/api/v1/me', { name: 'Grace Hopper' });
    const [fact] = await factsOf(app, own);
    expect(fact!.private).toMatchObject({ actorId: grace.id });
    expect(fact!.private).not.toHaveProperty('onBehalfOf');
  });

  it('stands in the audit log, by who did it and for whom', async () => {
    const who = await acting();
    const changed = await who.patch('/api/v1/me', { name: 'Grace Brewster Hopper' });
    const filter = encodeURIComponent(`onBehalfOf eq "${grace.id}" and actorId eq "${ada.id}"`);
    const found = async () =>
      (await ada.get<{ data: { type: string; requestId: string }[] }>(`/api/v1/audit?filter=${filter}`)).body.data;
    const entries = await awaitThat(found, ({ length }) => length > 0);
    expect(entries).toMatchObject([{ type: 'user.updated', requestId: changed.headers['x-request-id'] }]);
  });

  it('A18 is believed only as it was signed: who acts cannot be left out', async () => {
    const { token } = await acting();
    const [head, , signature] = token.split('.');
    const { act, ...claims } = claimsIn(token);
    expect(act).toEqual({ sub: ada.id });
    const forged = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
    const answer = await app.send<{ code: string }>('GET', '/api/v1/me', { token: forged });
    expect(refusalIn(answer)).toEqual([401, 'token_invalid']);
  });
});
