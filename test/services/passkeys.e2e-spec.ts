import type { AddressInfo } from 'node:net';

import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core';

import { claimsIn } from '../auth/sign-ins.js';
import type { SignIn } from '../auth/sign-ins.js';
import { TestApp } from '../harness/app.js';
import { PASSWORD } from '../harness/people.js';
import type { UserRow } from '../../src/users/index.js';
import { newFactsAbout } from '../mfa/shapes.js';
import { startChromium, watchPage } from './chromium.js';
import type { Watched } from './chromium.js';

interface Reply<T> {
  readonly status: number;
  readonly body: T;
}
interface Challenge {
  readonly challengeId: string;
  readonly options: { readonly rpId?: string; readonly allowCredentials?: object[] };
}
interface Registered {
  readonly id: string;
  readonly recoveryCodes: string[];
  readonly transports: string[];
}
interface Question {
  readonly body?: object;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

/** In the page: they are told as text, for no type of a page is known here. */
const FETCH = `async ({ method, path, body, headers }) => {
  const answer = await fetch(path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : null };
}`;
const CREATE = `async (options) => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return (await navigator.credentials.create({ publicKey })).toJSON();
}`;
const GET = `async (options) => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return (await navigator.credentials.get({ publicKey })).toJSON();
}`;

describe('passkeys in a browser', () => {
  let app: TestApp;
  let grace: UserRow;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let watched: Watched;
  let cdp: CDPSession;
  let authenticatorId: string;
  let port: number;
  let url: string;
  let passkey: Registered;

  beforeAll(async () => {
    app = await TestApp.start();
    await app.app.fastify.listen({ port: 0, host: '127.0.0.1' });
    ({ port } = app.app.fastify.server.address() as AddressInfo);
    url = `http://localhost:${port}`;
    app.ground.publicUrl.settle(url);
    grace = await app.people.user({ name: 'Grace Hopper' });
    browser = await startChromium();
    context = await browser.newContext();
    page = await context.newPage();
    watched = watchPage(page, url);
    // Any page of ours; it may ask its own server, and nobody else.
    await page.goto(`${url}/docs`);
    await page.waitForSelector('.opblock-tag-section');
    cdp = await context.newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    ({ authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    }));
  }, 180_000);

  afterEach(() => {
    expect(watched.foreign.splice(0)).toEqual([]);
    expect(watched.trouble.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await app?.stop();
  });

  const ask = <T = SignIn>(method: string, path: string, { body, token, headers = {} }: Question = {}) =>
    run<Reply<T>>(page, FETCH, {
      method,
      path: `/api/v1${path}`,
      body,
      headers: {
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...headers,
      },
    });
  const create = (options: object) => run<object>(page, CREATE, options);
  const get = (options: object) => run<object>(page, GET, options);
  const meant = (...statuses: number[]): void =>
    expect(watched.trouble.splice(0)).toEqual(statuses.map((status) => expect.stringContaining(`status of ${status}`)));
  const login = async (): Promise<SignIn> =>
    (await ask('POST', '/auth/login', { body: { identifier: grace.email, password: PASSWORD } })).body;
  /** Without a name, from the first request to the last. */
  const signIn = async (more: object = {}): Promise<Reply<SignIn>> => {
    const { body } = await ask<Challenge>('POST', '/auth/passkeys/options', { body: {} });
    expect(body.options).toMatchObject({ rpId: 'localhost', allowCredentials: [] });
    const response = await get(body.options);
    return ask('POST', '/auth/passkeys/verify', { body: { challengeId: body.challengeId, response, ...more } });
  };
  const kept = async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials;

  it('are registered: the authenticator keeps a key for this site and this person', async () => {
    const { accessToken: token } = await login();
    const { body } = await ask<Challenge>('POST', '/me/passkeys/options', { token });
    const response = await create(body.options);
    const answer = await ask<Registered>('POST', '/me/passkeys', {
      token,
      body: { challengeId: body.challengeId, name: 'This laptop', response },
    });
    expect(answer).toMatchObject({ status: 201, body: { name: 'This laptop', transports: ['internal'] } });
    passkey = answer.body;
    expect(passkey.recoveryCodes).toHaveLength(10);
    const [credential, ...others] = await kept();
    expect(others).toEqual([]);
    expect(credential).toMatchObject({ isResidentCredential: true, rpId: 'localhost' });
    expect(Buffer.from(credential!.userHandle!, 'base64').toString()).toBe(grace.id);
    expect((await newFactsAbout(app, grace.id)).slice(-3)).toEqual([
      'factor.added',
      'factor.confirmed',
      'recovery_codes.made',
    ]);
  });

  it('sign in without a name, and are both factors', async () => {
    const { status, body } = await signIn();
    expect([status, body.mfaRequired, body.user.id]).toEqual([200, false, grace.id]);
    expect(claimsIn(body.accessToken).amr).toEqual(['hwk', 'user', 'mfa']);
    const me = await ask<{ name: string }>('GET', '/me', { token: body.accessToken });
    expect(me).toMatchObject({ status: 200, body: { name: 'Grace Hopper' } });
    const shown = await ask<{ lastUsedAt: string | null }>('GET', `/me/passkeys/${passkey.id}`, {
      token: body.accessToken,
    });
    expect(shown.body.lastUsedAt).not.toBeNull();
    // Each answer counts: a copy of the key would be seen.
    expect((await kept())[0]!.signCount).toBeGreaterThan(0);
    expect((await signIn()).status).toBe(200);
  });

  it('S26 sign in by cookies that no script of the page sees', async () => {
    const { status, body } = await signIn({ session: 'cookie' });
    expect([status, body.accessToken, body.refreshToken]).toEqual([200, undefined, undefined]);
    expect(await page.evaluate('document.cookie')).toBe('');
    const cookies = await context.cookies();
    expect(cookies.map(({ name, httpOnly, secure, sameSite }) => [name, httpOnly, secure, sameSite]).sort()).toEqual([
      ['__Host-roster-access', true, true, 'Strict'],
      ['__Host-roster-refresh', true, true, 'Strict'],
    ]);
    expect(await ask('GET', '/me')).toMatchObject({ status: 200, body: { id: grace.id } });
    const headers = { 'x-csrf-token': body.csrfToken };
    expect((await ask('POST', '/auth/logout')).status).toBe(403);
    meant(403);
    expect((await ask('POST', '/auth/logout', { headers })).status).toBe(204);
    expect(await context.cookies()).toEqual([]);
    expect((await ask('GET', '/me')).status).toBe(401);
    meant(401);
  });

  it('are a second factor after a password', async () => {
    const { mfaToken, methods } = await login();
    expect(methods).toEqual(['passkey', 'recovery_code']);
    const { body } = await ask<Challenge>('POST', '/auth/passkeys/options', { body: { mfaToken } });
    expect(body.options.allowCredentials).toHaveLength(1);
    const proof = { method: 'passkey', challengeId: body.challengeId, response: await get(body.options) };
    const answer = await ask('POST', '/auth/mfa/verify', { body: { mfaToken, ...proof } });
    expect(answer.status).toBe(200);
    expect(claimsIn(answer.body.accessToken).amr).toEqual(['pwd', 'hwk', 'user', 'mfa']);
  });

  it('are shown once more for a step-up', async () => {
    const { accessToken: token } = (await signIn()).body;
    const { body } = await ask<Challenge>('POST', '/auth/step-up/options', { token });
    const proof = { method: 'passkey', challengeId: body.challengeId, response: await get(body.options) };
    const answer = await ask('POST', '/auth/step-up', { token, body: proof });
    expect(answer.status).toBe(200);
    expect(claimsIn(answer.body.accessToken).sid).not.toBe(claimsIn(token).sid);
    expect((await ask('GET', '/me', { token })).status).toBe(401);
    meant(401);
  });

  it('are not made twice in one authenticator', async () => {
    const { accessToken: token } = (await signIn()).body;
    const { body } = await ask<Challenge>('POST', '/me/passkeys/options', { token });
    await expect(create(body.options)).rejects.toThrow(/InvalidStateError/);
    expect(await kept()).toHaveLength(1);
  });

  it('do nothing for whoever the authenticator does not know', async () => {
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    const { body } = await ask<Challenge>('POST', '/auth/passkeys/options', { body: {} });
    await expect(get(body.options)).rejects.toThrow(/NotAllowedError/);
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
    expect((await signIn()).status).toBe(200);
  });

  it('do nothing for a page of another origin, though it is the same server', async () => {
    const { body } = await ask<Challenge>('POST', '/auth/passkeys/options', { body: {} });
    const phishing = await context.newPage();
    await phishing.goto(`http://127.0.0.1:${port}/problems`);
    await expect(run(phishing, GET, body.options)).rejects.toThrow(/SecurityError/);
    await phishing.close();
  });

  it('are refused once they were deleted, on record, though the authenticator still has them', async () => {
    const { accessToken: token } = (await signIn()).body;
    expect((await ask('DELETE', `/me/passkeys/${passkey.id}`, { token })).status).toBe(204);
    expect(await kept()).toHaveLength(1);
    const refused = await signIn();
    expect([refused.status, refused.body.code]).toEqual([401, 'factor_invalid']);
    meant(401);
    const [fact] = await app.sql<{ type: string; data: object }>(
      "SELECT type, data FROM roster.events WHERE type LIKE 'second_step.%' ORDER BY xid DESC, seq DESC LIMIT 1",
    );
    expect(fact).toEqual({ type: 'second_step.refused', data: { userId: null, method: 'passkey' } });
    expect((await newFactsAbout(app, grace.id)).at(-1)).toBe('factor.removed');
    // It was the last factor: the password is enough again.
    expect((await login()).mfaRequired).toBe(false);
  });
});

function run<T>(page: Page, script: string, parameter: object): Promise<T> {
  return page.evaluate<T>(`(${script})(${JSON.stringify(parameter)})`);
}
