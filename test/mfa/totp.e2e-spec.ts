import { URI } from 'otpauth';
import type { TOTP } from 'otpauth';

import { FactorResponse, Mfa, TooManyCodes } from '../../src/mfa/index.js';
import type { MfaMethod, MfaStatus } from '../../src/mfa/index.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { unhurried } from '../jobs/awaited.js';
import { awaitMail, awaitWords, mailTo, otherThan } from '../mail/mailbox.js';
import type { Failure } from '../users/shapes.js';
import { addApp, confirmApp } from './enrolment.js';
import type { ConfirmedApp } from './enrolment.js';
import { factOf, newFactsAbout } from './shapes.js';
import type { ListOf, ShownFactor } from './shapes.js';

const FACTORS = '/api/v1/me/mfa/factors';
const MINUTE = 60_000;
const OTP = ['otp', 'mfa'];

describe('an authenticator app', () => {
  let app: TestApp;
  let mfa: Mfa;
  let grace: Person;

  beforeAll(async () => {
    // Of its own, for the clock goes far ahead: what is mailed then would hide what others are mailed now.
    app = await TestApp.start({
      database: await freshDatabase(`totp_${process.env['JEST_WORKER_ID']}`),
    });
    mfa = app.get(Mfa);
  });
  beforeEach(async () => {
    grace = await app.people.person();
  });
  afterEach(() => app.clock.run());
  afterAll(() => app.stop());

  const confirm = (id: string, code: string, person = grace) =>
    person.post<{ factor: ShownFactor; recoveryCodes: string[] } & Failure>(`${FACTORS}/${id}/confirmation`, { code });
  const prove = (code: string, person = grace) => mfa.prove(person.id, { method: 'totp', code });
  const codeOf = (answer: { status: number; body: Failure }): [number, string] => [answer.status, answer.body.code];

  /** One that is good, and shows a code that was not used yet. */
  const anApp = async (person = grace): Promise<ConfirmedApp> => {
    const confirmed = await confirmApp(app, person);
    // Into the midst of the next step, so that none ends while a test looks.
    app.clock.advance(45_000 - (app.clock.millis() % 30_000));
    return confirmed;
  };

  it('is told its secret once, as text, as a link and as a picture', async () => {
    const added = await grace.post<ShownFactor>(FACTORS, { kind: 'totp', name: 'Telephone' });
    expect([added.status, added.headers['cache-control'], added.headers.location]).toEqual([
      201,
      'no-store',
      `${FACTORS}/${added.body.id}`,
    ]);
    expect(added.body).toMatchObject({ kind: 'totp', name: 'Telephone', confirmedAt: null, version: 1 });
    const totp = URI.parse(added.body.uri) as TOTP;
    expect([totp.issuer, totp.label, totp.algorithm, totp.digits, totp.period]).toEqual([
      'Roster',
      grace.user.email,
      'SHA1',
      6,
      30,
    ]);
    expect(totp.secret.base32).toBe(added.body.secret);
    expect(totp.secret.bytes).toHaveLength(20);
    expect(added.body.qrCode).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"[^]*<\/svg>$/);
    const read = await grace.get<ShownFactor>(`${FACTORS}/${added.body.id}`);
    const listed = await grace.get<ListOf<ShownFactor>>(FACTORS);
    for (const shown of [read.body, listed.body.data[0]!])
      expect(Object.keys(shown)).toEqual(['id', 'kind', 'name', 'createdAt', 'confirmedAt', 'lastUsedAt', 'version']);
    const [row] = await app.sql<{ secret: Buffer }>('SELECT secret FROM roster.factors WHERE id = $1', [added.body.id]);
    expect(row!.secret.includes(Buffer.from(totp.secret.bytes))).toBe(false);
    expect(await newFactsAbout(app, grace.id)).toEqual(['factor.added']);
  });

  it('proves nothing before its first code, and is asked for from then on', async () => {
    const added = await addApp(app, grace);
    expect(await prove(added.code())).toBeNull();
    expect(await mfa.methodsOf(grace.id)).toEqual<MfaMethod[]>([]);
    const confirmed = await confirm(added.id, added.code());
    expect([confirmed.status, confirmed.headers['cache-control']]).toEqual([200, 'no-store']);
    expect(confirmed.body.factor).toMatchObject({
      id: added.id,
      version: 2,
      confirmedAt: expect.any(String) as string,
    });
    expect(confirmed.body.recoveryCodes).toHaveLength(10);
    expect(await mfa.methodsOf(grace.id)).toEqual(['totp', 'recovery_code']);
    expect(await newFactsAbout(app, grace.id)).toEqual(['factor.added', 'factor.confirmed', 'recovery_codes.made']);
    expect((await factOf(app, grace.id, 'factor.confirmed')).data).toEqual({
      userId: grace.id,
      factorId: added.id,
      kind: 'totp',
    });
  });

  it('is confirmed once, and makes recovery codes only as the first', async () => {
    const first = await anApp();
    expect(codeOf(await confirm(first.id, first.code()))).toEqual([409, 'factor_already_confirmed']);
    const second = await addApp(app, grace, 'Tablet');
    expect((await confirm(second.id, second.code())).body.recoveryCodes).toEqual([]);
    expect(await mfa.methodsOf(grace.id)).toEqual(['totp', 'recovery_code']);
  });

  it('is not confirmed by a code that is not right, which is on record', async () => {
    const added = await addApp(app, grace);
    const refused = await confirm(added.id, otherThan(added.code()));
    expect(codeOf(refused)).toEqual([422, 'factor_code_invalid']);
    expect(refused.body.errors?.[0]).toMatchObject({ pointer: '/code', code: 'factor_code_invalid' });
    expect(await newFactsAbout(app, grace.id)).toEqual(['factor.added', 'factor.refused']);
    expect((await confirm(added.id, added.code())).status).toBe(200);
  });

  it.each([
    ['now', 0, true],
    ['one step ago', -1, true],
    ['in one step', 1, true],
    ['two steps ago', -2, false],
    ['in two steps', 2, false],
  ])('shows a code that is taken %s: %i, %s', async (_, steps, taken) => {
    const factor = await anApp();
    app.clock.advance(10 * MINUTE);
    expect(await prove(factor.code(steps))).toEqual(taken ? OTP : null);
  });

  it('takes no nonsense for a code, and does not count it', async () => {
    const factor = await anApp();
    for (const code of ['', '12345', '1234567', 'abcdef', '１２３４５６', '12 345', '000000\n', '-12345', '1e5000'])
      expect(await prove(code)).toBeNull();
    expect(await app.sql('SELECT FROM roster.totp_tries WHERE user_id = $1', [grace.id])).toEqual([]);
    expect(await prove(factor.code())).toEqual(OTP);
  });

  it('shows a code that is good once, and no older one after it (S13, A30)', async () => {
    const factor = await anApp();
    const [before, now] = [factor.code(-1), factor.code()];
    // The code of its confirmation is used up too.
    expect(await prove(before)).toBeNull();
    expect(await prove(now)).toEqual(OTP);
    expect(await prove(now)).toBeNull();
    app.clock.advance(30_000);
    expect(await prove(now)).toBeNull();
    expect(await prove(factor.code())).toEqual(OTP);
    const [row] = await app.sql<{ version: number }>('SELECT version FROM roster.factors WHERE id = $1', [factor.id]);
    expect(row!.version).toBe(2);
  });

  it('shows a code that lets one of 20 in who come at once, in 50 rounds (S13, A30)', async () => {
    const factor = await anApp();
    for (let round = 0; round < 50; round += 1) {
      app.clock.advance(30_000);
      // Not more than may be tried in a row: the limit on guesses has a test of its own.
      const shown = factor.code();
      const tries = unhurried(() => Array.from({ length: 20 }, () => prove(shown).catch(blocked)));
      const outcomes = await Promise.all(tries);
      expect(outcomes.filter((outcome) => Array.isArray(outcome))).toEqual([OTP]);
      app.clock.advance(2 * 60 * MINUTE);
    }
  }, 180_000);

  const blocked = (error: unknown): 'blocked' => {
    if (error instanceof TooManyCodes) return 'blocked';
    throw error as Error;
  };

  it('is guessed at five times and then not for a minute, by whomever and in however many sessions (S14, A10)', async () => {
    const factor = await anApp();
    app.clock.stand();
    const guesses = unhurried(() => Array.from({ length: 150 }, () => prove(otherThan(factor.code())).catch(blocked)));
    const outcomes = await Promise.all(guesses);
    expect(outcomes.filter((outcome) => outcome === null)).toHaveLength(5);
    expect(outcomes.filter((outcome) => outcome === 'blocked')).toHaveLength(145);
    // The right one does not help either, as long as it lasts.
    expect(await prove(factor.code()).catch(blocked)).toBe('blocked');
    expect((await newFactsAbout(app, grace.id)).filter((type) => type === 'factor.codes_blocked')).toHaveLength(1);
    app.clock.advance(MINUTE + 1000);
    expect(await prove(factor.code())).toEqual(OTP);
  });

  it('waits twice as long after each further wrong code, says how long, and forgets it all after a right one', async () => {
    const factor = await anApp();
    for (let n = 0; n < 4; n += 1) await prove(otherThan(factor.code()));
    for (const minutes of [1, 2, 4, 8, 16, 32, 64, 64]) {
      expect(await prove(otherThan(factor.code()))).toBeNull();
      const error = (await prove(factor.code()).catch((refusal: unknown) => refusal)) as TooManyCodes;
      const seconds = Number((error as unknown as { headers: Record<string, string> }).headers['Retry-After']);
      expect(seconds).toBeGreaterThan(minutes * 60 - 10);
      expect(seconds).toBeLessThanOrEqual(minutes * 60);
      app.clock.advance(minutes * MINUTE + 1000);
    }
    expect(await prove(factor.code())).toEqual(OTP);
    expect(await app.sql('SELECT FROM roster.totp_tries WHERE user_id = $1', [grace.id])).toEqual([]);
  });

  it('is not guessed at more than a hundred times, but a recovery code still lets its owner in (S8, A12)', async () => {
    const factor = await anApp();
    await prove(otherThan(factor.code()));
    await app.sql('UPDATE roster.totp_tries SET tries = 100 WHERE user_id = $1', [grace.id]);
    expect(await prove(factor.code()).catch(blocked)).toBe('blocked');
    const [code] = factor.recoveryCodes;
    expect(await mfa.prove(grace.id, { method: 'recovery_code', code: code! })).toEqual(['rcv', 'mfa']);
    expect(await prove(factor.code())).toEqual(OTP);
  });

  it('is not another’s: 404 for whatever they ask of it, and their code proves nothing', async () => {
    const eve = await app.people.person();
    const factor = await anApp();
    const mine = await anApp(eve);
    const asked = [
      await eve.get<Failure>(`${FACTORS}/${factor.id}`),
      await eve.patch<Failure>(`${FACTORS}/${factor.id}`, { name: 'Mine' }),
      await eve.delete<Failure>(`${FACTORS}/${factor.id}`),
      await confirm(factor.id, factor.code(), eve),
      await eve.get<Failure>(`/api/v1/me/passkeys/${mine.id}`),
    ];
    expect(asked.map(codeOf)).toEqual(asked.map(() => [404, 'factor_not_found']));
    expect(await prove(factor.code(), eve)).toBeNull();
    expect((await grace.get<ShownFactor>(`${FACTORS}/${factor.id}`)).body.name).toBe('My telephone');
  });

  it('is renamed, which is on record and told', async () => {
    const { id } = await anApp();
    const renamed = await grace.patch<ShownFactor>(`${FACTORS}/${id}`, { name: 'Old one' }, { 'if-match': '"2.json"' });
    expect([renamed.status, renamed.headers.etag, renamed.body.name]).toEqual([200, '"3.json"', 'Old one']);
    expect((await factOf(app, grace.id, 'factor.renamed')).private).toMatchObject({
      actorId: grace.id,
      before: { name: 'My telephone' },
      after: { name: 'Old one' },
    });
    // The same name again is no change.
    expect((await grace.patch<ShownFactor>(`${FACTORS}/${id}`, { name: 'Old one' })).body.version).toBe(3);
    expect((await grace.patch<ShownFactor>(`${FACTORS}/${id}`, {})).body.version).toBe(3);
    expect((await newFactsAbout(app, grace.id)).filter((type) => type === 'factor.renamed')).toHaveLength(1);
    const mail = await awaitWords(app, grace.user.email, 'An authenticator app was renamed.');
    expect(mail.text).not.toContain('Old one');
  });

  it('takes the recovery codes and the trusted devices with it, if it is the last', async () => {
    const first = await anApp();
    const second = await addApp(app, grace, 'Tablet');
    await confirm(second.id, second.code());
    const pending = await addApp(app, grace, 'Never confirmed');
    const { token } = await mfa.trust(grace.id);
    expect((await grace.delete(`${FACTORS}/${first.id}`)).status).toBe(204);
    expect(await mfa.isTrusted(grace.id, token)).toBe(true);
    expect(await mfa.methodsOf(grace.id)).toEqual(['totp', 'recovery_code']);
    expect((await grace.delete(`${FACTORS}/${second.id}`)).status).toBe(204);
    expect(await mfa.isTrusted(grace.id, token)).toBe(false);
    expect(await mfa.methodsOf(grace.id)).toEqual([]);
    expect((await grace.get<{ remaining: number }>('/api/v1/me/mfa/recovery-codes')).body).toEqual({
      remaining: 0,
      createdAt: null,
    });
    expect((await newFactsAbout(app, grace.id)).slice(-3)).toEqual([
      'factor.removed',
      'factor.removed',
      'trusted_device.removed',
    ]);
    expect((await grace.get<ListOf<ShownFactor>>(FACTORS)).body.data.map(({ id }) => id)).toEqual([pending.id]);
  });

  it('is one of ten at most, also when they are added at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 15 }, () => grace.post<Failure>(FACTORS, { kind: 'totp', name: 'One of many' })),
    );
    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused.map(codeOf)).toEqual(Array.from({ length: 5 }, () => [409, 'too_many_factors']));
    expect((await grace.get<ListOf<ShownFactor>>(FACTORS)).body.data).toHaveLength(10);
  });

  it.each(['POST', 'PATCH', 'DELETE', 'confirm'])('wants a recent sign-in: %s (S16)', async (method) => {
    const { id, code } = await addApp(app, grace);
    app.clock.advance(6 * MINUTE);
    const before = await newFactsAbout(app, grace.id);
    const asked: Record<string, () => Promise<{ status: number; body: Failure; headers: object }>> = {
      POST: () => grace.post(FACTORS, { kind: 'totp', name: 'Another' }),
      PATCH: () => grace.patch(`${FACTORS}/${id}`, { name: 'Another' }),
      DELETE: () => grace.delete(`${FACTORS}/${id}`),
      confirm: () => confirm(id, code()),
    };
    const refused = await asked[method]!();
    expect(codeOf(refused)).toEqual([403, 'reauthentication_required']);
    expect((refused.headers as Record<string, string>)['www-authenticate']).toContain('max_age="300"');
    expect(await newFactsAbout(app, grace.id)).toEqual([...before, 'access.denied']);
    // Looking is allowed.
    expect((await grace.get(`${FACTORS}/${id}`)).status).toBe(200);
  });

  it('is told of at the owner’s address when it is added and removed, and not before it is good (S17)', async () => {
    const added = await addApp(app, grace);
    await confirm(added.id, added.code());
    await awaitMail(app, grace.user.email);
    await grace.delete(`${FACTORS}/${added.id}`);
    const [removed, confirmed] = await awaitMail(app, grace.user.email, 2);
    expect([confirmed!.subject, removed!.subject]).toEqual(['Your sign-in has changed', 'Your sign-in has changed']);
    expect(confirmed!.text).toContain('An authenticator app was added. New recovery codes were made');
    expect(removed!.text).toContain('An authenticator app was removed. The recovery codes were removed.');
    const pending = await addApp(app, grace);
    await grace.delete(`${FACTORS}/${pending.id}`);
    expect(await mailTo(app, grace.user.email)).toHaveLength(2);
  });

  it('is taken away by an administrator with all that hung on it, in the transaction of whoever asks', async () => {
    const factor = await anApp();
    await mfa.trust(grace.id);
    const { factors, recoveryCodes, trustedDevices }: MfaStatus = await mfa.statusOf(grace.id);
    const { body: own } = await grace.get<ShownFactor>(`${FACTORS}/${factor.id}`);
    expect(factors.map((row) => FactorResponse.from(row))).toEqual([own]);
    expect([recoveryCodes.remaining, trustedDevices]).toEqual([10, 1]);
    await mfa.resetAll(grace.id, 'Lost the telephone');
    expect(await mfa.statusOf(grace.id)).toEqual({
      factors: [],
      recoveryCodes: { remaining: 0, createdAt: null },
      trustedDevices: 0,
    });
    expect(await mfa.prove(grace.id, { method: 'recovery_code', code: factor.recoveryCodes[0]! })).toBeNull();
    const fact = await factOf(app, grace.id, 'factors.reset');
    expect([fact.data, fact.private['reason']]).toEqual([{ userId: grace.id, factors: 1 }, 'Lost the telephone']);
    await awaitWords(app, grace.user.email, 'An administrator removed all second factors');
  });
});
