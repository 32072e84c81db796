import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { awaitMail, codeIn, tokenIn } from '../mail/mailbox.js';
import { addApp, confirmApp } from '../mfa/enrolment.js';
import type { Failure, Shown } from '../users/shapes.js';
import { awaitLetter, begin, factsOf, login } from './begun.js';

const NEXT = 'two green lamps behind the harbour';
const EVIL = 'nineteen grey herons by the pond';
const TOLD = 'Your account is to have another address';
const MINUTE = 60_000;

/** Each of them regressed once: a hostile reviewer got in, or locked the owner out. */
describe('somebody who was in another’s account, or wants to be', () => {
  let app: TestApp;
  let ada: Person;
  let owner: Person;

  beforeAll(async () => {
    // Of its own, for the clock goes ahead.
    app = await TestApp.start({
      database: await freshDatabase(`takeover_${process.env['JEST_WORKER_ID']}`),
    });
  });
  beforeEach(async () => {
    ada = await app.people.admin();
    owner = await app.people.person();
  });
  afterAll(() => app.stop());

  const post = (url: string, body: object) => app.send<Failure>('POST', `/api/v1/auth/${url}`, { body });
  const reset = async (email: string, password = NEXT) => {
    const { token } = await begin(app, 'password/forgot', email);
    return post('password/reset', { token, password });
  };
  const evil = () => `${unique('evil')}@example.com`;
  /** A change that is asked for, and its proof by code. */
  const wants = async (person: Person, email: string): Promise<{ flowId: string; code: string; token: string }> => {
    const { body } = await person.post<{ flowId: string }>('/api/v1/me/email', { email });
    const mail = await awaitLetter(app, email, 'Confirm your address');
    return { flowId: body.flowId, code: codeIn(mail), token: tokenIn(mail) };
  };

  it('makes no account with their own password, when the owner of the address asks for the mail again', async () => {
    const email = `${unique('victim')}@example.com`;
    await begin(app, 'register', email);
    await post('register', { email, password: EVIL });
    const { flowId, code } = await begin(app, 'email/resend', email);
    expect((await post('email/verify', { flowId, code })).status).toBe(422);
    expect((await post('email/verify', { flowId, code, password: PASSWORD })).body.code).toBe('password_incorrect');
    expect(await app.sql('SELECT 1 FROM roster.users WHERE email_key = $1', [email])).toEqual([]);
  });

  describe('and is put out by the owner of the address', () => {
    it('loses what they added, and the password that they knew', async () => {
      const { email } = owner.user;
      const thief = await app.people.signIn(owner.user);
      const { body: key } = await thief.post<{ secret: string }>('/api/v1/me/tokens', { name: 'x', scopes: ['me'] });
      await confirmApp(app, thief);
      const { flowId, code } = await wants(thief, evil());
      expect((await post('email/verify', { flowId, code })).status).toBe(200);
      expect((await post('email/revert', { token: tokenIn(await awaitLetter(app, email, TOLD, 2)) })).status).toBe(204);
      expect((await app.send('GET', '/api/v1/me', { token: key.secret })).status).toBe(401);
      expect((await login(app, email)).body.code).toBe('sign_in_failed');
      expect(await factsOf(app, owner.id, 'password.removed')).toHaveLength(1);
      expect(await factsOf(app, owner.id, 'factor.removed')).toHaveLength(1);
      const offer = await awaitLetter(app, email, 'Choose a new password');
      expect((await post('password/reset', { token: tokenIn(offer), password: NEXT })).status).toBe(204);
      // Neither the thief's factor is asked for, nor is the owner kept out.
      expect((await login(app, email, NEXT)).body).toHaveProperty('accessToken');
    });

    it('leaves the factor that the owner had before', async () => {
      await confirmApp(app, owner);
      app.clock.advance(1000);
      const thief = await app.people.signIn(owner.user, ['pwd', 'otp', 'mfa']);
      await wants(thief, evil());
      const back = tokenIn(await awaitLetter(app, owner.user.email, TOLD));
      expect((await post('email/revert', { token: back })).status).toBe(204);
      const offer = await awaitLetter(app, owner.user.email, 'Choose a new password');
      await post('password/reset', { token: tokenIn(offer), password: NEXT });
      expect((await login(app, owner.user.email, NEXT)).body.mfaRequired).toBe(true);
    });

    it('keeps no personal token, and no trusted device, through a reset', async () => {
      const { code } = await confirmApp(app, owner);
      const { body: key } = await owner.post<{ secret: string }>('/api/v1/me/tokens', { name: 'x', scopes: ['me'] });
      const { mfaToken } = (await login(app, owner.user.email)).body;
      const shown = { mfaToken, method: 'totp', code: code(1), trustDevice: true };
      const { body } = await app.send<{ deviceToken: string }>('POST', '/api/v1/auth/mfa/verify', { body: shown });
      expect(body.deviceToken).toBeDefined();
      expect((await reset(owner.user.email)).status).toBe(204);
      expect((await app.send('GET', '/api/v1/me', { token: key.secret })).status).toBe(401);
      const again = { identifier: owner.user.email, password: NEXT, deviceToken: body.deviceToken };
      expect((await app.send('POST', '/api/v1/auth/login', { body: again })).body).toMatchObject({ mfaRequired: true });
    });
  });

  describe('and asked for another address', () => {
    it.each([
      ['suspended it', (id: string) => ada.put(`/api/v1/users/${id}/suspension`, { reason: 'taken over' })],
      ['reset its factors', (id: string) => ada.post(`/api/v1/users/${id}/factors/reset`, { reason: 'taken over' })],
      ['signed it out', (id: string) => ada.post(`/api/v1/users/${id}/sessions/revocation`, { reason: 'taken over' })],
      ['gave it another', (id: string) => ada.patch(`/api/v1/users/${id}`, { email: `${unique('n')}@example.com` })],
    ])('does not get it after an administrator %s', async (_what, measure) => {
      const { flowId, code, token } = await wants(owner, evil());
      expect((await measure(owner.id)).status).toBeLessThan(300);
      expect((await post('email/verify', { flowId, code })).status).toBe(422);
      expect((await post('email/verify', { token, password: PASSWORD })).body.code).toBe('link_invalid');
    });

    it('cannot cancel what another asked for; and a stranger’s click gives them nothing', async () => {
      const wanted = evil();
      const mine = await wants(owner, wanted);
      const theirs = await app.people.person();
      await theirs.post('/api/v1/me/email', { email: wanted });
      const tokens = (await awaitMail(app, wanted, 2)).map(tokenIn);
      const token = tokens.find((each) => each !== mine.token)!;
      const click = await post('email/verify', { token });
      expect(click).toMatchObject({ status: 422, body: { errors: [{ pointer: '/password', code: 'required' }] } });
      const guess = await post('email/verify', { token, password: EVIL });
      expect(guess).toMatchObject({ status: 403, body: { code: 'password_incorrect' } });
      expect(await factsOf(app, theirs.id, 'email_change.refused')).toHaveLength(1);
      expect((await post('email/verify', { flowId: mine.flowId, code: mine.code })).status).toBe(200);
    });
  });

  describe('and administers', () => {
    it('does not move their own account without a proof: S16', async () => {
      const refused = await ada.patch<Failure>(`/api/v1/users/${ada.id}`, { email: evil() });
      expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/email', code: 'own_email' }] } });
    });

    it('does not move another’s in silence: S17', async () => {
      const { email } = owner.user;
      const to = evil();
      expect((await ada.patch<Shown>(`/api/v1/users/${owner.id}`, { email: to })).body.email).toBe(to);
      const back = tokenIn(await awaitLetter(app, email, TOLD));
      expect((await post('email/revert', { token: back })).status).toBe(204);
      expect((await ada.get<Shown>(`/api/v1/users/${owner.id}`)).body.email).toBe(email);
    });

    it('makes no key that opens another’s own account, unless they might act in their place', async () => {
      const clerk = await app.people.withPermissions('api-keys:write', 'users:write');
      const wanted = { name: 'x', userId: owner.id, scopes: ['me'] };
      expect((await clerk.post<Failure>('/api/v1/api-keys', wanted)).body.code).toBe('privilege_ceiling');
    });

    it('stops acting for others when they are signed out', async () => {
      const boss = await app.people.admin();
      const { body } = await boss.post<{ accessToken: string }>(`/api/v1/users/${owner.id}/impersonation`, {
        reason: 'Ticket 4711',
      });
      const as = (method: string, url: string, asked: object = {}) =>
        app.send<Failure>(method, `/api/v1/${url}`, { token: body.accessToken, ...asked });
      expect((await as('GET', 'me')).status).toBe(200);
      // Nor does it put out the owner, or their password.
      expect((await as('DELETE', 'me/sessions')).status).toBe(403);
      const change = { body: { currentPassword: PASSWORD, newPassword: EVIL } };
      expect((await as('POST', 'me/password', change)).body.code).toBe('reauthentication_required');
      expect((await owner.get('/api/v1/me')).status).toBe(200);
      await ada.post(`/api/v1/users/${boss.id}/sessions/revocation`, { reason: 'taken over' });
      expect((await as('GET', 'me')).status).toBe(401);
    });
  });

  describe('and comes from a trusted device, or long ago', () => {
    it('shows the factor before anything is done about factors', async () => {
      const { id, code } = await confirmApp(app, owner);
      app.clock.advance(1000);
      const trusted = await app.people.signIn(owner.user, ['pwd']);
      const refused = { status: 403, body: { code: 'reauthentication_required' } };
      expect(await trusted.post<Failure>('/api/v1/me/mfa/recovery-codes')).toMatchObject(refused);
      expect(await trusted.delete<Failure>(`/api/v1/me/mfa/factors/${id}`)).toMatchObject(refused);
      expect(await trusted.post<Failure>('/api/v1/me/mfa/factors', { kind: 'totp', name: 'x' })).toMatchObject(refused);
      const { body } = await trusted.post<{ accessToken: string }>('/api/v1/auth/step-up', {
        method: 'totp',
        code: code(1),
      });
      const stepped = { token: body.accessToken };
      expect((await app.send('DELETE', `/api/v1/me/mfa/factors/${id}`, stepped)).status).toBe(204);
    });

    it('whoever has just added one need not show it again', async () => {
      const { id } = await confirmApp(app, owner);
      expect((await addApp(app, owner, 'Tablet')).id).not.toBe(id);
    });

    it('changes no password, telephone or user name: S16', async () => {
      const key = await app.people.byKey(owner, ['me']);
      app.clock.advance(6 * MINUTE);
      for (const who of [key, owner]) {
        const change = { currentPassword: PASSWORD, newPassword: NEXT };
        expect((await who.post<Failure>('/api/v1/me/password', change)).body.code).toBe('reauthentication_required');
        for (const member of [{ phone: '+4930123456' }, { username: unique('u') }])
          expect((await who.patch<Failure>('/api/v1/me', member)).body.code).toBe('reauthentication_required');
        expect((await who.patch('/api/v1/me', { name: 'Grace' })).status).toBe(200);
      }
      expect((await key.delete<Failure>('/api/v1/me/sessions')).body.code).toBe('permission_denied');
    });
  });

  it('finds no password for one use, once its owner came by another way', async () => {
    await app.sql('UPDATE roster.password_hashes SET change_required_at = now() WHERE user_id = $1', [owner.id]);
    const { token } = await begin(app, 'magic-link', owner.user.email);
    expect((await post('magic-link/consume', { token })).status).toBe(200);
    expect((await login(app, owner.user.email)).body.code).toBe('sign_in_failed');
  });
});
