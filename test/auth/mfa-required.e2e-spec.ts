import { jest } from '@jest/globals';

import { Administrators } from '../../src/auth/index.js';
import { Mfa } from '../../src/mfa/index.js';
import type { ShownRole } from '../access/shapes.js';
import { operationsOf } from '../../src/platform/http/document.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { addressOf } from '../harness/scenes.js';
import { addPasskey, asked, confirmApp } from '../mfa/enrolment.js';
import { claimsIn, login, refusalIn, typesOf, verify, whoCameIn } from './sign-ins.js';
import type { SignIn } from './sign-ins.js';

jest.setTimeout(180_000);

const STEP_UP = '/api/v1/auth/step-up';
const DUE = [403, 'second_factor_required'];
const NEXT = 'two green lamps behind the harbour';
/** To add a factor and to show it, to see who one is, and to leave. */
const ALLOWED = [
  ...['auth.logout', 'auth.stepUp', 'auth.stepUpOptions', 'me.changePassword', 'me.get'],
  ...['factors.add', 'factors.confirm', 'factors.get', 'factors.list'],
  ...['passkeys.get', 'passkeys.list', 'passkeys.options', 'passkeys.register'],
];

describe('a role that asks for a second factor', () => {
  let app: TestApp;
  let admin: Person;
  let role: ShownRole;
  let grace: Person;

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`mfa_required_${process.env['JEST_WORKER_ID']}`),
    });
    admin = await app.people.admin();
    role = await makeRole(true);
  });
  beforeEach(async () => {
    grace = await app.people.person({}, ['user', role.name]);
  });
  afterAll(() => app.stop());

  async function makeRole(mfaRequired: boolean): Promise<ShownRole> {
    const body = { name: unique('r'), permissions: ['users:read'], mfaRequired };
    return (await admin.post<ShownRole>('/api/v1/roles', body)).body;
  }
  const stepUp = async (who: Person, proof: object): Promise<Person> => {
    const { body } = await who.post<SignIn>(STEP_UP, proof);
    return whoCameIn(app, who.user, body);
  };
  const users = (who: Person) => who.get<{ code: string }>('/api/v1/users?limit=1');

  it('lets whoever has it do nothing but add a factor and show it', async () => {
    const answered: string[] = [];
    for (const { operation, method, path } of operationsOf(app.app.document)) {
      if (operation['x-permission'] === 'public') continue;
      // Somebody new for each: to sign out is allowed.
      const somebody = await app.people.signIn(grace.user);
      const url = addressOf(path, {}, grace.id);
      const answer = await somebody.send<{ code: string } | null>(method.toUpperCase(), url, {
        ...(operation.requestBody ? { body: {} } : {}),
      });
      if (answer.body?.code !== 'second_factor_required') answered.push(operation.operationId);
      else expect(answer.status).toBe(403);
    }
    expect(answered.sort()).toEqual([...ALLOWED].sort());
  });

  it('is satisfied by an app that was added and shown', async () => {
    expect(refusalIn(await users(grace))).toEqual(DUE);
    const { code } = await confirmApp(app, grace);
    // It was added, and this session has not shown it.
    expect(refusalIn(await users(grace))).toEqual(DUE);
    const shown = await stepUp(grace, { method: 'totp', code: code(1) });
    expect((await users(shown)).status).toBe(200);
    expect(await app.factsAbout(grace.id)).toEqual(expect.arrayContaining(['factor.added', 'factor.confirmed']));
  });

  it('is satisfied by a passkey that was added and shown', async () => {
    const { authenticator } = await addPasskey(app, grace);
    expect(refusalIn(await users(grace))).toEqual(DUE);
    const { body } = await grace.post<{ challengeId: string; options: object }>(`${STEP_UP}/options`);
    const { challengeId, options } = asked(body);
    const response = authenticator.get(options);
    const shown = await stepUp(grace, { method: 'passkey', challengeId, response });
    expect((await users(shown)).status).toBe(200);
  });

  it('is satisfied by whoever signs in with a factor, refresh after refresh, and not by a password alone', async () => {
    const { code } = await confirmApp(app, grace);
    const { body: due } = await login(app, grace.user);
    const { body } = await verify(app, due.mfaToken, { method: 'totp', code: code(1) });
    expect((await users(whoCameIn(app, grace.user, body))).status).toBe(200);
    const again = await app.send<SignIn>('POST', '/api/v1/auth/refresh', { body: { refreshToken: body.refreshToken } });
    expect((await users(whoCameIn(app, grace.user, again.body))).status).toBe(200);
    // The session from before they had the factor.
    expect(refusalIn(await users(grace))).toEqual(DUE);
  });

  it('is not satisfied by a step-up with the password', async () => {
    const answer = await grace.post<SignIn>(STEP_UP, { password: PASSWORD });
    expect([answer.status, claimsIn(answer.body.accessToken).amr]).toEqual([200, ['pwd']]);
    expect(refusalIn(await users(whoCameIn(app, grace.user, answer.body)))).toEqual(DUE);
  });

  it('is not satisfied by a trusted device: it shows the password alone', async () => {
    await confirmApp(app, grace);
    const { token: deviceToken } = await app.get(Mfa).trust(grace.id);
    const { body } = await login(app, grace.user, { deviceToken });
    expect(body.mfaRequired).toBe(false);
    expect(refusalIn(await users(whoCameIn(app, grace.user, body)))).toEqual(DUE);
  });

  it('asks for another factor of whoever removed theirs, at the next sign-in', async () => {
    const { id, code } = await confirmApp(app, grace);
    const shown = await stepUp(grace, { method: 'totp', code: code(1) });
    expect((await shown.delete(`/api/v1/me/mfa/factors/${id}`)).status).toBe(204);
    const { body } = await login(app, grace.user);
    expect(body.mfaRequired).toBe(false);
    expect(refusalIn(await users(whoCameIn(app, grace.user, body)))).toEqual(DUE);
  });

  it('asks at once where it begins to, and of whoever is given it; and no longer when it ends (S57)', async () => {
    const later = await makeRole(false);
    const eve = await app.people.person({}, ['user', later.name]);
    const put = (roles: string[]) => admin.put(`/api/v1/users/${eve.id}/roles`, { roles });
    const ask = (mfaRequired: boolean) => admin.patch(`/api/v1/roles/${later.id}`, { mfaRequired });
    expect((await users(eve)).status).toBe(200);
    const changed = await ask(true);
    expect([changed.status, await typesOf(app, changed)]).toEqual([200, ['role.changed']]);
    expect(refusalIn(await users(eve))).toEqual(DUE);
    await ask(false);
    expect((await users(eve)).status).toBe(200);
    await put(['user', role.name]);
    expect(refusalIn(await users(eve))).toEqual(DUE);
    await put(['user']);
    expect((await eve.get('/api/v1/me/sessions')).status).toBe(200);
  });

  it('is no dead end for whoever has a one-time password: first the password, then the factor', async () => {
    const { email, oneTimePassword } = await app.get(Administrators).create(`${unique('ada')}@example.com`);
    const [{ id }] = (await app.sql('SELECT id FROM roster.users WHERE email = $1', [email])) as [{ id: string }];
    await admin.put(`/api/v1/users/${id}/roles`, { roles: ['admin', 'user', role.name] });
    const signIn = async (password: string) =>
      (await app.send<SignIn>('POST', '/api/v1/auth/login', { body: { identifier: email, password } })).body;
    const first = await signIn(oneTimePassword!);
    const change = { currentPassword: oneTimePassword, newPassword: NEXT };
    const answer = await app.send('POST', '/api/v1/me/password', { token: first.accessToken, body: change });
    expect(answer.status).toBe(204);
    const second = whoCameIn(app, { ...grace.user, id, email }, await signIn(NEXT));
    expect(refusalIn(await users(second))).toEqual(DUE);
    const { code } = await confirmApp(app, second);
    expect((await users(await stepUp(second, { method: 'totp', code: code(1) }))).status).toBe(200);
  });

  it('asks for nothing of a key, which somebody made who had shown it', async () => {
    const { code } = await confirmApp(app, grace);
    const shown = await stepUp(grace, { method: 'totp', code: code(1) });
    const key = await app.people.byKey(shown, ['users:read']);
    expect((await users(key)).status).toBe(200);
  });
});
