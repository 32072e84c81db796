import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { mailTo, otherThan, tokenIn } from '../mail/mailbox.js';
import { awaitOwed } from '../mail/post-office.js';
import { confirmApp } from '../mfa/enrolment.js';
import type { Failure, Shown } from '../users/shapes.js';
import { atSecondStep, awaitLetter, begin, factsOf, login } from './begun.js';
import type { Begun, SignedIn } from './begun.js';
import { invite } from './invitees.js';

const NEXT = 'two green lamps behind the harbour';
const MINUTE = 60_000;
const DEAD_LINK = { status: 422, body: { code: 'link_invalid' } };
const DEAD_CODE = { status: 422, body: { code: 'code_invalid' } };

describe('a magic link', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    // Of its own, for the clock goes far ahead.
    app = await TestApp.start({
      database: await freshDatabase(`magic_${process.env['JEST_WORKER_ID']}`),
    });
  });
  beforeEach(async () => {
    ada = await app.people.admin();
  });
  afterEach(() => app.clock.run());
  afterAll(() => app.stop());

  const ask = (email: string) => app.send<{ flowId: string }>('POST', '/api/v1/auth/magic-link', { body: { email } });
  const consume = (proof: object) => app.send<SignedIn>('POST', '/api/v1/auth/magic-link/consume', { body: proof });
  const byCode = ({ flowId, code }: Begun): object => ({ flowId, code });
  const byToken = ({ token }: Begun): object => ({ token });
  const sessionsOf = (userId: string) => factsOf(app, userId, 'session.started');

  describe('signs in', () => {
    it.each([
      ['by its token', byToken],
      ['by the code of its mail', byCode],
    ])('%s', async (_what, proof) => {
      const { id, email } = await app.people.user();
      const answer = await consume(proof(await begin(app, 'magic-link', email)));
      expect(answer.status).toBe(200);
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.body).toMatchObject({ mfaRequired: false, user: { id, email, emailVerified: true } });
      const token = answer.body.accessToken;
      const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { amr: string[] };
      expect(claims.amr).toEqual(['email']);
      expect((await app.send('GET', '/api/v1/me', { token })).status).toBe(200);
      expect(await app.factsAbout(id)).toEqual([
        'user.created',
        'password.changed',
        'magic_link.started',
        'user.email_verified',
      ]);
      expect(await sessionsOf(id)).toMatchObject([{ data: { amr: ['email'] } }]);
    });

    it('whoever has not verified their address, which that does, once', async () => {
      const { id, email } = await app.people.user();
      const shown = async () => (await ada.get<Shown & { emailVerified: boolean }>(`/api/v1/users/${id}`)).body;
      expect((await shown()).emailVerified).toBe(false);
      for (let times = 0; times < 2; times += 1) await consume(byToken(await begin(app, 'magic-link', email)));
      expect((await shown()).emailVerified).toBe(true);
      expect(await factsOf(app, id, 'user.email_verified')).toHaveLength(1);
    });

    it('to the second factor where there is one, and is used up by that', async () => {
      const grace = await app.people.person();
      const { code } = await confirmApp(app, grace);
      const begun = await begin(app, 'magic-link', grace.user.email);
      const before = await sessionsOf(grace.id);
      const due = await consume(byToken(begun));
      expect(due).toMatchObject({ status: 200, body: { mfaRequired: true, methods: ['totp', 'recovery_code'] } });
      expect(due.body.accessToken).toBeUndefined();
      expect(await consume(byToken(begun))).toMatchObject(DEAD_LINK);
      expect(await sessionsOf(grace.id)).toEqual(before);
      const { mfaToken } = due.body;
      const body = { mfaToken, method: 'totp', code: code(1) };
      expect((await app.send('POST', '/api/v1/auth/mfa/verify', { body })).status).toBe(200);
      expect((await sessionsOf(grace.id)).at(-1)!.data).toMatchObject({ amr: ['email', 'otp', 'mfa'] });
    });

    it('into a browser, by cookies that no script reads (S26)', async () => {
      const { email } = await app.people.user();
      const { token } = await begin(app, 'magic-link', email);
      const answer = await consume({ token, session: 'cookie' });
      const cookies = [answer.headers['set-cookie'] ?? []].flat();
      expect(cookies).toHaveLength(2);
      for (const cookie of cookies) expect(cookie).toMatch(/^__Host-.*; Secure; HttpOnly; SameSite=Strict/);
      expect([answer.body.accessToken, answer.body.refreshToken]).toEqual([undefined, undefined]);
    });
  });

  describe('S11 is good', () => {
    it.each([
      ['the token twice', byToken, byToken, DEAD_LINK],
      ['the code twice', byCode, byCode, DEAD_CODE],
      ['the code after the token', byToken, byCode, DEAD_CODE],
      ['the token after the code', byCode, byToken, DEAD_LINK],
    ])('once: not %s', async (_what, first, second, refused) => {
      const { id, email } = await app.people.user();
      const begun = await begin(app, 'magic-link', email);
      expect((await consume(first(begun))).status).toBe(200);
      expect(await consume(second(begun))).toMatchObject(refused);
      expect(await sessionsOf(id)).toHaveLength(1);
    });

    it.each([
      ['the link for a quarter of an hour', 15 * MINUTE - 5000, byToken, { status: 200 }],
      ['the link no longer', 15 * MINUTE + 1, byToken, DEAD_LINK],
      ['the code for ten minutes (S13)', 10 * MINUTE - 5000, byCode, { status: 200 }],
      ['the code no longer (S13)', 10 * MINUTE + 1, byCode, DEAD_CODE],
    ])('in its time: %s', async (_what, later, proof, expected) => {
      app.clock.stand();
      const { id, email } = await app.people.user();
      const begun = await begin(app, 'magic-link', email);
      app.clock.advance(later);
      expect(await consume(proof(begun))).toMatchObject(expected);
      expect(await sessionsOf(id)).toHaveLength(expected.status === 200 ? 1 : 0);
    });

    it('until a newer one is sent', async () => {
      const { email } = await app.people.user();
      const first = await begin(app, 'magic-link', email);
      const second = await begin(app, 'magic-link', email, ` ${email.toUpperCase()}`);
      expect(await consume(byToken(first))).toMatchObject(DEAD_LINK);
      expect(await consume(byCode(first))).toMatchObject(DEAD_CODE);
      expect((await consume(byCode(second))).status).toBe(200);
    });

    it('until the password is changed', async () => {
      const person = await app.people.person();
      const begun = await begin(app, 'magic-link', person.user.email);
      await person.post('/api/v1/me/password', { currentPassword: PASSWORD, newPassword: NEXT });
      expect(await consume(byToken(begun))).toMatchObject(DEAD_LINK);
    });

    it('for the address that it was sent to', async () => {
      const { id, email } = await app.people.user();
      const begun = await begin(app, 'magic-link', email);
      const merge = { 'content-type': 'application/merge-patch+json' };
      await ada.patch(`/api/v1/users/${id}`, { email: `${unique('n')}@example.com` }, merge);
      expect(await consume(byToken(begun))).toMatchObject(DEAD_LINK);
      expect(await sessionsOf(id)).toEqual([]);
    });

    it('for five wrong codes, and the link all the same', async () => {
      const { id, email } = await app.people.user();
      const begun = await begin(app, 'magic-link', email);
      const wrong = { flowId: begun.flowId, code: otherThan(begun.code) };
      for (let tries = 0; tries < 5; tries += 1) expect(await consume(wrong)).toMatchObject(DEAD_CODE);
      expect(await consume(byCode(begun))).toMatchObject(DEAD_CODE);
      const refused = await app.sql("SELECT data FROM roster.events WHERE type = 'code.refused' AND subject = $1", [
        `users/${id}`,
      ]);
      expect(refused).toEqual(
        Array.from({ length: 6 }, () => ({ data: { flowId: begun.flowId, purpose: 'magic_link' } })),
      );
      expect((await consume(byToken(begun))).status).toBe(200);
    });
  });

  describe('is for nobody', () => {
    it('S9 who may not sign in: the same answer, no mail, and no proof that fits', async () => {
      const [suspended, deleted] = [await app.people.user(), await app.people.user()];
      const invited = await app.people.user({}, { invited: true });
      await ada.put(`/api/v1/users/${suspended.id}/suspension`, { reason: 'left' });
      await ada.delete(`/api/v1/users/${deleted.id}`);
      const known = await ask((await app.people.user()).email);
      for (const email of [suspended.email, deleted.email, invited.email, `${unique('nobody')}@example.com`]) {
        const answer = await ask(email);
        expect([answer.status, Object.keys(answer.body)]).toEqual([202, Object.keys(known.body)]);
        expect(Object.keys(answer.headers).sort()).toEqual(Object.keys(known.headers).sort());
        await awaitOwed(app, 0);
        expect((await mailTo(app, email)).filter(({ subject }) => subject === 'Sign in')).toEqual([]);
        expect(await consume({ flowId: answer.body.flowId, code: '123456' })).toMatchObject(DEAD_CODE);
      }
      for (const { id } of [suspended, deleted, invited]) {
        expect(await sessionsOf(id)).toEqual([]);
        expect(await factsOf(app, id, 'magic_link.started')).toEqual([]);
      }
    });

    it('who was suspended meanwhile, on record; and for them again afterwards', async () => {
      const { id, email } = await app.people.user();
      const begun = await begin(app, 'magic-link', email);
      await ada.put(`/api/v1/users/${id}/suspension`, { reason: 'asked' });
      expect(await consume(byToken(begun))).toMatchObject({ status: 403, body: { code: 'account_suspended' } });
      expect(await factsOf(app, id, 'sign_in.refused')).toMatchObject([{ data: { reason: 'suspended' } }]);
      expect(await sessionsOf(id)).toEqual([]);
      await ada.delete(`/api/v1/users/${id}/suspension`);
      expect((await consume(byToken(begun))).status).toBe(200);
    });

    it.each([
      ['without a second factor', false],
      ['with a second factor', true],
    ])('who was deleted meanwhile, %s', async (_what, factor) => {
      const person = await app.people.person();
      if (factor) await confirmApp(app, person);
      const begun = await begin(app, 'magic-link', person.user.email);
      const before = await sessionsOf(person.id);
      await ada.delete(`/api/v1/users/${person.id}`);
      expect(await consume(byToken(begun))).toMatchObject(DEAD_LINK);
      expect(await consume(byCode(begun))).toMatchObject({ status: 422 });
      expect(await sessionsOf(person.id)).toEqual(before);
    });

    it('at the second step, who was deleted between the steps', async () => {
      const grace = await app.people.person();
      const { mfaToken, code } = await atSecondStep(app, grace);
      await ada.delete(`/api/v1/users/${grace.id}`);
      const body = { mfaToken, method: 'totp', code };
      expect(await app.send('POST', '/api/v1/auth/mfa/verify', { body })).toMatchObject(DEAD_LINK);
    });
  });

  it('S29 has its token after the "#", and leads to the page of sign-ins', async () => {
    const { email } = await app.people.user();
    const { mail, token } = await begin(app, 'magic-link', email);
    expect(mail.text).toContain(`http://127.0.0.1:3000/account/sign-in#token=${token}`);
  });

  it('is mailed in German to whoever reads it', async () => {
    const { email } = await app.people.user({ locale: 'de' });
    await ask(email);
    const mail = await awaitLetter(app, email, 'Anmelden');
    expect((await consume({ token: tokenIn(mail) })).status).toBe(200);
  });
});

