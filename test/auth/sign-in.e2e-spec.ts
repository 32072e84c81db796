import { randomBytes } from 'node:crypto';

import { HashingBusy, PasswordHasher } from '../../src/passwords/password-hashing.js';
import { Administrators } from '../../src/auth/index.js';
import { Database } from '../../src/platform/database/database.js';
import { Passwords } from '../../src/passwords/index.js';
import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { PASSWORD, unique } from '../harness/people.js';

interface Tokens {
  accessToken: string;
  tokenType: string;
  expiresIn: number;
  refreshToken: string;
  passwordChangeRequired: boolean;
  user: { id: string; email: string; lastSignInAt: string | null };
  code: string;
}

const NEXT = 'two green lamps behind the harbour';

describe('sign-in', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.admin();
  });
  afterAll(() => app.stop());

  const login = (identifier: string, password = PASSWORD) =>
    app.send<Tokens>('POST', '/api/v1/auth/login', { body: { identifier, password } });
  const refresh = (refreshToken: string) =>
    app.send<Tokens>('POST', '/api/v1/auth/refresh', { body: { refreshToken } });
  const me = (token: string) => app.send<{ code: string }>('GET', '/api/v1/me', { token });
  const change = (token: string, currentPassword: string, newPassword: string) =>
    app.send<{ code: string; errors: { pointer: string; code: string }[] }>('POST', '/api/v1/me/password', {
      token,
      body: { currentPassword, newPassword },
    });

  it('answers tokens that no cache keeps, and who signed in', async () => {
    const user = await app.people.user();
    const answer = await login(user.email);
    expect(answer.status).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body).toMatchObject({ tokenType: 'Bearer', expiresIn: 600, passwordChangeRequired: false });
    expect(answer.body.user).toMatchObject({ id: user.id, email: user.email });
    expect(answer.body.user.lastSignInAt).not.toBeNull();
    expect((await me(answer.body.accessToken)).status).toBe(200);
    const renewed = await refresh(answer.body.refreshToken);
    expect(renewed.headers['cache-control']).toBe('no-store');
    expect(Object.keys(renewed.body).sort()).toEqual(Object.keys(answer.body).sort());
  });

  it('knows people by address and by user name, in any case and composition', async () => {
    const username = unique('Zoë-');
    const user = await app.people.user({ username, email: `${unique('zoë')}@bücher.example` });
    const spellings = [
      username,
      username.toUpperCase(),
      username.normalize('NFD'),
      user.email.toUpperCase(),
      ` ${user.email} `,
      user.email.replace('bücher', 'xn--bcher-kva'),
    ];
    for (const spelling of spellings) expect((await login(spelling)).body.user.id).toBe(user.id);
  });

  it('never takes a user name for an address', async () => {
    const username = unique('vik');
    const user = await app.people.user({ username });
    await app.people.user({ email: `${username.slice(0, -1)}@${username}` });
    expect((await login(username)).body.user.id).toBe(user.id);
  });

  it.each(['admin', 'root', 'administrator', 'admin@localhost', 'roster'])('S10 has no account %s', async (name) => {
    for (const password of ['admin', 'password', 'changeme', 'roster', name])
      expect(await login(name, password)).toMatchObject({ status: 401, body: { code: 'sign_in_failed' } });
  });

  it('S64 records each refusal once, with who, what and where', async () => {
    const user = await app.people.user();
    const answer = await login(user.email, 'not the password at all');
    const facts = await app.sql(
      `SELECT type, subject, data, private FROM roster.events WHERE private->>'requestId' = $1`,
      [answer.headers['x-request-id']],
    );
    expect(facts).toEqual([
      {
        type: 'sign_in.refused',
        subject: `users/${user.id}`,
        data: { userId: user.id, reason: 'password' },
        private: expect.objectContaining({ ip: '127.0.0.1' }) as object,
      },
    ]);
    expect(JSON.stringify(facts)).not.toContain('not the password');
  });

  it('refuses who was suspended, and lets in again who was reinstated', async () => {
    const user = await app.people.user();
    await ada.put(`/api/v1/users/${user.id}/suspension`, { reason: 'left' });
    expect(await login(user.email)).toMatchObject({ status: 403, body: { code: 'account_suspended' } });
    await ada.delete(`/api/v1/users/${user.id}/suspension`);
    expect((await login(user.email)).status).toBe(200);
  });

  it('refuses who was deleted like who never was', async () => {
    const user = await app.people.user();
    await ada.delete(`/api/v1/users/${user.id}`);
    expect(await login(user.email)).toMatchObject({ status: 401, body: { code: 'sign_in_failed' } });
  });

  /** Somebody acts between the check of the password and the start of the session. */
  it.each([
    ['the password was changed', 401, (id: string) => app.get(Passwords).replace(id, `${Date.now()}`, null)],
    [
      'the account was deleted',
      401,
      (id: string) => app.sql('UPDATE roster.users SET deleted_at = now() WHERE id = $1', [id]),
    ],
    [
      'the account was suspended',
      403,
      (id: string) =>
        app.sql("UPDATE roster.users SET suspended_at = now(), suspension_reason = 'left' WHERE id = $1", [id]),
    ],
  ])('starts no session when %s while the hash was computed', async (_what, status, act) => {
    const user = await app.people.user();
    const hasher = app.get(PasswordHasher);
    const verify = hasher.verify.bind(hasher);
    hasher.verify = async (phc, password) => {
      const right = await verify(phc, password);
      await app.get(Database).transaction(async () => void (await act(user.id)));
      return right;
    };
    const answer = await login(user.email);
    delete (hasher as Partial<PasswordHasher>).verify;
    expect(answer.status).toBe(status);
    expect(await app.sql('SELECT id FROM roster.sessions WHERE user_id = $1', [user.id])).toEqual([]);
    expect(await app.factsAbout(user.id)).toContain('sign_in.refused');
  });

  it('hashes anew at sign-in when the parameters rose, and once', async () => {
    const user = await app.people.user();
    const weaker = new PasswordHasher({ minLength: 15, parameters: { memory: 8192, passes: 1, parallelism: 1 } });
    const old = await weaker.hash(PASSWORD);
    await weaker.close();
    await app.sql('UPDATE roster.password_hashes SET hash = $2 WHERE user_id = $1', [user.id, old]);
    const kept = async () =>
      (await app.sql<{ hash: string }>('SELECT hash FROM roster.password_hashes WHERE user_id = $1', [user.id]))[0]!
        .hash;
    const [first, second] = await Promise.all([login(user.email), login(user.email)]);
    expect([first.status, second.status]).toEqual([200, 200]);
    const renewed = await kept();
    expect(renewed).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect((await login(user.email)).status).toBe(200);
    expect(await kept()).toBe(renewed);
  });

  it('says when to come again if too many passwords wait', async () => {
    const hasher = app.get(PasswordHasher);
    hasher.verify = () => Promise.reject(new HashingBusy());
    // Asked once: whoever is patient would come again.
    const post = (url: string, payload: object) => app.app.fastify.inject({ method: 'POST', url, payload });
    const refused = await post('/api/v1/auth/login', { identifier: 'ada@example.com', password: PASSWORD });
    delete (hasher as Partial<PasswordHasher>).verify;
    hasher.check = () => Promise.reject(new HashingBusy());
    const body = { email: `${unique('busy')}@example.com`, password: NEXT };
    const unregistered = await post('/api/v1/auth/register', body);
    delete (hasher as Partial<PasswordHasher>).check;
    for (const answer of [refused, unregistered]) {
      expect([answer.statusCode, answer.json<Tokens>().code]).toEqual([503, 'too_many_sign_ins']);
      expect(answer.headers['retry-after']).toBe('2');
    }
  });

  it('S19 signing out ends the session, its refresh token and its access token; twice is refused', async () => {
    const { body } = await login((await app.people.user()).email);
    const logout = () => app.send<{ code: string }>('POST', '/api/v1/auth/logout', { token: body.accessToken });
    expect((await logout()).status).toBe(204);
    expect(await me(body.accessToken)).toMatchObject({ status: 401, body: { code: 'token_revoked' } });
    expect(await refresh(body.refreshToken)).toMatchObject({ status: 401, body: { code: 'refresh_token_invalid' } });
    expect(await logout()).toMatchObject({ status: 401, body: { code: 'token_revoked' } });
    const facts = await app.sql("SELECT id FROM roster.events WHERE type = 'session.ended' AND data->>'userId' = $1", [
      body.user.id,
    ]);
    expect(facts).toHaveLength(1);
  });

  it('S18 gives each sign-in a session of its own', async () => {
    const { email } = await app.people.user();
    const [first, second] = [await login(email), await login(email)];
    const sid = ({ body }: typeof first): string =>
      (JSON.parse(Buffer.from(body.accessToken.split('.')[1]!, 'base64url').toString()) as { sid: string }).sid;
    expect(sid(first)).not.toBe(sid(second));
    expect((await me(first.body.accessToken)).status).toBe(200);
  });

  describe('S7 a change of password', () => {
    it('needs the current one, ends the other sessions and spares this one', async () => {
      const { email } = await app.people.user();
      const [here, there] = [(await login(email)).body, (await login(email)).body];
      expect(await change(here.accessToken, 'not the password at all', NEXT)).toMatchObject({
        status: 403,
        body: { code: 'password_incorrect' },
      });
      expect((await me(there.accessToken)).status).toBe(200);
      expect((await change(here.accessToken, PASSWORD, NEXT)).status).toBe(204);
      expect(await me(there.accessToken)).toMatchObject({ status: 401, body: { code: 'token_revoked' } });
      expect((await refresh(there.refreshToken)).status).toBe(401);
      expect((await me(here.accessToken)).status).toBe(200);
      expect((await refresh(here.refreshToken)).status).toBe(200);
      expect((await login(email, PASSWORD)).status).toBe(401);
      expect((await login(email, NEXT)).status).toBe(200);
      expect(await app.factsAbout(here.user.id)).toEqual([
        'user.created',
        'password.changed',
        'password.change_refused',
        'password.changed',
        'sign_in.refused',
      ]);
    });

    it('needs a body with both', async () => {
      const { accessToken } = (await login((await app.people.user()).email)).body;
      const answer = await app.send('POST', '/api/v1/me/password', { token: accessToken, body: { newPassword: NEXT } });
      expect(answer.status).toBe(422);
    });

    it('of two at the same time lets one win', async () => {
      const { email } = await app.people.user();
      const { accessToken } = (await login(email)).body;
      const answers = await Promise.all([
        change(accessToken, PASSWORD, `${NEXT} one`),
        change(accessToken, PASSWORD, `${NEXT} two`),
      ]);
      expect(answers.map(({ status }) => status).sort()).toEqual([204, 403]);
    });

    it('cannot keep the password', async () => {
      const { accessToken } = (await login((await app.people.user()).email)).body;
      expect(await change(accessToken, PASSWORD, PASSWORD)).toMatchObject({
        status: 422,
        body: { errors: [{ pointer: '/newPassword', code: 'password_unchanged' }] },
      });
    });
  });

  it('S10 lets a one-time password do nothing but be changed', async () => {
    const { user } = await app.people.admin();
    const other = await app.people.signIn(user);
    const { oneTimePassword } = await app.get(Administrators).reset(user.email);
    expect(await me(other.token)).toMatchObject({ status: 401, body: { code: 'token_revoked' } });
    expect((await login(user.email, PASSWORD)).status).toBe(401);
    const { body } = await login(user.email, oneTimePassword!);
    expect(body.passwordChangeRequired).toBe(true);
    for (const url of ['/api/v1/me', '/api/v1/users', `/api/v1/users/${user.id}`]) {
      const refused = await app.send('GET', url, { token: body.accessToken });
      expect(refused).toMatchObject({ status: 403, body: { code: 'password_change_required' } });
    }
    const renewed = (await refresh(body.refreshToken)).body;
    expect(renewed.passwordChangeRequired).toBe(true);
    expect((await me(renewed.accessToken)).status).toBe(403);
    expect((await change(body.accessToken, oneTimePassword!, oneTimePassword!)).status).toBe(422);
    expect((await change(body.accessToken, oneTimePassword!, NEXT)).status).toBe(204);
    for (const token of [body.accessToken, renewed.accessToken]) expect((await me(token)).status).toBe(200);
    expect((await login(user.email, oneTimePassword!)).status).toBe(401);
    expect((await login(user.email, NEXT)).body.passwordChangeRequired).toBe(false);
  });

  it('finds an administrator by their address in any case', async () => {
    const { user } = await app.people.admin();
    expect((await app.get(Administrators).reset(user.email.toUpperCase())).email).toBe(user.email);
    await expect(app.get(Administrators).reset('nobody@example.com')).rejects.toThrow('is not an administrator');
  });

  it('S23 makes refresh tokens of 256 random bits', async () => {
    const { user } = await app.people.person();
    const tokens = await Promise.all(
      Array.from({ length: 20 }, async () => (await app.people.signIn(user)).refreshToken),
    );
    expect(new Set(tokens.map((token) => Buffer.from(token, 'base64url').length))).toEqual(new Set([32]));
    expect(new Set(tokens).size).toBe(tokens.length);
    const shown = await app.sql<{ text: string }>(
      'SELECT t::text AS text FROM roster.refresh_tokens t JOIN roster.sessions s ON s.id = t.session_id WHERE s.user_id = $1',
      [user.id],
    );
    for (const token of tokens)
      expect(JSON.stringify(shown)).not.toContain(Buffer.from(token, 'base64url').toString('hex'));
  });

  it('refuses a refresh token that nobody was given', async () => {
    for (const token of [randomBytes(32).toString('base64url'), 'x', ' '])
      expect(await refresh(token)).toMatchObject({ status: 401, body: { code: 'refresh_token_invalid' } });
  });
});
