import { jest } from '@jest/globals';

import { operationsOf } from '../../src/platform/http/document.js';
import type { DocumentedOperation } from '../../src/platform/http/documented.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Answer } from '../harness/household.js';
import { PASSWORD } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { addressOf } from '../harness/scenes.js';
import { addPasskey, asked, confirmApp } from '../mfa/enrolment.js';
import { begin } from './begun.js';
import { ACCESS, Browser, REFRESH, cookiesIn } from './browser.js';
import { claimsIn, factsOf, login, refusalIn, sessionsOf, typesOf, verify } from './sign-ins.js';
import type { SignIn } from './sign-ins.js';

jest.setTimeout(300_000);

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const STEP_UP = { body: { password: PASSWORD } };
const REFUSED = [403, 'csrf_refused'];

/** A way in, with what the body says of how the session is to be carried. */
type WayIn = (session: object) => Promise<Answer<SignIn>>;

describe('cookies', () => {
  let app: TestApp;
  let grace: Person;
  let browser: Browser;

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`cookies_${process.env['JEST_WORKER_ID']}`),
    });
  });
  beforeEach(async () => {
    grace = await app.people.person();
    browser = await Browser.signedIn(app, grace.user);
  });
  afterAll(() => app.stop());

  const post = (path: string, body: object) => app.send<SignIn>('POST', `/api/v1/auth/${path}`, { body });
  const me = (of = browser, headers = {}) => of.send('GET', '/api/v1/me', { headers });
  const sessionIn = (of: Browser): string => claimsIn(of.cookies.get(ACCESS)!).sid;

  const WAYS_IN: [string, () => Promise<WayIn>][] = [
    ['the password', () => Promise.resolve((session) => login(app, grace.user, session))],
    [
      'a link by mail',
      async () => {
        const { flowId, code } = await begin(app, 'magic-link', grace.user.email);
        return (session) => post('magic-link/consume', { flowId, code, ...session });
      },
    ],
    [
      'a second factor',
      async () => {
        const { code } = await confirmApp(app, grace);
        const { body } = await login(app, grace.user, { session: 'cookie' });
        return (session) => verify(app, body.mfaToken, { method: 'totp', code: code(1) }, session);
      },
    ],
    [
      'a passkey',
      async () => {
        const { authenticator } = await addPasskey(app, grace);
        const { body } = await app.send<{ challengeId: string; options: object }>(
          'POST',
          '/api/v1/auth/passkeys/options',
          { body: {} },
        );
        const { challengeId, options } = asked(body);
        return (session) => post('passkeys/verify', { challengeId, response: authenticator.get(options), ...session });
      },
    ],
  ];

  describe('S26 carry a session', () => {
    it.each(WAYS_IN)('that %s began: for this host alone, by HTTPS alone, unseen by scripts', async (_, way) => {
      const answer = await (await way())({ session: 'cookie' });
      expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
      const attributes = { path: '/', secure: true, httponly: true, samesite: 'Strict' };
      expect(cookiesIn(answer)).toEqual([
        { name: ACCESS, value: expect.any(String), attributes: { ...attributes, 'max-age': '600' } },
        { name: REFRESH, value: expect.any(String), attributes: { ...attributes, 'max-age': String(14 * 24 * 3600) } },
      ]);
      // No script can read what the answer does not hold.
      expect(answer.body).not.toHaveProperty('accessToken');
      expect(answer.body).not.toHaveProperty('refreshToken');
      for (const { value } of cookiesIn(answer)) expect(answer.text).not.toContain(value);
      expect(answer.body).toMatchObject({
        mfaRequired: false,
        csrfToken: expect.stringMatching(/^[\w-]{43}$/) as string,
      });
      expect((await typesOf(app, answer)).at(-1)).toBe('session.started');
    });

    it.each(WAYS_IN)('that %s began only where they are asked for', async (_, way) => {
      const answer = await (await way())({});
      expect([answer.status, answer.headers['set-cookie']]).toEqual([200, undefined]);
      expect(answer.body).not.toHaveProperty('csrfToken');
      expect(answer.body.refreshToken).toMatch(/^[\w-]{43}$/);
    });

    it('of which nothing is given before the second step', async () => {
      await confirmApp(app, grace);
      const answer = await login(app, grace.user, { session: 'cookie' });
      expect([answer.body.mfaRequired, answer.headers['set-cookie']]).toEqual([true, undefined]);
    });

    it('in neither another word for it', async () => {
      for (const session of ['Cookie', 'cookies', '', null, true])
        expect((await login(app, grace.user, { session })).status).toBe(422);
    });

    it('to whatever is read, with no other header', async () => {
      const bare = { origin: '', 'x-csrf-token': '' };
      expect(await me(browser, bare)).toMatchObject({ status: 200, body: { id: grace.id } });
      expect((await browser.send('HEAD', '/api/v1/me', { headers: bare })).status).toBe(200);
      expect((await app.send('GET', '/api/v1/me')).status).toBe(401);
    });

    it('to whatever is changed, from a page of ours that has its token', async () => {
      const changed = await browser.send('PATCH', '/api/v1/me', { body: { name: 'Grace Hopper' } });
      expect(changed).toMatchObject({ status: 200, body: { name: 'Grace Hopper' } });
      expect(await factsOf(app, changed)).toMatchObject([
        { type: 'user.updated', subject: `users/${grace.id}`, private: { actorId: grace.id } },
      ]);
    });
  });

  describe('S18, A19 are not upgraded', () => {
    it('by a sign-in that comes with those of somebody else: it begins a session of its own', async () => {
      const mallory = await Browser.signedIn(app, (await app.people.person()).user);
      const [planted, session] = [new Map(mallory.cookies), sessionIn(mallory)];
      const victim = new Browser(app);
      for (const [name, value] of planted) victim.cookies.set(name, value);
      await victim.signIn(grace.user);
      expect(sessionIn(victim)).not.toBe(session);
      for (const [name, value] of victim.cookies) expect(value).not.toBe(planted.get(name));
      expect((await me(victim)).body).toMatchObject({ id: grace.id });
      // What was planted is what it was.
      expect((await me(mallory)).body).not.toMatchObject({ id: grace.id });
    });

    it('by a step-up: new ones, and the old ones are dead', async () => {
      const old = new Map(browser.cookies);
      const [session, csrfToken] = [sessionIn(browser), browser.csrfToken];
      const answer = await browser.send('POST', '/api/v1/auth/step-up', STEP_UP);
      expect(cookiesIn(answer).map(({ name }) => name)).toEqual([ACCESS, REFRESH]);
      expect(answer.body).not.toHaveProperty('accessToken');
      expect(sessionIn(browser)).not.toBe(session);
      expect(browser.csrfToken).not.toBe(csrfToken);
      expect(await typesOf(app, answer)).toEqual(['session.ended', 'session.started']);
      const thief = new Browser(app);
      for (const [name, value] of old) thief.cookies.set(name, value);
      expect(refusalIn(await me(thief))).toEqual([401, 'token_revoked']);
      const refresh = await thief.send('POST', '/api/v1/auth/refresh', { body: {} });
      expect(refusalIn(refresh)).toEqual([401, 'refresh_token_invalid']);
      // The token of the session before belongs to that one.
      const headers = { 'x-csrf-token': csrfToken };
      expect(refusalIn(await browser.send('POST', '/api/v1/auth/logout', { headers }))).toEqual(REFUSED);
    });
  });

  describe('are refreshed', () => {
    const refresh = (of = browser, headers = {}) => of.send('POST', '/api/v1/auth/refresh', { body: {}, headers });

    it('by the cookie that no script can read, also when that of the access is over', async () => {
      const [access, token] = [browser.cookies.get(ACCESS), browser.cookies.get(REFRESH)];
      app.clock.advance(11 * MINUTE);
      expect(refusalIn(await me())).toEqual([401, 'token_expired']);
      browser.cookies.delete(ACCESS);
      const answer = await refresh();
      expect([answer.status, cookiesIn(answer).map(({ name }) => name)]).toEqual([200, [ACCESS, REFRESH]]);
      expect(answer.body).not.toHaveProperty('refreshToken');
      expect(browser.cookies.get(ACCESS)).not.toBe(access);
      expect(browser.cookies.get(REFRESH)).not.toBe(token);
      expect((await me()).status).toBe(200);
      // The page may have lost its token by a reload: this is where it gets it back.
      expect((await browser.send('PATCH', '/api/v1/me', { body: { name: 'Grace' } })).status).toBe(200);
    });

    it('never for a page of another site, which uses nothing up', async () => {
      for (const origin of foreignTo(browser.origin)) {
        const answer = await refresh(browser, { origin });
        expect([origin, ...refusalIn(answer)]).toEqual([origin, ...REFUSED]);
        expect(answer.headers['set-cookie']).toBeUndefined();
        expect((await typesOf(app, answer)).filter((type) => type !== 'access.denied')).toEqual([]);
      }
      expect((await refresh()).status).toBe(200);
    });

    it('not where there is none, nor by that of the access', async () => {
      const empty = new Browser(app);
      expect(refusalIn(await refresh(empty))).toEqual([401, 'refresh_token_invalid']);
      empty.cookies.set(REFRESH, browser.cookies.get(ACCESS)!);
      expect(refusalIn(await refresh(empty))).toEqual([401, 'refresh_token_invalid']);
    });

    it('not by a token in the body, which is taken first and answered in the body', async () => {
      const other = await app.people.person();
      const answer = await browser.send('POST', '/api/v1/auth/refresh', { body: { refreshToken: other.refreshToken } });
      expect(answer.body).toMatchObject({ user: { id: other.id }, refreshToken: expect.any(String) as string });
      expect(answer.headers['set-cookie']).toBeUndefined();
      expect((await me()).body).toMatchObject({ id: grace.id });
    });

    it('S24 once: later use of the same ends the session', async () => {
      const stolen = browser.cookies.get(REFRESH)!;
      await refresh();
      app.clock.advance(MINUTE);
      const thief = new Browser(app);
      thief.cookies.set(REFRESH, stolen);
      const answer = await refresh(thief);
      expect(refusalIn(answer)).toEqual([401, 'refresh_token_invalid']);
      expect(await typesOf(app, answer)).toEqual(['session.ended', 'session.refresh_token_reused']);
      expect(refusalIn(await me())).toEqual([401, 'token_revoked']);
    });

    it('for a month at most, if nobody comes', async () => {
      app.clock.advance(31 * DAY);
      expect(refusalIn(await refresh())).toEqual([401, 'refresh_token_invalid']);
    });

    it('by a cookie that lives as long as the session (regressed: thirty days, whatever the settings said)', async () => {
      const database = await freshDatabase(`cookies_lives_${process.env['JEST_WORKER_ID']}`);
      const settings = { SESSION_IDLE: '2d', SESSION_LIFETIME: '3d' };
      const other = await TestApp.start({ database, settings });
      try {
        const { user } = await other.people.person();
        const page = new Browser(other);
        const ageOf = (answer: Answer<SignIn>): number => Number(cookiesIn(answer)[1]!.attributes['max-age']);
        expect(ageOf(await page.signIn(user))).toBe(2 * 24 * 3600);
        other.clock.advance(1.5 * DAY);
        const left = ageOf(await refresh(page));
        expect(left).toBeLessThanOrEqual(1.5 * 24 * 3600);
        expect(left).toBeGreaterThan(1.5 * 24 * 3600 - 60);
      } finally {
        await other.stop();
      }
    });
  });

  describe('are cleared', () => {
    it('by signing out, which ends the session', async () => {
      const old = new Map(browser.cookies);
      const answer = await browser.send('POST', '/api/v1/auth/logout');
      expect(answer.status).toBe(204);
      expect(cookiesIn(answer).map(({ name, value, attributes }) => [name, value, attributes['max-age']])).toEqual([
        [ACCESS, '', '0'],
        [REFRESH, '', '0'],
      ]);
      for (const { attributes } of cookiesIn(answer))
        expect(attributes).toMatchObject({ path: '/', secure: true, httponly: true, samesite: 'Strict' });
      expect(await factsOf(app, answer)).toMatchObject([{ type: 'session.ended', data: { reason: 'signed_out' } }]);
      expect(browser.cookies.size).toBe(0);
      for (const [name, value] of old) browser.cookies.set(name, value);
      expect(refusalIn(await me())).toEqual([401, 'token_revoked']);
      const again = await browser.send('POST', '/api/v1/auth/refresh', { body: {} });
      expect(refusalIn(again)).toEqual([401, 'refresh_token_invalid']);
    });

    it('not by signing out another session, by its header', async () => {
      const other = await app.people.person();
      const headers = { authorization: `Bearer ${other.token}` };
      const answer = await browser.send('POST', '/api/v1/auth/logout', { headers });
      expect([answer.status, answer.headers['set-cookie']]).toEqual([204, undefined]);
      expect((await me()).body).toMatchObject({ id: grace.id });
    });
  });

  describe('are passed over', () => {
    it('where there is a header: good or bad, it is what counts', async () => {
      const eve = await app.people.person();
      expect((await me(browser, { authorization: `Bearer ${eve.token}` })).body).toMatchObject({ id: eve.id });
      for (const authorization of ['Bearer x', 'Bearer', 'Basic Z3JhY2U6eA==', 'x', `Bearer ${eve.token}x`])
        expect(refusalIn(await me(browser, { authorization }))).toEqual([401, 'token_invalid']);
      // A header that a script had to set needs no other proof of where it comes from.
      const bare = { authorization: `Bearer ${eve.token}`, origin: '', 'x-csrf-token': '' };
      const changed = await browser.send('PATCH', '/api/v1/me', { body: { name: 'Eve' }, headers: bare });
      expect(changed).toMatchObject({ status: 200, body: { id: eve.id } });
    });

    it('by a step-up and a refresh of a session in the header: they set none', async () => {
      const eve = await app.people.person();
      const headers = { authorization: `Bearer ${eve.token}` };
      const answer = await browser.send('POST', '/api/v1/auth/step-up', { ...STEP_UP, headers });
      expect([answer.status, answer.headers['set-cookie']]).toEqual([200, undefined]);
      expect(answer.body.accessToken).toEqual(expect.any(String));
    });

    it('where they are no key’s: those are shown in the header', async () => {
      const key = await app.people.byKey(grace, ['me']);
      browser.cookies.set(ACCESS, key.token);
      expect(refusalIn(await me())).toEqual([401, 'token_missing']);
    });
  });

  describe('A5 are not forged', () => {
    it('by any change of that of the access', async () => {
      const good = browser.cookies.get(ACCESS)!;
      const parts = good.split('.');
      const payload = { ...claimsIn(good), sub: (await app.people.admin()).id };
      const forged = [
        `${parts[0]}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.${parts[2]}`,
        `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${parts[1]}.`,
        `${parts[0]}.${parts[1]}.`,
        `${parts[0]}.${parts[1]}.${'A'.repeat(parts[2]!.length)}`,
        ...[0, 5, 40, 200, good.length - 20].map((at) => edited(good, at)),
        `${good} x`,
        'true',
        '1',
        grace.id,
        sessionIn(browser),
        browser.cookies.get(REFRESH)!,
        browser.csrfToken,
      ];
      for (const value of forged) {
        browser.cookies.set(ACCESS, value);
        const answer = await me();
        expect([value, answer.status]).toEqual([value, 401]);
        expect(['token_missing', 'token_invalid']).toContain((answer.body as unknown as SignIn).code);
      }
    });

    it('by any change of that of the refresh, which ends nobody’s session', async () => {
      const good = browser.cookies.get(REFRESH)!;
      for (const value of [edited(good, 0), edited(good, 42), `${good}x`, good.slice(1), good.toUpperCase(), 'x']) {
        browser.cookies.set(REFRESH, value);
        const answer = await browser.send('POST', '/api/v1/auth/refresh', { body: {} });
        expect(refusalIn(answer)).toEqual([401, 'refresh_token_invalid']);
        expect(answer.headers['set-cookie']).toBeUndefined();
      }
      expect((await me()).status).toBe(200);
    });

    it('by another name, that a subdomain or plain HTTP could set', async () => {
      const value = browser.cookies.get(ACCESS)!;
      for (const name of ['roster-access', '__Secure-roster-access', '__host-roster-access', `x${ACCESS}`, 'access']) {
        const other = new Browser(app);
        other.cookies.set(name, value);
        expect([name, (await me(other)).status]).toEqual([name, 401]);
      }
    });

    it('by the token of another session, their own before it included', async () => {
      const other = await Browser.signedIn(app, grace.user);
      const headers = { 'x-csrf-token': other.csrfToken };
      const answer = await browser.send('PATCH', '/api/v1/me', { body: { name: 'Mallory' }, headers });
      expect(refusalIn(answer)).toEqual(REFUSED);
      expect(await factsOf(app, answer)).toMatchObject([
        { type: 'access.denied', data: { userId: grace.id, code: 'csrf_refused' } },
      ]);
    });
  });

  describe('S27 change nothing', () => {
    const unsafe = () =>
      operationsOf(app.app.document).filter(
        ({ operation, method }) => method !== 'get' && operation['x-permission'] !== 'public',
      );

    it('for a page of another site, nor for whoever has no token, at any operation', async () => {
      const admin = await app.people.admin();
      const page = await Browser.signedIn(app, admin.user);
      const other = await Browser.signedIn(app, admin.user);
      const victim = await app.people.person();
      const tricks: Record<string, string>[] = [
        ...foreignTo(page.origin).map((origin) => ({ origin })),
        ...['', 'x', other.csrfToken, `${page.csrfToken}x`, page.csrfToken.slice(1), edited(page.csrfToken, 3)].map(
          (token) => ({ 'x-csrf-token': token }),
        ),
      ];
      const before = await stateOf();
      const wrong: string[] = [];
      for (const { operation, method, path } of unsafe())
        for (const headers of tricks) {
          const url = addressOf(path, {}, victim.id);
          const answer = await page.send(method.toUpperCase(), url, { body: exampleOf(operation), headers });
          if (answer.status === 403 && answer.body.code === 'csrf_refused') continue;
          wrong.push(`${operation.operationId} ${JSON.stringify(headers)}: ${answer.status} ${answer.text}`);
        }
      process.stdout.write(
        `\n${unsafe().length} operations × ${tricks.length} forgeries: ${wrong.length} not refused\n`,
      );
      expect(wrong).toEqual([]);
      expect(await stateOf()).toBe(before);
    });

    it('but for a page of ours with its token: none of them refuses that', async () => {
      const wrong: string[] = [];
      for (const { operation, method, path } of unsafe()) {
        const somebody = await app.people.admin();
        const page = await Browser.signedIn(app, somebody.user);
        const url = addressOf(path, {}, '01a1fb89-a690-7530-90c7-ac334b012900');
        const { status, body } = await page.send<SignIn | null>(method.toUpperCase(), url, {
          body: exampleOf(operation),
        });
        if (status === 401 || body?.code === 'csrf_refused') wrong.push(`${operation.operationId}: ${status}`);
      }
      expect(wrong).toEqual([]);
    });

    it.each([
      ['a form', 'application/x-www-form-urlencoded', 'name=Mallory'],
      ['a form with files', 'multipart/form-data; boundary=x', '--x\r\n\r\nMallory\r\n--x--\r\n'],
      ['plain text', 'text/plain', '{"name":"Mallory"}'],
      ['plain text that names JSON', 'text/plain; application/json', '{"name":"Mallory"}'],
      ['nothing that it names', '', '{"name":"Mallory"}'],
    ])('by %s, which any page can send unasked: 415 at every operation, public ones too', async (_, type, body) => {
      const before = await stateOf();
      const wrong: string[] = [];
      for (const { operation, method, path } of operationsOf(app.app.document)) {
        if (method === 'get') continue;
        const url = addressOf(path, {}, grace.id);
        const answer = await app.app.fastify.inject({
          method: method.toUpperCase() as 'POST',
          url,
          headers: {
            cookie: browser.cookie,
            origin: browser.origin,
            'x-csrf-token': browser.csrfToken,
            ...(type === '' ? {} : { 'content-type': type }),
          },
          payload: body,
        });
        if (answer.statusCode !== 415) wrong.push(`${operation.operationId}: ${answer.statusCode} ${answer.payload}`);
      }
      expect(wrong).toEqual([]);
      expect(await stateOf()).toBe(before);
    });

    it('for the pages of other sites, but for those that the operator names', async () => {
      const database = await freshDatabase(`cookies_cors_${process.env['JEST_WORKER_ID']}`);
      const named = await TestApp.start({
        database,
        settings: { CORS_ORIGINS: 'https://app.example.com' },
      });
      try {
        const page = await Browser.signedIn(named, (await named.people.person()).user);
        const patch = (origin: string) =>
          page.send('PATCH', '/api/v1/me', { body: { name: 'Grace' }, headers: { origin } });
        expect((await patch('https://app.example.com')).status).toBe(200);
        for (const origin of ['https://app.example.com.evil.example', 'http://app.example.com', 'https://example.com'])
          expect(refusalIn(await patch(origin))).toEqual(REFUSED);
      } finally {
        await named.stop();
      }
    });
  });

  it('end with the account: suspended, its cookies open nothing (S20)', async () => {
    const admin = await app.people.admin();
    await admin.put(`/api/v1/users/${grace.id}/suspension`, { reason: 'left' });
    expect(refusalIn(await me())).toEqual([401, 'token_revoked']);
    const refresh = await browser.send('POST', '/api/v1/auth/refresh', { body: {} });
    expect(refusalIn(refresh)).toEqual([401, 'refresh_token_invalid']);
    expect(await sessionsOf(app, grace.id)).toBe(0);
  });

  /** How many facts there are but those of refusals, and of what state everybody is. */
  async function stateOf(): Promise<string> {
    const [row] = await app.sql<{ state: string }>(
      `SELECT concat((SELECT count(*) FROM roster.events WHERE type <> 'access.denied'), (SELECT md5(string_agg(u::text, ',' ORDER BY u.id))
         FROM roster.users u), (SELECT md5(string_agg(concat(s.id, s.ended_at), ',' ORDER BY s.id))
         FROM roster.sessions s)) AS state`,
    );
    return row!.state;
  }
});

/** None at all, and what only looks like ours. */
function foreignTo(origin: string): string[] {
  const { protocol, host, hostname, port } = new URL(origin);
  return [
    ...['', 'null', 'https://evil.example', `${protocol}//evil.${host}`, `${origin}.evil.example`, `${origin}/`],
    ...[`https://${host}`, `${protocol}//${hostname}`, `${protocol}//${hostname}:${Number(port) + 1}`],
    ...[`${origin}, https://evil.example`, `https://evil.example#${origin}`, origin.toUpperCase()],
  ];
}

function edited(text: string, at: number): string {
  return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
}

function exampleOf({ requestBody }: DocumentedOperation): unknown {
  const media = requestBody?.content['application/json'];
  return media?.example ?? Object.values(media?.examples ?? {})[0]?.value;
}
