import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { awaitMail, codeIn, mailTo, otherThan, tokenIn } from '../mail/mailbox.js';
import { awaitOwed } from '../mail/post-office.js';
import { confirmApp } from '../mfa/enrolment.js';
import type { Failure, Shown } from '../users/shapes.js';
import { awaitLetter, begin, factsOf, login } from './begun.js';
import type { SignedIn } from './begun.js';
import { invite } from './invitees.js';

const NEXT = 'two green lamps behind the harbour';
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const DEAD_LINK = { status: 422, body: { code: 'link_invalid' } };
const DEAD_CODE = { status: 422, body: { code: 'code_invalid' } };
const CONFIRM = 'Confirm your address';
const TOLD = 'Your account is to have another address';

type Verified = Shown & { emailVerified: boolean } & Failure;

/** A change that was asked for, and the proofs of both mails. */
interface Asked {
  readonly person: Person;
  readonly old: string;
  readonly wanted: string;
  readonly flowId: string;
  readonly code: string;
  readonly token: string;
  readonly back: string;
}

describe('another address', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    // Of its own, for the clock goes far ahead.
    app = await TestApp.start({
      database: await freshDatabase(`addresses_${process.env['JEST_WORKER_ID']}`),
    });
  });
  beforeEach(async () => {
    ada = await app.people.admin();
  });
  afterEach(() => app.clock.run());
  afterAll(() => app.stop());

  const change = (person: Person, email: string) =>
    person.post<{ flowId: string } & Failure>('/api/v1/me/email', { email });
  /** The link of a change wants the password of the account. */
  const verify = (proof: object) =>
    app.send<Verified>('POST', '/api/v1/auth/email/verify', {
      body: 'token' in proof ? { password: PASSWORD, ...proof } : proof,
    });
  const revert = (token: string) => app.send<Failure>('POST', '/api/v1/auth/email/revert', { body: { token } });
  const cancel = (person: Person) => person.post('/api/v1/me/email/cancellation');
  const addressOf = async (id: string): Promise<string> => (await ada.get<Shown>(`/api/v1/users/${id}`)).body.email;

  async function asked(person?: Person, wanted = `${unique('New.')}@Example.com`): Promise<Asked> {
    const owner = person ?? (await app.people.person());
    const { body } = await change(owner, wanted);
    const mail = await awaitLetter(app, wanted, CONFIRM);
    const told = await awaitLetter(app, owner.user.email, TOLD);
    return {
      ...{ person: owner, old: owner.user.email, wanted, flowId: body.flowId },
      ...{ code: codeIn(mail), token: tokenIn(mail), back: tokenIn(told) },
    };
  }

  /** The way back that is mailed when the change is done. */
  async function confirmed({ old, token, ...rest }: Asked): Promise<Asked> {
    expect((await verify({ token })).status).toBe(200);
    return { ...rest, old, token, back: tokenIn(await awaitLetter(app, old, TOLD, 2)) };
  }

  describe('is had', () => {
    it.each([
      ['by the link', ({ token }: Asked): object => ({ token })],
      ['by the code', ({ flowId, code }: Asked): object => ({ flowId, code })],
    ])('once it is confirmed, %s, and not before', async (_what, proof) => {
      const begun = await asked();
      const { id } = begun.person;
      expect(await addressOf(id)).toBe(begun.old);
      expect((await login(app, begun.wanted)).body.code).toBe('sign_in_failed');
      const answer = await verify(proof(begun));
      expect(answer).toMatchObject({ status: 200, body: { id, email: begun.wanted, emailVerified: true } });
      expect((await login(app, begun.wanted)).status).toBe(200);
      expect((await login(app, begun.old)).body.code).toBe('sign_in_failed');
      expect((await app.factsAbout(id)).slice(2)).toEqual(['email_change.started', 'user.email_changed']);
      const [fact] = await factsOf(app, id, 'user.email_changed');
      expect(fact!.private).toMatchObject({ before: { email: begun.old }, after: { email: begun.wanted } });
      expect(await verify(proof(begun))).toMatchObject({ status: 422 });
    });

    it('by whoever is signed in: the sessions go on', async () => {
      const begun = await confirmed(await asked());
      expect((await begun.person.get('/api/v1/me')).status).toBe(200);
    });

    it('also where it is the same one in other letters', async () => {
      const person = await app.people.person();
      const wanted = person.user.email.toUpperCase();
      await change(person, wanted);
      const mail = await awaitLetter(app, wanted, CONFIRM);
      expect((await verify({ token: tokenIn(mail) })).body.email).toBe(wanted);
    });

    it('by the newest request alone', async () => {
      const first = await asked();
      const second = await asked(first.person);
      expect(await verify({ token: first.token })).toMatchObject(DEAD_LINK);
      expect(await verify({ flowId: first.flowId, code: first.code })).toMatchObject(DEAD_CODE);
      expect((await verify({ token: second.token })).body.email).toBe(second.wanted);
    });

    it.each([
      ['the link within the hour', 60 * MINUTE - 5000, true, 200],
      ['the link no longer', 60 * MINUTE + 1, true, 422],
      ['the code within ten minutes (S13)', 10 * MINUTE - 5000, false, 200],
      ['the code no longer (S13)', 10 * MINUTE + 1, false, 422],
    ])('in time: %s', async (_what, later, link, status) => {
      app.clock.stand();
      const { person, token, flowId, code, old, wanted } = await asked();
      app.clock.advance(later);
      ada = await app.people.admin();
      expect((await verify(link ? { token } : { flowId, code })).status).toBe(status);
      expect(await addressOf(person.id)).toBe(status === 200 ? wanted : old);
    });

    it('not with five wrong codes', async () => {
      const { person, flowId, code, old } = await asked();
      for (let tries = 0; tries < 5; tries += 1)
        expect(await verify({ flowId, code: otherThan(code) })).toMatchObject(DEAD_CODE);
      expect(await verify({ flowId, code })).toMatchObject(DEAD_CODE);
      expect(await addressOf(person.id)).toBe(old);
    });

    it('not by who was deleted meanwhile', async () => {
      const { person, token } = await asked();
      await ada.delete(`/api/v1/users/${person.id}`);
      expect(await verify({ token })).toMatchObject(DEAD_LINK);
      expect(await factsOf(app, person.id, 'user.email_changed')).toEqual([]);
    });

    it('not where somebody else had it first', async () => {
      const { person, token, old, wanted } = await asked();
      await app.people.user({ email: wanted });
      expect(await verify({ token })).toMatchObject({ status: 409, body: { code: 'email_taken' } });
      expect(await addressOf(person.id)).toBe(old);
    });
  });

  describe('S9 that is taken', () => {
    it('gets the same answer, and its owner is told without a proof', async () => {
      const person = await app.people.person();
      const { email: taken } = await app.people.user();
      const [free, answer] = [
        await change(person, `${unique('n')}@example.com`),
        await change(person, taken.toUpperCase()),
      ];
      expect([answer.status, Object.keys(answer.body)]).toEqual([free.status, Object.keys(free.body)]);
      expect(Object.keys(answer.headers).sort()).toEqual(Object.keys(free.headers).sort());
      const mail = await awaitLetter(app, taken, 'You already have an account');
      expect(mail.text).not.toMatch(/#token=|\b\d{6}\b/);
      expect(await verify({ flowId: answer.body.flowId, code: '123456' })).toMatchObject(DEAD_CODE);
      // The own address is told of either alike.
      await awaitLetter(app, person.user.email, TOLD, 2);
    });
  });

  describe('S17 is told at the old one', () => {
    it('at once, with a way back and nothing that confirms', async () => {
      const { person, old, back } = await asked();
      const mail = await awaitLetter(app, old, TOLD);
      expect(mail.text).toContain(`http://127.0.0.1:3000/account/revert-email#token=${back}`);
      expect(mail.text.replace(/#token=\S+/g, '')).not.toMatch(/\b\d{6}\b/);
      expect(await verify({ token: back })).toMatchObject(DEAD_LINK);
      expect(await addressOf(person.id)).toBe(old);
    });

    it('in German to whoever reads it, as is the new one', async () => {
      const person = await app.people.person({ locale: 'de-CH' });
      const wanted = `${unique('neu')}@example.com`;
      await change(person, wanted);
      await awaitLetter(app, person.user.email, 'Ihr Konto soll eine andere Adresse bekommen');
      await awaitLetter(app, wanted, 'Bestätigen Sie Ihre Adresse');
    });
  });

  describe('is undone from the old one', () => {
    /** Everything that was open is shut, and the owner is offered a new password. */
    async function expectReverted({ person, old, wanted }: Asked): Promise<void> {
      expect(await addressOf(person.id)).toBe(old);
      expect(await person.get('/api/v1/me')).toMatchObject({ status: 401, body: { code: 'token_revoked' } });
      expect((await factsOf(app, person.id, 'session.ended')).map(({ data }) => data['reason'])).toEqual([
        'email_reverted',
      ]);
      expect(await factsOf(app, person.id, 'email_change.reverted')).toHaveLength(1);
      expect(await factsOf(app, person.id, 'password_reset.started')).toHaveLength(1);
      const offer = await awaitLetter(app, old, 'Choose a new password');
      expect(await awaitMail(app, wanted)).toHaveLength(1);
      const body = { token: tokenIn(offer), password: NEXT };
      expect((await app.send('POST', '/api/v1/auth/password/reset', { body })).status).toBe(204);
      expect((await login(app, old, NEXT)).status).toBe(200);
    }

    it('before the new one is confirmed: what was begun is dead', async () => {
      const begun = await asked();
      expect((await revert(begun.back)).status).toBe(204);
      expect(await verify({ token: begun.token })).toMatchObject(DEAD_LINK);
      expect(await verify({ flowId: begun.flowId, code: begun.code })).toMatchObject(DEAD_CODE);
      expect(await factsOf(app, begun.person.id, 'user.email_changed')).toEqual([]);
      await expectReverted(begun);
      expect(await revert(begun.back)).toMatchObject(DEAD_LINK);
    });

    it('after the new one was confirmed', async () => {
      const first = await asked();
      const begun = await confirmed(first);
      expect(await revert(first.back)).toMatchObject(DEAD_LINK);
      expect((await revert(begun.back)).status).toBe(204);
      await expectReverted(begun);
      expect((await factsOf(app, begun.person.id, 'user.email_changed')).at(-1)!.private).toMatchObject({
        before: { email: begun.wanted },
        after: { email: begun.old },
      });
      expect(await revert(begun.back)).toMatchObject(DEAD_LINK);
    });

    it('also after whoever did it made further changes', async () => {
      const first = await confirmed(await asked());
      const { person } = first;
      await person.post('/api/v1/me/password', { currentPassword: PASSWORD, newPassword: `${NEXT} stolen` });
      const reset = await begin(app, 'password/forgot', first.wanted);
      const body = { token: reset.token, password: `${NEXT} taken` };
      expect((await app.send('POST', '/api/v1/auth/password/reset', { body })).status).toBe(204);
      const again = await app.people.signIn(person.user);
      const third = `${unique('third')}@example.com`;
      await change(again, third);
      const token = tokenIn(await awaitLetter(app, third, CONFIRM));
      expect((await verify({ token, password: body.password })).status).toBe(200);
      // Their own way back does not shut that of the owner, who came before them.
      const theirs = tokenIn(await awaitLetter(app, first.wanted, TOLD, 2));
      expect((await revert(theirs)).status).toBe(204);
      expect(await addressOf(person.id)).toBe(first.wanted);
      expect((await revert(first.back)).status).toBe(204);
      expect(await addressOf(person.id)).toBe(first.old);
      const link = { token: tokenIn(await awaitLetter(app, first.wanted, 'Choose a new password', 2)), password: NEXT };
      expect(await app.send('POST', '/api/v1/auth/password/reset', { body: link })).toMatchObject(DEAD_LINK);
    });

    it('and the one who came later has no way back any more', async () => {
      const first = await confirmed(await asked());
      const third = `${unique('third')}@example.com`;
      await change(first.person, third);
      await verify({ token: tokenIn(await awaitLetter(app, third, CONFIRM)) });
      const theirs = tokenIn(await awaitLetter(app, first.wanted, TOLD, 2));
      expect((await revert(first.back)).status).toBe(204);
      expect(await revert(theirs)).toMatchObject(DEAD_LINK);
      expect(await addressOf(first.person.id)).toBe(first.old);
    });

    it.each([
      ['within a week', 7 * DAY - MINUTE, 204],
      ['no later', 7 * DAY + 1, 422],
    ])('%s', async (_what, later, status) => {
      const { back, person, old, wanted } = await confirmed(await asked());
      app.clock.advance(later);
      expect((await revert(back)).status).toBe(status);
      ada = await app.people.admin();
      expect(await addressOf(person.id)).toBe(status === 204 ? old : wanted);
    });

    it('not where somebody else has it by now: then nothing changes', async () => {
      const { back, person, old, wanted } = await confirmed(await asked());
      await app.people.user({ email: old });
      expect(await revert(back)).toMatchObject({ status: 409, body: { code: 'email_taken' } });
      expect(await addressOf(person.id)).toBe(wanted);
    });

    it('not where the account is no more', async () => {
      const { back, person } = await confirmed(await asked());
      await ada.delete(`/api/v1/users/${person.id}`);
      expect(await revert(back)).toMatchObject(DEAD_LINK);
    });
  });

  describe('is given up', () => {
    it('which ends what was begun, and says so once', async () => {
      const { person, token, flowId, code, old } = await asked();
      for (let times = 0; times < 2; times += 1) expect((await cancel(person)).status).toBe(204);
      expect(await verify({ token })).toMatchObject(DEAD_LINK);
      expect(await verify({ flowId, code })).toMatchObject(DEAD_CODE);
      expect(await addressOf(person.id)).toBe(old);
      expect(await factsOf(app, person.id, 'email_change.cancelled')).toHaveLength(1);
    });

    it('by the owner alone', async () => {
      const { person, token, wanted } = await asked();
      expect((await cancel(await app.people.person())).status).toBe(204);
      expect((await app.send('POST', '/api/v1/me/email/cancellation')).status).toBe(401);
      expect((await verify({ token })).body.email).toBe(wanted);
      expect(await factsOf(app, person.id, 'email_change.cancelled')).toEqual([]);
    });
  });

  describe('S16 wants a recent sign-in', () => {
    it('and says so as RFC 9470 does; one is enough', async () => {
      const person = await app.people.person();
      app.clock.advance(6 * MINUTE);
      const wanted = `${unique('n')}@example.com`;
      const refused = await change(person, wanted);
      expect(refused).toMatchObject({ status: 403, body: { code: 'reauthentication_required' } });
      expect(refused.headers['www-authenticate']).toMatch(
        /^Bearer realm="roster", error="insufficient_user_authentication", error_description="[^"]+", max_age="300"$/,
      );
      await awaitOwed(app, 0);
      expect([await mailTo(app, wanted), await mailTo(app, person.user.email)]).toEqual([[], []]);
      expect(await factsOf(app, person.id, 'email_change.started')).toEqual([]);
      const shown = await person.post<SignedIn>('/api/v1/auth/step-up', { password: PASSWORD });
      expect(shown.status).toBe(200);
      const token = shown.body.accessToken;
      const taken = await app.send('POST', '/api/v1/me/email', { token, body: { email: wanted } });
      expect(taken.status).toBe(202);
    });

    it('in the fifth minute too, and a refresh is none', async () => {
      app.clock.stand();
      const person = await app.people.person();
      app.clock.advance(5 * MINUTE - 5000);
      expect((await change(person, `${unique('n')}@example.com`)).status).toBe(202);
      app.clock.advance(MINUTE);
      const { refreshToken } = person;
      const { body } = await app.send<SignedIn>('POST', '/api/v1/auth/refresh', { body: { refreshToken } });
      const wanted = { email: `${unique('n')}@example.com` };
      const again = await app.send('POST', '/api/v1/me/email', { token: body.accessToken, body: wanted });
      expect(again).toMatchObject({ status: 403, body: { code: 'reauthentication_required' } });
    });

    it('of the second factor, from whoever has one', async () => {
      const grace = await app.people.person();
      const { code } = await confirmApp(app, grace);
      app.clock.advance(6 * MINUTE);
      const refused = await grace.post<Failure>('/api/v1/auth/step-up', { password: PASSWORD });
      expect(refused).toMatchObject({ status: 422, body: { errors: [{ code: 'factor_required' }] } });
      const shown = await grace.post<SignedIn>('/api/v1/auth/step-up', { method: 'totp', code: code() });
      const body = { email: `${unique('n')}@example.com` };
      expect((await app.send('POST', '/api/v1/me/email', { token: shown.body.accessToken, body })).status).toBe(202);
    });

    it('and never takes a key, nor somebody who acts for another', async () => {
      const person = await app.people.person();
      const key = await app.people.byKey(person, ['me']);
      const { body } = await ada.post<{ accessToken: string }>(`/api/v1/users/${person.id}/impersonation`, {
        reason: 'Ticket 4711',
      });
      for (const token of [key.token, body.accessToken]) {
        const wanted = { email: `${unique('n')}@example.com` };
        const refused = await app.send('POST', '/api/v1/me/email', { token, body: wanted });
        expect(refused).toMatchObject({ status: 403, body: { code: 'reauthentication_required' } });
      }
      expect(await factsOf(app, person.id, 'email_change.started')).toEqual([]);
    });
  });

  describe('the mail to confirm one', () => {
    it('is sent again for a registration, with the first one dead', async () => {
      const email = `${unique('again')}@example.com`;
      const first = await begin(app, 'register', email);
      const second = await begin(app, 'email/resend', email);
      expect(await verify({ flowId: first.flowId, code: first.code })).toMatchObject(DEAD_CODE);
      expect(await verify({ token: first.token, password: PASSWORD })).toMatchObject(DEAD_LINK);
      // Whoever asked for it again need not be whoever chose the password: a stranger may have applied in between.
      const bare = await verify({ flowId: second.flowId, code: second.code });
      expect(bare).toMatchObject({ status: 422, body: { errors: [{ pointer: '/password', code: 'required' }] } });
      const made = await verify({ flowId: second.flowId, code: second.code, password: PASSWORD });
      expect(made).toMatchObject({ status: 200, body: { email, name: 'Grace Hopper', emailVerified: true } });
      expect((await login(app, email)).status).toBe(200);
    });

    it.each([
      ['the token', ({ token }: { token: string }): object => ({ token })],
      ['the code', ({ flowId, code }: { flowId: string; code: string }): object => ({ flowId, code })],
    ])('is sent again for an account that is not verified, and %s verifies it', async (_what, proof) => {
      const { id, email } = await app.people.user();
      const begun = await begin(app, 'email/resend', email);
      expect(await verify(proof(begun))).toMatchObject({ status: 200, body: { id, email, emailVerified: true } });
      expect((await app.factsAbout(id)).slice(2)).toEqual(['email_verification.started', 'user.email_verified']);
      expect(await verify(proof(begun))).toMatchObject({ status: 422 });
      expect(await factsOf(app, id, 'user.email_verified')).toHaveLength(1);
    });

    it('does not verify another address than it was sent to', async () => {
      const { id, email } = await app.people.user();
      const { token } = await begin(app, 'email/resend', email);
      const merge = { 'content-type': 'application/merge-patch+json' };
      await ada.patch(`/api/v1/users/${id}`, { email: `${unique('n')}@example.com` }, merge);
      expect(await verify({ token })).toMatchObject(DEAD_LINK);
      expect(await factsOf(app, id, 'user.email_verified')).toEqual([]);
    });

    it('S9 is not sent to others, who get the same answer', async () => {
      const verified = await app.people.user();
      await verify({ token: (await begin(app, 'email/resend', verified.email)).token });
      const suspended = await app.people.user();
      await ada.put(`/api/v1/users/${suspended.id}/suspension`, { reason: 'left' });
      const known = await app.people.user();
      const resend = (email: string) =>
        app.send<{ flowId: string }>('POST', '/api/v1/auth/email/resend', { body: { email } });
      const sent = await resend(known.email);
      for (const email of [verified.email, suspended.email, `${unique('nobody')}@example.com`]) {
        await awaitOwed(app, 0);
        const before = (await mailTo(app, email)).length;
        const answer = await resend(email);
        expect([answer.status, Object.keys(answer.body)]).toEqual([202, Object.keys(sent.body)]);
        await awaitOwed(app, 0);
        expect(await mailTo(app, email)).toHaveLength(before);
        expect(await verify({ flowId: answer.body.flowId, code: '123456' })).toMatchObject(DEAD_CODE);
      }
    });
  });

  describe('A13 the link of a registration', () => {
    it('makes no account without the password of the registration: a stranger may have begun it', async () => {
      const email = `${unique('victim')}@example.com`;
      const { token } = await begin(app, 'register', email);
      expect(await verify({ token, password: undefined })).toMatchObject({
        status: 422,
        body: { code: 'validation_failed', errors: [{ pointer: '/password', code: 'required' }] },
      });
      expect(await verify({ token, password: NEXT })).toMatchObject({
        status: 403,
        body: { code: 'password_incorrect' },
      });
      expect(await app.sql('SELECT id FROM roster.users WHERE email = $1', [email])).toEqual([]);
      const made = await verify({ token, password: PASSWORD });
      expect(made).toMatchObject({ status: 200, body: { email } });
      expect(await factsOf(app, made.body.id, 'registration.confirmed')).toHaveLength(1);
      expect(await verify({ token, password: PASSWORD })).toMatchObject(DEAD_LINK);
    });

    it('lets nobody guess that password', async () => {
      const { token } = await begin(app, 'register', `${unique('guess')}@example.com`);
      const statuses: number[] = [];
      for (let guesses = 0; guesses < 12; guesses += 1)
        statuses.push((await verify({ token, password: `${NEXT} ${guesses}` })).status);
      expect(statuses).toEqual([...Array.from({ length: 10 }, () => 403), 429, 429]);
      expect(await verify({ token, password: PASSWORD })).toMatchObject({ body: { code: 'too_many_guesses' } });
    });
  });
});