interface Started {
  readonly token: string;
  readonly flowId: string | null;
  readonly code: string | null;
}

describe('A14 S35 what was begun for one purpose', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.admin();
  });
  afterAll(() => app.stop());

  /** By purpose: begins one, for somebody of its own. */
  const STARTS: Readonly<Record<string, () => Promise<Started>>> = {
    registration: () => begin(app, 'register', `${unique('r')}@example.com`),
    email_verification: async () => begin(app, 'email/resend', (await app.people.user()).email),
    email_change: async () => {
      const email = `${unique('c')}@example.com`;
      const person = await app.people.person();
      const { body } = await person.post<{ flowId: string }>('/api/v1/me/email', { email });
      const mail = await awaitLetter(app, email, 'Confirm your address');
      return { token: tokenIn(mail), flowId: body.flowId, code: /\b\d{6}\b/.exec(mail.text)![0] };
    },
    email_revert: async () => {
      const person = await app.people.person();
      await person.post('/api/v1/me/email', { email: `${unique('c')}@example.com` });
      const mail = await awaitLetter(app, person.user.email, 'Your account is to have another address');
      return { token: tokenIn(mail), flowId: null, code: null };
    },
    password_reset: async () => begin(app, 'password/forgot', (await app.people.user()).email),
    magic_link: async () => begin(app, 'magic-link', (await app.people.user()).email),
    invitation: async () => {
      const { invitation, token, code } = await invite(app, ada);
      return { token, flowId: invitation.flowId, code };
    },
    second_factor: async () => {
      const { mfaToken } = await atSecondStep(app, await app.people.person());
      return { token: mfaToken, flowId: null, code: null };
    },
  };

  /** By door: the purposes that it is for, and what it is sent beside a proof. */
  const DOORS: Readonly<Record<string, { readonly purposes: readonly string[]; readonly more: object }>> = {
    'email/verify': {
      purposes: ['registration', 'email_verification', 'email_change'],
      more: { password: PASSWORD },
    },
    'password/reset': { purposes: ['password_reset'], more: { password: NEXT } },
    'magic-link/consume': { purposes: ['magic_link'], more: {} },
    'invitations/accept': { purposes: ['invitation'], more: { password: NEXT } },
  };
  const TOKEN_DOORS: Readonly<
    Record<string, { readonly purposes: readonly string[]; readonly body: (token: string) => object }>
  > = {
    'email/revert': { purposes: ['email_revert'], body: (token) => ({ token }) },
    'mfa/verify': {
      purposes: ['second_factor'],
      body: (mfaToken) => ({ mfaToken, method: 'totp', code: '123456' }),
    },
    'passkeys/options': { purposes: ['second_factor'], body: (mfaToken) => ({ mfaToken }) },
  };
  const ALL_TOKEN_DOORS = [
    ...Object.entries(DOORS).map(([door, { purposes, more }]) => ({
      door,
      purposes,
      body: (token: string): object => ({ token, ...more }),
    })),
    ...Object.entries(TOKEN_DOORS).map(([door, { purposes, body }]) => ({ door, purposes, body })),
  ];

  const knock = (door: string, body: object) => app.send<Failure>('POST', `/api/v1/auth/${door}`, { body });
  const live = async (token: string): Promise<boolean> => {
    const [row] = await app.sql<{ live: boolean }>(
      `SELECT used_at IS NULL AND superseded_at IS NULL AND tries_left = 5 AS live
       FROM roster.flows WHERE token_hash = sha256($1::bytea)`,
      [Buffer.from(token)],
    );
    return row!.live;
  };

  /** What the own door answers, where that is not 200. */
  const OWN: Readonly<Record<string, number>> = { password_reset: 204, email_revert: 204, second_factor: 401 };

  it('has a door of its own, each of the eight', () => {
    expect(Object.keys(STARTS).sort()).toEqual(
      [...new Set(ALL_TOKEN_DOORS.flatMap(({ purposes }) => purposes))].sort(),
    );
  });

  it.each(Object.keys(STARTS))('opens no other door and is not used up by it: %s', async (purpose) => {
    const { token, flowId, code } = await STARTS[purpose]!();
    for (const { door, body } of ALL_TOKEN_DOORS.filter(({ purposes }) => !purposes.includes(purpose)))
      expect([door, await knock(door, body(token))]).toMatchObject([door, DEAD_LINK]);
    for (const [door, { more }] of Object.entries(DOORS).filter(([, { purposes }]) => !purposes.includes(purpose)))
      if (flowId !== null && code !== null)
        expect([door, await knock(door, { flowId, code, ...more })]).toMatchObject([door, DEAD_CODE]);
    // Nor is it a token of any other kind.
    const refreshed = await knock('refresh', { refreshToken: token });
    expect(refreshed).toMatchObject({ status: 401, body: { code: 'refresh_token_invalid' } });
    expect((await app.send('GET', '/api/v1/me', { token })).status).toBe(401);
    const grace = await app.people.person();
    await confirmApp(app, grace);
    const body = { identifier: grace.user.email, password: PASSWORD, deviceToken: token };
    expect((await app.send<SignedIn>('POST', '/api/v1/auth/login', { body })).body.mfaRequired).toBe(true);
    expect(await live(token)).toBe(true);
  });

  it.each(Object.keys(STARTS))('still opens its own: %s', async (purpose) => {
    const { token } = await STARTS[purpose]!();
    const { door, body } = ALL_TOKEN_DOORS.find(({ purposes }) => purposes.includes(purpose))!;
    // Of a second factor the code is not right: it is looked at.
    const { status } = await knock(door, body(token));
    expect([door, status]).toEqual([door, OWN[purpose] ?? 200]);
  });

  it('is no token of a session or a key, either', async () => {
    const person = await app.people.person();
    const key = await app.people.byKey(person, ['me']);
    const { mfaToken } = await atSecondStep(app, person);
    const [step] = await factsOf(app, person.id, 'session.started');
    for (const token of [
      person.token,
      person.refreshToken,
      key.token,
      person.sessionId,
      step!.data['sessionId'] as string,
    ])
      for (const { door, body } of ALL_TOKEN_DOORS) {
        const { status, body: problem } = await knock(door, body(token));
        // Longer than any that we mail.
        expect([door, status, problem.code]).toEqual([
          door,
          422,
          token.length > 200 ? 'validation_failed' : 'link_invalid',
        ]);
      }
    expect(await live(mfaToken)).toBe(true);
    expect((await login(app, person.user.email)).body.mfaRequired).toBe(true);
  });
});
