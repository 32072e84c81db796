import { PasswordHasher, Passwords } from '../../src/passwords/index.js';
import { Database } from '../../src/platform/database/database.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Answer } from '../harness/household.js';
import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { awaitMail, codeIn, otherThan } from '../mail/mailbox.js';
import { addApp, addPasskey, asked, confirmApp } from '../mfa/enrolment.js';
import type { ConfirmedApp } from '../mfa/enrolment.js';
import { claimsIn, factsOf, login, refusalIn, sessionsOf, typesOf, verify, whoCameIn } from './sign-ins.js';
import type { SignIn } from './sign-ins.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const NEXT = 'two green lamps behind the harbour';
const INVALID = [401, 'factor_invalid'];
const GONE = [422, 'link_invalid'];

describe('the second step of a sign-in', () => {
  let app: TestApp;
  let grace: Person;
  let factor: ConfirmedApp;

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`second_step_${process.env['JEST_WORKER_ID']}`),
    });
  });
  beforeEach(async () => {
    grace = await app.people.person();
    factor = await confirmApp(app, grace);
  });
  afterEach(() => app.clock.run());
  afterAll(() => app.stop());

  const due = async (who = grace): Promise<SignIn> => (await login(app, who.user)).body;
  /** A code that was not shown before. */
  const code = (of = factor): string => {
    app.clock.advance(MINUTE);
    return of.code();
  };
  const totp = (shown: string): object => ({ method: 'totp', code: shown });
  const optionsFor = async (body: object) => {
    const answer = await app.send<{ challengeId: string; options: object }>('POST', '/api/v1/auth/passkeys/options', {
      body,
    });
    return asked(answer.body);
  };
  const mailed = async (path: string, mails = 1): Promise<{ flowId: string; code: string }> => {
    const { email } = grace.user;
    const { body } = await app.send<{ flowId: string }>('POST', `/api/v1/auth/${path}`, { body: { email } });
    const message = await newestOf(path === 'magic-link' ? /sign in/i : /password/i, email, mails);
    return { flowId: body.flowId, code: codeIn(message) };
  };
  const newestOf = async (subject: RegExp, email: string, mails: number) => {
    for (let count = 1; ; count += 1) {
      const found = (await awaitMail(app, email, count)).filter((mail) => subject.test(mail.subject));
      if (found.length >= mails) return found[0]!;
    }
  };

  describe('is due', () => {
    it('for whoever has a confirmed factor, and starts no session before', async () => {
      const before = await sessionsOf(app, grace.id);
      const answer = await login(app, grace.user);
      expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
      expect(answer.body).toEqual({
        mfaRequired: true,
        mfaToken: expect.stringMatching(/^[\w-]{43}$/) as string,
        methods: ['totp', 'recovery_code'],
      });
      expect(answer.headers['set-cookie']).toBeUndefined();
      expect(await sessionsOf(app, grace.id)).toBe(before);
      expect(await factsOf(app, answer)).toEqual([]);
      // The token itself is nowhere kept.
      const kept = await app.sql<{ text: string }>('SELECT to_jsonb(f)::text AS text FROM roster.flows f');
      for (const { text } of kept) expect(text).not.toContain(answer.body.mfaToken);
    });

    it('for nobody who only began to add one', async () => {
      const eve = await app.people.person();
      await addApp(app, eve);
      const answer = await login(app, eve.user);
      expect(answer.body).toMatchObject({ mfaRequired: false, user: { id: eve.id } });
      expect(claimsIn(answer.body.accessToken).amr).toEqual(['pwd']);
      expect(await typesOf(app, answer)).toEqual(['session.started']);
    });

    it('never before the password was right: the answer does not tell who has a factor (S9)', async () => {
      const wrong = { password: 'not the password at all' };
      const refused = await login(app, grace.user, wrong);
      const other = await login(app, await app.people.user(), wrong);
      expect(refusalIn(refused)).toEqual([401, 'sign_in_failed']);
      const bare = ({ body }: Answer<SignIn>): object => ({ ...body, requestId: '', instance: '' });
      expect(bare(refused)).toEqual(bare(other));
    });

    it('after a link by mail too', async () => {
      const answer = await app.send<SignIn>('POST', '/api/v1/auth/magic-link/consume', {
        body: await mailed('magic-link'),
      });
      expect(answer.body).toMatchObject({ mfaRequired: true, methods: ['totp', 'recovery_code'] });
      expect(await typesOf(app, answer)).not.toContain('session.started');
      const entered = await verify(app, answer.body.mfaToken, totp(code()));
      expect(claimsIn(entered.body.accessToken).amr).toEqual(['email', 'otp', 'mfa']);
    });

    it('after a reset of the password as ever (S12)', async () => {
      const body = { ...(await mailed('password/forgot')), password: NEXT };
      const reset = await app.send('POST', '/api/v1/auth/password/reset', { body });
      expect([reset.status, reset.text]).toEqual([204, '']);
      expect((await login(app, grace.user, { password: NEXT })).body).toMatchObject({ mfaRequired: true });
    });
  });

  describe('is passed', () => {
    it('by a code of an app, which the token tells', async () => {
      const { mfaToken } = await due();
      const answer = await verify(app, mfaToken, totp(code()));
      expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
      expect(answer.body).toMatchObject({ mfaRequired: false, expiresIn: 600, user: { id: grace.id } });
      const { sid, amr } = claimsIn(answer.body.accessToken);
      expect(amr).toEqual(['pwd', 'otp', 'mfa']);
      expect(await factsOf(app, answer)).toMatchObject([
        {
          type: 'session.started',
          subject: `sessions/${sid}`,
          data: { sessionId: sid, userId: grace.id, amr },
          private: { actorId: grace.id, ip: '127.0.0.1' },
        },
      ]);
      expect((await whoCameIn(app, grace.user, answer.body).get('/api/v1/me')).status).toBe(200);
      // What was shown once is shown for the whole session.
      const { body } = await app.send<SignIn>('POST', '/api/v1/auth/refresh', {
        body: { refreshToken: answer.body.refreshToken },
      });
      expect(claimsIn(body.accessToken).amr).toEqual(amr);
    });

    it('by a recovery code, once, which is told', async () => {
      const proof = { method: 'recovery_code', code: factor.recoveryCodes[0]! };
      const answer = await verify(app, (await due()).mfaToken, proof);
      expect(claimsIn(answer.body.accessToken).amr).toEqual(['pwd', 'rcv', 'mfa']);
      expect(await typesOf(app, answer)).toEqual(['recovery_code.used', 'session.started']);
      const again = await verify(app, (await due()).mfaToken, proof);
      expect(refusalIn(again)).toEqual(INVALID);
      expect(await factsOf(app, again)).toMatchObject([
        { type: 'second_step.refused', data: { userId: grace.id, method: 'recovery_code' } },
      ]);
    });

    it('by a passkey of theirs', async () => {
      const { id, authenticator } = await addPasskey(app, grace);
      const { mfaToken, methods } = await due();
      expect(methods).toEqual(['totp', 'passkey', 'recovery_code']);
      const { challengeId, options } = await optionsFor({ mfaToken });
      expect(options.allowCredentials?.map((each) => each.id)).toEqual([authenticator.id.toString('base64url')]);
      const response = authenticator.get(options);
      const answer = await verify(app, mfaToken, { method: 'passkey', challengeId, response });
      expect(claimsIn(answer.body.accessToken).amr).toEqual(['pwd', 'hwk', 'user', 'mfa']);
      expect((await grace.get<{ lastUsedAt: string }>(`/api/v1/me/passkeys/${id}`)).body.lastUsedAt).not.toBeNull();
    });

    it('by a passkey alone without the first: it is both', async () => {
      const { authenticator } = await addPasskey(app, grace);
      const { challengeId, options } = await optionsFor({});
      const answer = await app.send<SignIn>('POST', '/api/v1/auth/passkeys/verify', {
        body: { challengeId, response: authenticator.get(options) },
      });
      expect(answer.body).toMatchObject({ mfaRequired: false, user: { id: grace.id } });
      expect(claimsIn(answer.body.accessToken).amr).toEqual(['hwk', 'user', 'mfa']);
      expect(await typesOf(app, answer)).toEqual(['session.started']);
    });

    it.each([
      ['no method', {}],
      ['no code', { method: 'totp' }],
      ['a passkey without its answer', { method: 'passkey', code: '123456' }],
      ['a passkey without its challenge', { method: 'passkey', response: {} }],
    ])('never by %s', async (_, proof) => {
      const answer = await verify(app, (await due()).mfaToken, proof);
      expect(refusalIn(answer)).toEqual([422, 'validation_failed']);
      expect(answer.body.errors).toMatchObject([{ pointer: '/method', code: 'proof_incomplete' }]);
      expect(await factsOf(app, answer)).toEqual([]);
    });
  });

  describe('is refused', () => {
    it('by a wrong code, each time on record (S64), and the first step still counts', async () => {
      const { mfaToken } = await due();
      const answer = await verify(app, mfaToken, totp(otherThan(factor.code())));
      expect(refusalIn(answer)).toEqual(INVALID);
      expect(await factsOf(app, answer)).toEqual([
        {
          type: 'second_step.refused',
          subject: `users/${grace.id}`,
          data: { userId: grace.id, method: 'totp' },
          private: expect.objectContaining({ ip: '127.0.0.1' }) as object,
        },
      ]);
      expect((await verify(app, mfaToken, totp(code()))).status).toBe(200);
    });

    it('S13 by a code that was shown before, in this flow or in another', async () => {
      const [first, second] = [await due(), await due()];
      const shown = code();
      expect((await verify(app, first.mfaToken, totp(shown))).status).toBe(200);
      expect(refusalIn(await verify(app, second.mfaToken, totp(shown)))).toEqual(INVALID);
    });

    it('S15 by what belongs to somebody else’s flow', async () => {
      const eve = await app.people.person();
      const hers = await confirmApp(app, eve);
      const passkey = await addPasskey(app, eve);
      const [mine, theirs] = [await due(), await due(eve)];
      expect(refusalIn(await verify(app, mine.mfaToken, totp(code(hers))))).toEqual(INVALID);
      expect(refusalIn(await verify(app, theirs.mfaToken, totp(factor.code())))).toEqual(INVALID);
      const recovery = { method: 'recovery_code', code: factor.recoveryCodes[0]! };
      expect(refusalIn(await verify(app, theirs.mfaToken, recovery))).toEqual(INVALID);
      const { challengeId, options } = await optionsFor({ mfaToken: theirs.mfaToken });
      const response = passkey.authenticator.get(options);
      const refused = await verify(app, mine.mfaToken, { method: 'passkey', challengeId, response });
      expect(refusalIn(refused)).toEqual(INVALID);
      expect(await factsOf(app, refused)).toMatchObject([
        { type: 'second_step.refused', subject: `users/${grace.id}`, data: { method: 'passkey' } },
      ]);
      // Nothing of it was used up.
      expect((await verify(app, theirs.mfaToken, { method: 'passkey', challengeId, response })).status).toBe(200);
      expect((await verify(app, mine.mfaToken, recovery)).status).toBe(200);
    });

    it('S15 by the challenge of another door: that of a sign-in, or of a registration', async () => {
      const { authenticator } = await addPasskey(app, grace);
      const { mfaToken } = await due();
      const [signIn, second] = [await optionsFor({}), await optionsFor({ mfaToken })];
      const { body } = await (
        await app.people.signIn(grace.user, ['pwd', 'hwk', 'user', 'mfa'])
      ).post<{ challengeId: string; options: { challenge: string } }>('/api/v1/me/passkeys/options');
      for (const { challengeId, options } of [signIn, body]) {
        const response = authenticator.get({ challenge: options.challenge, rpId: second.options.rpId });
        const answer = await verify(app, mfaToken, { method: 'passkey', challengeId, response });
        expect(refusalIn(answer)).toEqual(INVALID);
      }
      const response = authenticator.get(second.options);
      const alone = await app.send<SignIn>('POST', '/api/v1/auth/passkeys/verify', {
        body: { challengeId: second.challengeId, response },
      });
      expect(refusalIn(alone)).toEqual(INVALID);
      expect(await factsOf(app, alone)).toMatchObject([
        { type: 'second_step.refused', data: { userId: null, method: 'passkey' } },
      ]);
    });

    it('S15 by the mailed code of one flow in another', async () => {
      const eve = await app.people.person();
      const start = async ({ user: { email } }: Person): Promise<{ flowId: string; code: string }> => {
        const { body } = await app.send<{ flowId: string }>('POST', '/api/v1/auth/magic-link', { body: { email } });
        return { flowId: body.flowId, code: codeIn(await newestOf(/sign in/i, email, 1)) };
      };
      const [mine, hers] = [await start(grace), await start(eve)];
      const consume = (body: object) => app.send<SignIn>('POST', '/api/v1/auth/magic-link/consume', { body });
      expect(refusalIn(await consume({ flowId: mine.flowId, code: hers.code }))).toEqual([422, 'code_invalid']);
      const refused = await consume({ flowId: hers.flowId, code: mine.code });
      expect(refusalIn(refused)).toEqual([422, 'code_invalid']);
      expect(await typesOf(app, refused)).toEqual(['code.refused']);
      expect((await consume(hers)).body).toMatchObject({ mfaRequired: false, user: { id: eve.id } });
    });

    it('S14 after 20 wrong codes over 5 flows at once, whatever flow comes then', async () => {
      const flows = await Promise.all(Array.from({ length: 5 }, () => due()));
      const wrong = otherThan(factor.code());
      const guesses = Array.from({ length: 20 }, (_, at) => verify(app, flows[at % 5]!.mfaToken, totp(wrong)));
      const answers = (await Promise.all(guesses)).map(refusalIn);
      const heard = answers.filter(([status]) => status === 401).length;
      expect(heard).toBeLessThanOrEqual(5);
      expect(answers.filter(([status]) => status === 429)).toHaveLength(20 - heard);
      expect(await app.factsAbout(grace.id)).toEqual(
        expect.arrayContaining(['second_step.refused', 'factor.codes_blocked', 'account.guesses_blocked']),
      );
      // The right one neither, in any flow of theirs; nor in one that begins now.
      const right = factor.code(1);
      for (const { mfaToken } of flows) expect((await verify(app, mfaToken, totp(right))).status).toBe(429);
      const refused = await verify(app, flows[0]!.mfaToken, totp(right));
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
      // Somebody else is heard from the same place.
      const eve = await app.people.person();
      const hers = await confirmApp(app, eve);
      expect((await verify(app, (await due(eve)).mfaToken, totp(hers.code(1)))).status).toBe(200);
      // Who owns the account gets in by what nobody can guess, once the pause of the place is over.
      app.clock.advance(20 * MINUTE);
      const recovery = { method: 'recovery_code', code: factor.recoveryCodes[0]! };
      expect((await verify(app, (await due()).mfaToken, recovery)).status).toBe(200);
    });
  });

  describe('its token', () => {
    it('is good once', async () => {
      const { mfaToken } = await due();
      expect((await verify(app, mfaToken, totp(code()))).status).toBe(200);
      const again = await verify(app, mfaToken, totp(code()));
      expect(refusalIn(again)).toEqual(GONE);
      expect(await factsOf(app, again)).toEqual([]);
      const options = { body: { mfaToken } };
      const asking = await app.send<SignIn>('POST', '/api/v1/auth/passkeys/options', options);
      expect(refusalIn(asking)).toEqual(GONE);
    });

    it('lets one of ten in that come at once, each with a right code of its own (A30)', async () => {
      const { mfaToken } = await due();
      const before = await sessionsOf(app, grace.id);
      const answers = await Promise.all(
        factor.recoveryCodes.map((each) => verify(app, mfaToken, { method: 'recovery_code', code: each })),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const answer of answers.filter(({ status }) => status !== 200)) expect([422, 429]).toContain(answer.status);
      expect(await sessionsOf(app, grace.id)).toBe(before + 1);
    });

    it('ends after ten minutes', async () => {
      app.clock.stand();
      const [late, inTime] = [await due(), await due()];
      app.clock.advance(10 * MINUTE - 1000);
      expect((await verify(app, inTime.mfaToken, totp(factor.code()))).status).toBe(200);
      app.clock.advance(1000);
      const answer = await verify(app, late.mfaToken, totp(code()));
      expect(refusalIn(answer)).toEqual(GONE);
      expect(await factsOf(app, answer)).toEqual([]);
    });

    it('takes nothing from that of another tab', async () => {
      const [first, second] = [await due(), await due()];
      expect((await verify(app, second.mfaToken, totp(code()))).status).toBe(200);
      expect((await verify(app, first.mfaToken, totp(code()))).status).toBe(200);
    });

    it.each([
      ['an empty text', '', 'validation_failed'],
      ['a letter', 'x', 'link_invalid'],
      ['another of its length', 'x'.repeat(43), 'link_invalid'],
      ['a longer text', 'x'.repeat(201), 'validation_failed'],
    ])('is not %s', async (_, mfaToken, refusal) => {
      expect(refusalIn(await verify(app, mfaToken, totp(factor.code())))).toEqual([422, refusal]);
    });
  });

  describe('between the steps', () => {
    it('a password that its owner changed ends what began with the old one', async () => {
      const { mfaToken } = await due();
      const body = { currentPassword: PASSWORD, newPassword: NEXT };
      expect((await grace.post('/api/v1/me/password', body)).status).toBe(204);
      const answer = await verify(app, mfaToken, totp(code()));
      expect(refusalIn(answer)).toEqual(GONE);
      expect(await typesOf(app, answer)).not.toContain('session.started');
    });

    it('so does one that was changed by somebody else, at the last moment', async () => {
      const { mfaToken } = await due();
      const hash = await app.get(PasswordHasher).hash(NEXT);
      await app.get(Database).transaction(() => app.get(Passwords).replace(grace.id, hash, null));
      const answer = await verify(app, mfaToken, totp(code()));
      expect(refusalIn(answer)).toEqual([401, 'sign_in_failed']);
      expect(await factsOf(app, answer)).toMatchObject([
        { type: 'sign_in.refused', data: { userId: grace.id, reason: 'password' } },
      ]);
      expect(await sessionsOf(app, grace.id)).toBe(0);
    });

    it('a suspension is told, and a deletion is not', async () => {
      const admin = await app.people.admin();
      const { mfaToken } = await due();
      await admin.put(`/api/v1/users/${grace.id}/suspension`, { reason: 'left' });
      const suspended = await verify(app, mfaToken, totp(code()));
      expect(refusalIn(suspended)).toEqual([403, 'account_suspended']);
      expect(await factsOf(app, suspended)).toMatchObject([{ type: 'sign_in.refused', data: { reason: 'suspended' } }]);
      await admin.delete(`/api/v1/users/${grace.id}/suspension`);
      const again = await due();
      expect((await (await app.people.admin()).delete(`/api/v1/users/${grace.id}`)).status).toBe(204);
      const deleted = await verify(app, again.mfaToken, totp(code()));
      expect(refusalIn(deleted)).toEqual(GONE);
      expect(await typesOf(app, deleted)).toEqual([]);
    });

    it('a factor that was taken away shows nothing any more', async () => {
      const { mfaToken } = await due();
      const admin = await app.people.admin();
      const reset = await admin.post(`/api/v1/users/${grace.id}/factors/reset`, { reason: 'Lost their telephone' });
      expect(reset.status).toBe(204);
      expect(refusalIn(await verify(app, mfaToken, totp(code())))).toEqual(INVALID);
      expect((await due()).mfaRequired).toBe(false);
    });
  });

  it('is over for whoever was deleted and comes by a passkey, as for whoever never was', async () => {
    const { authenticator } = await addPasskey(app, grace);
    const { challengeId, options } = await optionsFor({});
    await (await app.people.admin()).delete(`/api/v1/users/${grace.id}`);
    const answer = await app.send<SignIn>('POST', '/api/v1/auth/passkeys/verify', {
      body: { challengeId, response: authenticator.get(options) },
    });
    expect(refusalIn(answer)).toEqual([401, 'sign_in_failed']);
    expect(await typesOf(app, answer)).toEqual(['sign_in.refused']);
  });

  describe('on a trusted device', () => {
    const trusted = async (): Promise<string> => {
      const answer = await verify(app, (await due()).mfaToken, totp(code()), { trustDevice: true });
      expect(await typesOf(app, answer)).toEqual(['session.started', 'trusted_device.added']);
      return answer.body.deviceToken;
    };

    it('is skipped for 30 days', async () => {
      const deviceToken = await trusted();
      expect(deviceToken).toMatch(/^[\w-]{43}$/);
      const answer = await login(app, grace.user, { deviceToken });
      expect(answer.body).toMatchObject({ mfaRequired: false, user: { id: grace.id } });
      // The token tells what was shown, and that was the password.
      expect(claimsIn(answer.body.accessToken).amr).toEqual(['pwd']);
      const byMail = { ...(await mailed('magic-link')), deviceToken };
      const consumed = await app.send<SignIn>('POST', '/api/v1/auth/magic-link/consume', { body: byMail });
      expect(consumed.body.mfaRequired).toBe(false);
      app.clock.advance(30 * DAY - MINUTE);
      expect((await login(app, grace.user, { deviceToken })).body.mfaRequired).toBe(false);
      app.clock.advance(MINUTE);
      expect((await login(app, grace.user, { deviceToken })).body.mfaRequired).toBe(true);
    });

    it('is asked for where nobody said to trust it, and never given twice', async () => {
      const answer = await verify(app, (await due()).mfaToken, totp(code()));
      expect(answer.body).not.toHaveProperty('deviceToken');
      for (const deviceToken of ['x', unique('x'), answer.body.refreshToken, answer.body.accessToken.slice(0, 200)])
        expect((await login(app, grace.user, { deviceToken })).body.mfaRequired).toBe(true);
      const first = await trusted();
      const again = await login(app, grace.user, { deviceToken: first });
      expect(again.body).not.toHaveProperty('deviceToken');
    });

    it('is skipped for its owner alone, and never without the password', async () => {
      const deviceToken = await trusted();
      const eve = await app.people.person();
      await confirmApp(app, eve);
      expect((await login(app, eve.user, { deviceToken })).body.mfaRequired).toBe(true);
      const wrong = await login(app, grace.user, { deviceToken, password: 'not the password at all' });
      expect(refusalIn(wrong)).toEqual([401, 'sign_in_failed']);
    });

    it.each(['one', 'all'])('is asked for again when its owner trusts %s no longer', async (which) => {
      const deviceToken = await trusted();
      const owner = await app.people.signIn(grace.user, ['pwd', 'otp', 'mfa']);
      const { body } = await owner.get<{ data: { id: string }[] }>('/api/v1/me/devices');
      const path = which === 'one' ? `/api/v1/me/devices/${body.data[0]!.id}` : '/api/v1/me/devices';
      const removed = await owner.delete(path);
      expect([removed.status, await typesOf(app, removed)]).toEqual([204, ['trusted_device.removed']]);
      expect((await login(app, grace.user, { deviceToken })).body.mfaRequired).toBe(true);
    });
  });
});