describe('who may register', () => {
  const apps: TestApp[] = [];
  const start = async (settings: Record<string, string>): Promise<TestApp> => {
    const app = await TestApp.start({ settings });
    apps.push(app);
    return app;
  };
  afterAll(async () => {
    for (const app of apps) await app.stop();
  });
  const register = (app: TestApp, email: string) =>
    app.send<Failure>('POST', '/api/v1/auth/register', { body: { email, password: PASSWORD } });

  it.each([
    ['invite', 201],
    ['closed', 403],
  ])('is nobody where REGISTRATION is %s, and inviting answers %i', async (REGISTRATION, inviting) => {
    const app = await start({ REGISTRATION });
    const email = `${unique('r')}@example.com`;
    const known = await app.people.user();
    for (const address of [email, known.email])
      expect(await register(app, address)).toMatchObject({ status: 403, body: { code: 'registration_closed' } });
    await awaitOwed(app, 0);
    expect([await mailTo(app, email), await mailTo(app, known.email)]).toEqual([[], []]);
    const methods = await app.send<{ registration: string }>('GET', '/api/v1/auth/methods');
    expect(methods.body.registration).toBe(REGISTRATION);
    const ada = await app.people.admin();
    expect((await ada.post('/api/v1/invitations', { email, name: 'Grace' })).status).toBe(inviting);
    // Administrators make accounts all the same, and those that there are can be recovered.
    expect((await ada.post('/api/v1/users', { email: `${unique('m')}@example.com`, name: 'Grace' })).status).toBe(201);
    expect((await begin(app, 'password/forgot', known.email)).token).toHaveLength(43);
  });

  it('is whoever has an address of REGISTRATION_DOMAINS, in any spelling, and nobody else', async () => {
    const app = await start({ REGISTRATION_DOMAINS: 'example.com, Bücher.example' });
    for (const domain of ['example.com', 'EXAMPLE.com', 'bücher.example', 'xn--bcher-kva.example', 'BÜCHER.example'])
      expect([domain, (await register(app, `${unique('r')}@${domain}`)).status]).toEqual([domain, 202]);
    for (const domain of [
      'example.org',
      'mail.example.com',
      'example.com.evil.example',
      'notexample.com',
      'buecher.example',
    ]) {
      const email = `${unique('r')}@${domain}`;
      expect([domain, await register(app, email)]).toMatchObject([
        domain,
        { status: 422, body: { errors: [{ pointer: '/email', code: 'domain_not_allowed' }] } },
      ]);
      expect(await app.sql('SELECT 1 FROM roster.flows WHERE email_key = $1', [email])).toEqual([]);
    }
  });

  it('is bound by no domain who was invited', async () => {
    const app = await start({ REGISTRATION_DOMAINS: 'example.com' });
    const { token } = await invite(app, await app.people.admin(), { email: `${unique('i')}@example.org` });
    const body = { token, password: NEXT };
    expect((await app.send('POST', '/api/v1/auth/invitations/accept', { body })).status).toBe(200);
  });
});
