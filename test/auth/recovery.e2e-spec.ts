import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { codeIn, mailTo, otherThan, tokenIn } from '../mail/mailbox.js';
import { awaitOwed } from '../mail/post-office.js';
import type { Failure, Shown } from '../users/shapes.js';
import { atSecondStep, awaitLetter, begin, factsOf, login } from './begun.js';
import type { Begun } from './begun.js';
import { invite } from './invitees.js';

const NEXT = 'two green lamps behind the harbour';
const MINUTE = 60_000;
const DEAD_LINK = { status: 422, body: { code: 'link_invalid' } };
const DEAD_CODE = { status: 422, body: { code: 'code_invalid' } };

describe('a forgotten password', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    // Of its own, for the clock goes far ahead.
    app = await TestApp.start({
      database: await freshDatabase(`recovery_${process.env['JEST_WORKER_ID']}`),
    });
  });
  beforeEach(async () => {
    ada = await app.people.admin();
  });
  afterEach(() => app.clock.run());
  afterAll(() => app.stop());

  const forgot = (email: unknown, headers?: Record<string, string>) =>
    app.send<{ flowId: string } & Failure>('POST', '/api/v1/auth/password/forgot', {
      body: typeof email === 'string' ? { email } : email,
      headers,
    });
  const reset = (proof: object, password = NEXT) =>
    app.send<Failure>('POST', '/api/v1/auth/password/reset', { body: { ...proof, password } });
  const byCode = ({ flowId, code }: Begun): object => ({ flowId, code });
  const byToken = ({ token }: Begun): object => ({ token });
  const passwordsOf = async (userId: string): Promise<number> =>
    (await factsOf(app, userId, 'password.changed')).length;

  describe('is chosen anew', () => {
    it.each([
      ['by the token of the link', byToken],
      ['by the code of the mail and its flow', byCode],
      ['by the code and its flow in capitals', ({ flowId, code }: Begun) => ({ flowId: flowId.toUpperCase(), code })],
    ])('%s', async (_what, proof) => {
      const { id, email } = await app.people.user();
      const answer = await reset(proof(await begin(app, 'password/forgot', email)));
      expect([answer.status, answer.text]).toEqual([204, '']);
      expect((await login(app, email)).body.code).toBe('sign_in_failed');
      expect((await login(app, email, NEXT)).status).toBe(200);
      expect(await app.factsAbout(id)).toEqual([
        'user.created',
        'password.changed',
        'password_reset.started',
        'user.email_verified',
        'password.changed',
        'password.reset',
        'sign_in.refused',
      ]);
      const [fact] = await factsOf(app, id, 'password.reset');
      expect(fact).toMatchObject({ data: { userId: id }, private: { actorId: id, ip: '127.0.0.1' } });
    });

    it('signs nobody in, and ends every session (S11)', async () => {
      const person = await app.people.person();
      const other = await app.people.signIn(person.user);
      const begun = await begin(app, 'password/forgot', person.user.email);
      const answer = await reset(byToken(begun));
      expect(answer.status).toBe(204);
      expect(answer.headers['set-cookie']).toBeUndefined();
      for (const { token, refreshToken } of [person, other]) {
        expect(await app.send('GET', '/api/v1/me', { token })).toMatchObject({
          status: 401,
          body: { code: 'token_revoked' },
        });
        const renewed = await app.send('POST', '/api/v1/auth/refresh', { body: { refreshToken } });
        expect(renewed).toMatchObject({ status: 401, body: { code: 'refresh_token_invalid' } });
      }
      expect((await factsOf(app, person.id, 'session.ended')).map(({ data }) => data['reason'])).toEqual([
        'password_changed',
        'password_changed',
      ]);
    });

    it('and the owner is told by mail, without the password (S17)', async () => {
      const { email } = await app.people.user();
      await reset(byToken(await begin(app, 'password/forgot', email)));
      const told = await awaitLetter(app, email, 'Your password was changed');
      expect(told.text + told.html).not.toContain(NEXT);
      expect(told.text).not.toMatch(/#token=|\b\d{6}\b/);
    });

    it('and guesses are heard again (A12)', async () => {
      const { id, email } = await app.people.user();
      for (let guesses = 0; guesses < 12; guesses += 1) await login(app, email, `wrong number ${guesses}`);
      expect(await login(app, email)).toMatchObject({ status: 429, body: { code: 'too_many_guesses' } });
      expect((await reset(byToken(await begin(app, 'password/forgot', email)))).status).toBe(204);
      expect((await login(app, email, NEXT)).status).toBe(200);
      expect(await factsOf(app, id, 'account.unlocked')).toHaveLength(1);
    });

    it('also by somebody who was sent the mail by an administrator, with a reason', async () => {
      const { id, email } = await app.people.user();
      const sent = await ada.post(`/api/v1/users/${id}/password-reset`, { reason: 'Asked on the telephone' });
      expect(sent.status).toBe(204);
      const mail = await awaitLetter(app, email, 'Choose a new password');
      expect((await reset({ token: tokenIn(mail) })).status).toBe(204);
      const [started] = await factsOf(app, id, 'password_reset.started');
      expect(started!.private).toMatchObject({ actorId: ada.id, reason: 'Asked on the telephone' });
    });
  });

  it('sent to somebody who is invited makes them active, as the invitation does, which is void by that', async () => {
    const { invitation, token } = await invite(app, ada);
    const { userId, email } = invitation;
    expect((await ada.post(`/api/v1/users/${userId}/password-reset`, { reason: 'Lost the mail' })).status).toBe(204);
    const mail = await awaitLetter(app, email, 'Choose a new password');
    expect((await reset({ token: tokenIn(mail) })).status).toBe(204);
    expect((await ada.get<Shown>(`/api/v1/users/${userId}`)).body.status).toBe('active');
    const body = { token, password: `${NEXT} again` };
    expect(await app.send('POST', '/api/v1/auth/invitations/accept', { body })).toMatchObject(DEAD_LINK);
    expect((await login(app, email, NEXT)).status).toBe(200);
    expect(await app.factsAbout(userId)).toEqual([
      'user.created',
      'password_reset.started',
      'user.activated',
      'password.changed',
      'password.reset',
    ]);
  });

  describe('S4 is not chosen badly, which does not use the proof up', () => {
    const bad = (email: string): [string, string][] => [
      ['short', 'password_too_short'],
      ['x'.repeat(257), 'password_too_long'],
      ['password12345678', 'password_guessable'],
      ['roster1234567890', 'password_contains_identity'],
      [email, 'password_contains_identity'],
    ];

    it.each([
      ['by token', byToken],
      ['by code', byCode],
    ])('%s', async (_what, proof) => {
      const { id, email } = await app.people.user();
      const begun = await begin(app, 'password/forgot', email);
      for (const [password, code] of bad(email))
        expect(await reset(proof(begun), password)).toMatchObject({
          status: 422,
          body: { code: 'validation_failed', errors: [{ pointer: '/password', code }] },
        });
      expect(await passwordsOf(id)).toBe(1);
      expect((await login(app, email)).status).toBe(200);
      expect((await reset(proof(begun))).status).toBe(204);
      expect(await passwordsOf(id)).toBe(2);
    });
  });

  describe('S11 A7 its proof', () => {
    it('is 256 bits in a link, different each time, and kept as a hash alone', async () => {
      const { email } = await app.people.user();
      const tokens = new Set<string>();
      for (let mails = 0; mails < 8; mails += 1) tokens.add((await begin(app, 'password/forgot', email)).token);
      expect(tokens.size).toBe(8);
      const rows = await app.sql<{ text: string }>(
        "SELECT f::text AS text FROM roster.flows f WHERE purpose = 'password_reset' AND email_key = $1",
        [email],
      );
      const kept = rows.map(({ text }) => text).join('\n');
      for (const token of tokens) {
        const bytes = Buffer.from(token, 'base64url');
        expect(bytes).toHaveLength(32);
        expect(kept).not.toContain(token);
        expect(kept).not.toContain(bytes.toString('hex'));
      }
    });

    it.each([
      ['the token twice', byToken, byToken, DEAD_LINK],
      ['the code twice', byCode, byCode, DEAD_CODE],
      ['the code after the token', byToken, byCode, DEAD_CODE],
      ['the token after the code', byCode, byToken, DEAD_LINK],
    ])('is good once: not %s', async (_what, first, second, refused) => {
      const { id, email } = await app.people.user();
      const begun = await begin(app, 'password/forgot', email);
      expect((await reset(first(begun))).status).toBe(204);
      expect(await reset(second(begun), `${NEXT} again`)).toMatchObject(refused);
      expect(await passwordsOf(id)).toBe(2);
      expect((await login(app, email, NEXT)).status).toBe(200);
    });

    it.each([
      ['the link in the thirtieth minute', 30 * MINUTE - 5000, byToken, { status: 204 }],
      ['not the link after thirty minutes', 30 * MINUTE + 1, byToken, DEAD_LINK],
      ['the code in the tenth minute (S13)', 10 * MINUTE - 5000, byCode, { status: 204 }],
      ['not the code after ten minutes (S13)', 10 * MINUTE + 1, byCode, DEAD_CODE],
    ])('is taken in time: %s', async (_what, later, proof, expected) => {
      app.clock.stand();
      const { email } = await app.people.user();
      const begun = await begin(app, 'password/forgot', email);
      app.clock.advance(later);
      expect(await reset(proof(begun))).toMatchObject(expected);
      expect((await login(app, email, expected.status === 204 ? NEXT : PASSWORD)).status).toBe(200);
    });

    const changes: [string, (person: Person) => Promise<{ status: number }>][] = [
      ['a newer request', (person) => forgot(person.user.email)],
      ['a newer request in other letters', (person) => forgot(` ${person.user.email.toUpperCase()}`)],
      [
        'one by an administrator',
        (person) => ada.post(`/api/v1/users/${person.id}/password-reset`, { reason: 'asked' }),
      ],
      [
        'a change of the password',
        (person) => person.post('/api/v1/me/password', { currentPassword: PASSWORD, newPassword: `${NEXT} mine` }),
      ],
      [
        'another address, by an administrator',
        (person) =>
          ada.patch(
            `/api/v1/users/${person.id}`,
            { email: `${unique('n')}@example.com` },
            { 'content-type': 'application/merge-patch+json' },
          ),
      ],
      [
        'another address, by the owner',
        async (person) => {
          const email = `${unique('n')}@example.com`;
          await person.post('/api/v1/me/email', { email });
          const mail = await awaitLetter(app, email, 'Confirm your address');
          return app.send('POST', '/api/v1/auth/email/verify', { body: { token: tokenIn(mail), password: PASSWORD } });
        },
      ],
      ['the end of the account', (person) => ada.delete(`/api/v1/users/${person.id}`)],
    ];
    it.each(changes)('dies by %s', async (_what, act) => {
      const person = await app.people.person();
      const begun = await begin(app, 'password/forgot', person.user.email);
      expect((await act(person)).status).toBeLessThan(300);
      const before = await passwordsOf(person.id);
      expect(await reset(byToken(begun))).toMatchObject(DEAD_LINK);
      const refused = await reset(byCode(begun));
      expect([refused.status, ['code_invalid', 'link_invalid'].includes(refused.body.code)]).toEqual([422, true]);
      expect(await passwordsOf(person.id)).toBe(before);
    });

    it('is a code of its own flow alone: that of another counts as a wrong one (A4, S15)', async () => {
      const [grace, eve] = [await app.people.user(), await app.people.user()];
      const [mine, hers] = [
        await begin(app, 'password/forgot', grace.email),
        await begin(app, 'password/forgot', eve.email),
      ];
      const code = hers.code === mine.code ? otherThan(mine.code) : hers.code;
      for (let tries = 0; tries < 5; tries += 1)
        expect(await reset({ flowId: mine.flowId, code })).toMatchObject(DEAD_CODE);
      expect(await reset(byCode(mine))).toMatchObject(DEAD_CODE);
      expect(await factsOf(app, grace.id, 'password.reset')).toEqual([]);
      const refused = await app.sql(
        "SELECT subject FROM roster.events WHERE type = 'code.refused' AND data->>'flowId' = $1",
        [mine.flowId],
      );
      expect(refused).toEqual(Array.from({ length: 6 }, () => ({ subject: `users/${grace.id}` })));
      // The link of the same mail is another proof.
      expect((await reset(byToken(mine))).status).toBe(204);
    });

    it.each([
      ['nothing', {}],
      ['a flow without its code', { flowId: '01a1fb89-a690-7530-90c7-ac334b01292e' }],
      ['a code without its flow', { code: '123456' }],
      ['both proofs', { token: 'x', flowId: '01a1fb89-a690-7530-90c7-ac334b01292e', code: '123456' }],
    ])('is not %s', async (_what, proof) => {
      expect(await reset(proof)).toMatchObject({
        status: 422,
        body: { code: 'validation_failed', errors: [{ pointer: '/token', code: 'proof_incomplete' }] },
      });
    });

    it.each([[['a', 'b']], [{}], [null], [1], [true], ['x'.repeat(201)], ['']])('is not a token %j', async (token) => {
      expect((await reset({ token })).status).toBe(422);
    });
  });

  describe('is mailed to the stored address alone', () => {
    it.each([
      ['in capitals', (email: string) => email.toUpperCase()],
      ['with spaces', (email: string) => `  ${email} `],
      ['with the Kelvin sign for k (CVE-2019-19844)', (email: string) => email.replace('mike', 'mi\u212ae')],
      ['with letters of full width in the domain', (email: string) => email.replace('example', 'ｅxample')],
      ['decomposed', (email: string) => email.normalize('NFD')],
    ])('A8 also if it is typed %s', async (_what, spelt) => {
      const { email } = await app.people.user({ email: `${unique('mike.zoë')}@example.com` });
      const typed = spelt(email);
      const begun = await begin(app, 'password/forgot', email, typed);
      if (typed.trim() !== email) expect(await mailTo(app, typed.trim())).toEqual([]);
      expect((await reset(byCode(begun))).status).toBe(204);
    });

    it.each([
      ['a dotless i', (email: string) => email.replace('mike', 'mıke')],
      ['a dotted capital I', (email: string) => email.replace('mike', 'MİKE')],
      ['full width', (email: string) => email.replace('mike', 'ｍｉｋｅ')],
      ['a Cyrillic е', (email: string) => email.replace('mike', 'mikе')],
      ['a Roman numeral in the name', (email: string) => email.replace('mike', 'mⅰke')],
      ['an accent more', (email: string) => email.replace('mike', 'miké')],
      ['a domain that looks alike', (email: string) => email.replace('example', 'exаmple')],
      ['a subdomain', (email: string) => email.replace('@', '@mail.')],
      ['a plus', (email: string) => email.replace('@', '+x@')],
    ])('A8 and to nobody if it is another one: %s', async (_what, other) => {
      const { id, email } = await app.people.user({ email: `${unique('mike')}@example.com` });
      const answer = await forgot(other(email));
      expect(answer.status).toBe(202);
      await awaitOwed(app, 0);
      expect([await mailTo(app, email), await mailTo(app, other(email))]).toEqual([[], []]);
      expect(await factsOf(app, id, 'password_reset.started')).toEqual([]);
    });

    it.each([
      ['a list', (a: string, b: string) => `{"email":["${a}","${b}"]}`],
      ['a key twice', (a: string, b: string) => `{"email":"${a}","email":"${b}"}`],
      ['a key twice, once escaped', (a: string, b: string) => `{"email":"${a}","\\u0065mail":"${b}"}`],
      ['a comma', (a: string, b: string) => `{"email":"${a},${b}"}`],
      ['a semicolon', (a: string, b: string) => `{"email":"${a};${b}"}`],
      ['%0a', (a: string, b: string) => `{"email":"${a}%0a${b}"}`],
      ['a line break', (a: string, b: string) => `{"email":"${a}\\n${b}"}`],
      ['a header', (a: string, b: string) => `{"email":"${a}\\r\\nBcc: ${b}"}`],
      ['a NUL', (a: string, b: string) => `{"email":"${a}\\u0000${b}"}`],
      ['an object', (a: string, b: string) => `{"email":{"0":"${a}","1":"${b}"}}`],
      ['an operator', (a: string) => `{"email":{"$ne":"${a}"}}`],
      ['a second member', (a: string, b: string) => `{"email":"${a}","cc":"${b}"}`],
      ['a list of bodies', (a: string, b: string) => `[{"email":"${a}"},{"email":"${b}"}]`],
      ['null', () => '{"email":null}'],
    ])('A7 CVE-2023-7028 not to two in one request: %s', async (_what, body) => {
      const [victim, attacker] = [await app.people.user(), await app.people.user()];
      const answer = await app.send<Failure>('POST', '/api/v1/auth/password/forgot', {
        body: body(victim.email, attacker.email),
        headers: { 'content-type': 'application/json' },
      });
      expect([400, 422]).toContain(answer.status);
      await awaitOwed(app, 0);
      for (const { id, email } of [victim, attacker]) {
        expect(await mailTo(app, email)).toEqual([]);
        expect(await factsOf(app, id, 'password_reset.started')).toEqual([]);
      }
    });

    it('A7 nor through the address bar or a form', async () => {
      const { email } = await app.people.user();
      const payload = `email=${encodeURIComponent(email)}`;
      const form = await app.send('POST', '/api/v1/auth/password/forgot', {
        body: payload,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      expect(form.status).toBe(415);
      const query = await app.send('POST', `/api/v1/auth/password/forgot?${payload}`, { body: {} });
      expect(query.status).toBeGreaterThanOrEqual(400);
      await awaitOwed(app, 0);
      expect(await mailTo(app, email)).toEqual([]);
    });

    it('S9 and nobody else can tell: the same answer for whoever may not have it, and no proof fits', async () => {
      const [suspended, deleted] = [await app.people.user(), await app.people.user()];
      const invited = await app.people.user({}, { invited: true });
      await ada.put(`/api/v1/users/${suspended.id}/suspension`, { reason: 'left' });
      await ada.delete(`/api/v1/users/${deleted.id}`);
      const known = await forgot((await app.people.user()).email);
      for (const email of [suspended.email, deleted.email, invited.email, `${unique('nobody')}@example.com`]) {
        const answer = await forgot(email);
        expect([answer.status, Object.keys(answer.body)]).toEqual([known.status, Object.keys(known.body)]);
        expect(Object.keys(answer.headers).sort()).toEqual(Object.keys(known.headers).sort());
        await awaitOwed(app, 0);
        expect((await mailTo(app, email)).filter(({ text }) => text.includes('#token='))).toEqual([]);
        expect(await reset({ flowId: answer.body.flowId, code: '123456' })).toMatchObject(DEAD_CODE);
      }
    });
  });

  describe('S12 leaves the second factor in its place', () => {
    it('which is asked for at the next sign-in', async () => {
      const grace = await app.people.person();
      const { code } = await atSecondStep(app, grace);
      expect((await reset(byToken(await begin(app, 'password/forgot', grace.user.email)))).status).toBe(204);
      const before = await factsOf(app, grace.id, 'session.started');
      const due = await login(app, grace.user.email, NEXT);
      expect(due).toMatchObject({
        status: 200,
        body: { mfaRequired: true, methods: ['totp', 'recovery_code'] },
      });
      expect(due.body.accessToken).toBeUndefined();
      expect(await factsOf(app, grace.id, 'session.started')).toEqual(before);
      const { mfaToken } = due.body;
      const entered = await app.send('POST', '/api/v1/auth/mfa/verify', { body: { mfaToken, method: 'totp', code } });
      expect(entered.status).toBe(200);
    });

    it('A4 whatever the order of the steps', async () => {
      const grace = await app.people.person();
      const { mfaToken, code } = await atSecondStep(app, grace);
      const begun = await begin(app, 'password/forgot', grace.user.email);
      const sessions = await factsOf(app, grace.id, 'session.started');
      const verify = (body: object) => app.send<Failure>('POST', '/api/v1/auth/mfa/verify', { body });
      // What belongs to one step opens no other.
      expect(await verify({ mfaToken: begun.token, method: 'totp', code })).toMatchObject(DEAD_LINK);
      expect(await verify({ mfaToken: begun.flowId, method: 'totp', code })).toMatchObject(DEAD_LINK);
      expect(await reset({ token: mfaToken })).toMatchObject(DEAD_LINK);
      expect(await reset({ token: begun.flowId })).toMatchObject(DEAD_LINK);
      const options = await app.send('POST', '/api/v1/auth/passkeys/options', { body: { mfaToken: begun.token } });
      expect(options).toMatchObject(DEAD_LINK);
      const link = await app.send('POST', '/api/v1/auth/magic-link/consume', { body: byToken(begun) });
      expect(link).toMatchObject(DEAD_LINK);
      // The first step was taken with a password that is no more.
      expect((await reset(byToken(begun))).status).toBe(204);
      expect(await verify({ mfaToken, method: 'totp', code })).toMatchObject(DEAD_LINK);
      expect(await factsOf(app, grace.id, 'session.started')).toEqual(sessions);
    });
  });

  describe('has a link', () => {
    const forged = {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-prefix': '/evil',
      'x-original-host': 'evil.example',
      'x-host': 'evil.example',
      forwarded: 'for=203.0.113.9;host=evil.example;proto=https',
      origin: 'https://evil.example',
      referer: 'https://evil.example/',
    };
    const linkIn = (text: string): URL => new URL(/https?:\S+#token=[\w-]+/.exec(text)![0]);

    it.each([
      ['of PUBLIC_URL', {}, 'http://127.0.0.1:3000/account/reset-password'],
      [
        'of PUBLIC_URL, though a proxy is believed',
        { TRUST_PROXY: '1' },
        'http://127.0.0.1:3000/account/reset-password',
      ],
      ['of ACCOUNT_URL', { ACCOUNT_URL: 'https://id.example.com/me/' }, 'https://id.example.com/me/reset-password'],
    ])('A6 S61 %s, whatever a request says', async (_what, settings, expected) => {
      const other = await TestApp.start({ settings });
      const { email } = await other.people.user();
      const body = { email };
      const answer = await other.send('POST', '/api/v1/auth/password/forgot', { body, headers: forged });
      expect(answer.status).toBe(202);
      const mail = await awaitLetter(other, email, 'Choose a new password');
      await other.stop();
      const link = linkIn(mail.text);
      expect(link.href.replace(link.hash, '')).toBe(expected);
      expect(mail.html).toContain(`href="${link.href.replace('=', '&#x3D;')}"`);
      expect(mail.text + mail.html).not.toContain('evil');
    });

    it('S29 whose token stands after the "#", where no server sees it', async () => {
      const { email } = await app.people.user();
      const { mail, token } = await begin(app, 'password/forgot', email);
      const link = linkIn(mail.text);
      expect([link.search, link.hash]).toEqual(['', `#token=${token}`]);
      expect(link.pathname).not.toContain(token);
    });
  });

  it.each(['de', 'de-AT'])('is mailed in German to whoever reads %s', async (locale) => {
    const { email } = await app.people.user({ locale });
    await forgot(email);
    const mail = await awaitLetter(app, email, 'Wählen Sie ein neues Passwort');
    expect(mail.text).toContain('es wurde ein neues Passwort angefordert');
    expect(mail.html).toContain('lang="de"');
    expect((await reset({ token: tokenIn(mail) })).status).toBe(204);
    expect((await awaitLetter(app, email, 'Ihr Passwort wurde geändert')).text).toContain('Guten Tag');
    expect(codeIn(mail)).toMatch(/^\d{6}$/);
  });
});
