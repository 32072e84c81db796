import { randomUUID } from 'node:crypto';

import { Mfa } from '../../src/mfa/index.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { unhurried } from '../jobs/awaited.js';
import { awaitMail } from '../mail/mailbox.js';
import type { Failure } from '../users/shapes.js';
import type { AuthenticatorAnswer, CreationOptions, Lies } from './authenticator.js';
import { addPasskey, anAuthenticator, asked, confirmApp, creationOptions, newPasskey } from './enrolment.js';
import type { Options } from './enrolment.js';
import { factOf, newFactsAbout } from './shapes.js';
import type { ListOf, ShownFactor } from './shapes.js';

const PASSKEYS = '/api/v1/me/passkeys';
const FACTORS = '/api/v1/me/mfa/factors';
const MINUTE = 60_000;
const HARDWARE = ['hwk', 'user', 'mfa'];

const LIES: [string, Lies][] = [
  ['another origin', { origin: 'https://evil.example' }],
  ['the same host by another scheme', { origin: 'https://127.0.0.1:3000' }],
  ['another site', { rpId: 'evil.example' }],
  ['another challenge', { challenge: 'qL4nVbq2f1Xy7Wm0pZt8sRk3uJd6hGc9aEoTiNxB5v0' }],
  ['another purpose', { type: 'payment.get' }],
  ['nobody who was verified', { verified: false }],
];

/** What no authenticator says. */
const NONSENSE: object[] = [
  {},
  { id: 1, rawId: null, type: [], response: 'x' },
  { id: 'AAAA', rawId: 'AAAA', type: 'public-key', response: {} },
  { id: 'AAAA', rawId: 'AAAA', type: 'public-key', response: { clientDataJSON: '', attestationObject: '' } },
  { id: 'AAAA', rawId: 'AAAA', type: 'public-key', response: { clientDataJSON: 'e30', attestationObject: 'n4Cf' } },
  {
    id: 'AAAA',
    rawId: 'AAAA',
    type: 'public-key',
    response: { clientDataJSON: 'bnVsbA', attestationObject: Buffer.alloc(9000, 0x81).toString('base64url') },
  },
  { id: '*', rawId: '*', type: 'public-key', response: null },
  { id: 'x'.repeat(10_000), rawId: 'x'.repeat(10_000), type: 'public-key', response: { userHandle: { a: 1 } } },
];

describe('passkeys', () => {
  let app: TestApp;
  let mfa: Mfa;
  let grace: Person;

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`passkeys_${process.env['JEST_WORKER_ID']}`),
    });
    mfa = app.get(Mfa);
  });
  beforeEach(async () => {
    grace = await app.people.person({ name: 'Grace Hopper' });
  });
  afterEach(() => app.clock.run());
  afterAll(() => app.stop());

  const register = (body: object, person = grace) => person.post<ShownFactor & Failure>(PASSKEYS, body);
  const codeOf = (answer: { status: number; body: Failure }): [number, string] => [answer.status, answer.body.code];
  const verifyOptions = async (person: Person | null) => asked(await mfa.passkeyOptions(person?.id ?? null));
  const prove = (challengeId: string, response: object, person = grace) =>
    mfa.prove(person.id, { method: 'passkey', challengeId, response });

  it('are asked for as discoverable, for somebody verified, and without an attestation', async () => {
    const known = await addPasskey(app, grace);
    const answer = await grace.post<Options<CreationOptions>>(`${PASSKEYS}/options`);
    expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
    expect(answer.body.options).toMatchObject({
      rp: { id: '127.0.0.1', name: 'Roster' },
      user: { name: grace.user.email, displayName: 'Grace Hopper' },
      attestation: 'none',
      timeout: 5 * MINUTE,
      authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
      excludeCredentials: [{ id: known.authenticator.id.toString('base64url'), transports: ['hybrid', 'internal'] }],
    });
    expect(Buffer.from(answer.body.options.challenge, 'base64url')).toHaveLength(32);
    expect(Buffer.from(answer.body.options.user.id, 'base64url').toString()).toBe(grace.id);
  });

  it('are added, and make recovery codes as the first factor', async () => {
    const added = await register(await newPasskey(app, grace));
    expect([added.status, added.headers['cache-control'], added.headers.location]).toEqual([
      201,
      'no-store',
      `${PASSKEYS}/${added.body.id}`,
    ]);
    expect(added.body).toMatchObject({
      name: 'My key',
      transports: ['hybrid', 'internal'],
      backedUp: false,
      aaguid: null,
    });
    expect(added.body.recoveryCodes).toHaveLength(10);
    expect(await mfa.methodsOf(grace.id)).toEqual(['passkey', 'recovery_code']);
    expect(await newFactsAbout(app, grace.id)).toEqual(['factor.added', 'factor.confirmed', 'recovery_codes.made']);
    expect((await addPasskey(app, grace)).recoveryCodes).toEqual([]);
    const { body } = await grace.get<ListOf<ShownFactor>>(PASSKEYS);
    expect(body.data).toHaveLength(2);
    const mails = await awaitMail(app, grace.user.email, 2);
    for (const { text } of mails) expect(text).toContain('A passkey was added.');
  });

  it('stand beside apps among the factors, and apps not among the passkeys', async () => {
    const totp = await confirmApp(app, grace);
    const passkey = await addPasskey(app, grace);
    const factors = await grace.get<ListOf<ShownFactor>>(FACTORS);
    expect(factors.body.data.map(({ id, kind }) => [id, kind])).toEqual([
      [totp.id, 'totp'],
      [passkey.id, 'passkey'],
    ]);
    expect((await grace.get<ListOf<ShownFactor>>(PASSKEYS)).body.data.map(({ id }) => id)).toEqual([passkey.id]);
    expect(codeOf(await grace.delete<Failure>(`${PASSKEYS}/${totp.id}`))).toEqual([404, 'factor_not_found']);
    expect(await mfa.methodsOf(grace.id)).toEqual(['totp', 'passkey', 'recovery_code']);
  });

  it('are renamed and removed by their owner alone', async () => {
    const { id, authenticator } = await addPasskey(app, grace);
    const eve = await app.people.person();
    const refused = [
      await eve.get<Failure>(`${PASSKEYS}/${id}`),
      await eve.patch<Failure>(`${PASSKEYS}/${id}`, { name: 'Mine' }),
      await eve.delete<Failure>(`${PASSKEYS}/${id}`),
    ];
    expect(refused.map(codeOf)).toEqual(refused.map(() => [404, 'factor_not_found']));
    const renamed = await grace.patch<ShownFactor>(`${PASSKEYS}/${id}`, { name: 'Key ring' });
    expect([renamed.status, renamed.body.name, renamed.body.version]).toEqual([200, 'Key ring', 2]);
    expect((await grace.delete(`${PASSKEYS}/${id}`)).status).toBe(204);
    const { challengeId, options } = await verifyOptions(null);
    expect(await mfa.signInWithPasskey({ challengeId, response: authenticator.get(options) })).toBeNull();
    expect((await newFactsAbout(app, grace.id)).slice(-2)).toEqual(['factor.renamed', 'factor.removed']);
  });

  it('are not added twice', async () => {
    const { authenticator } = await addPasskey(app, grace);
    const eve = await app.people.person();
    for (const person of [grace, eve])
      expect(codeOf(await register(await newPasskey(app, person, authenticator), person))).toEqual([
        409,
        'passkey_taken',
      ]);
    expect(await mfa.methodsOf(eve.id)).toEqual([]);
  });

  it.each(LIES)('are not added by an answer of %s, which is on record', async (_, lies) => {
    const { challengeId, options } = await creationOptions(grace);
    const authenticator = anAuthenticator(app);
    const refused = await register({ challengeId, name: 'X', response: authenticator.create(options, lies) });
    expect(codeOf(refused)).toEqual([422, 'passkey_invalid']);
    // The challenge is used up all the same.
    const again = await register({ challengeId, name: 'X', response: authenticator.create(options) });
    expect(codeOf(again)).toEqual([422, 'passkey_invalid']);
    expect(await newFactsAbout(app, grace.id)).toEqual(['factor.refused', 'factor.refused']);
  });

  it('are not added with certificates, whose addresses nobody looks up (S59)', async () => {
    for (const format of ['packed', 'fido-u2f', 'tpm', 'apple', 'android-key', 'android-safetynet']) {
      const { challengeId, options } = await creationOptions(grace);
      const fields = new Map<unknown, unknown>([
        ['alg', -7],
        ['sig', Buffer.alloc(64)],
        ['x5c', [Buffer.from('3003020100', 'hex')]],
      ]);
      const response = anAuthenticator(app).create(options, { statement: { format, fields } });
      expect(codeOf(await register({ challengeId, name: 'X', response }))).toEqual([422, 'passkey_invalid']);
    }
  });

  it('are not added by another id than the authenticator’s', async () => {
    const { challengeId, options } = await creationOptions(grace);
    const other = anAuthenticator(app).id.toString('base64url');
    const response = { ...anAuthenticator(app).create(options), id: other, rawId: other };
    expect(codeOf(await register({ challengeId, name: 'X', response }))).toEqual([422, 'passkey_invalid']);
  });

  it('are not added by nonsense, nor do they sign anybody in by it', async () => {
    for (const response of NONSENSE) {
      const { challengeId } = await creationOptions(grace);
      expect((await register({ challengeId, name: 'X', response })).status).toBe(422);
      const verify = await verifyOptions(grace);
      expect(await prove(verify.challengeId, response)).toBeNull();
      const signIn = await verifyOptions(null);
      expect(await mfa.signInWithPasskey({ challengeId: signIn.challengeId, response })).toBeNull();
    }
    for (const response of [null, [], 'x', { long: 'x'.repeat(17_000) }])
      expect((await register({ challengeId: randomUUID(), name: 'X', response })).status).toBe(422);
    expect((await register({ challengeId: 'none', name: 'X', response: {} })).status).toBe(422);
  });

  it('are a second factor, for as long as their counter rises', async () => {
    const { id, authenticator } = await addPasskey(app, grace);
    for (let n = 0; n < 2; n += 1) {
      const { challengeId, options } = await verifyOptions(grace);
      expect(options.allowCredentials?.map((each) => each.id)).toEqual([authenticator.id.toString('base64url')]);
      expect(await prove(challengeId, authenticator.get(options))).toEqual(HARDWARE);
    }
    const copied = await verifyOptions(grace);
    expect(await prove(copied.challengeId, authenticator.get(copied.options, { counter: 2 }))).toBeNull();
    const { body } = await grace.get<ShownFactor>(`${PASSKEYS}/${id}`);
    expect([body.version, body.lastUsedAt]).toEqual([1, expect.any(String)]);
  });

  it('that are synchronised do not count, and are no hardware', async () => {
    const { id, authenticator } = await addPasskey(app, grace, anAuthenticator(app, true));
    expect((await grace.get<ShownFactor>(`${PASSKEYS}/${id}`)).body.backedUp).toBe(true);
    for (let n = 0; n < 2; n += 1) {
      const { challengeId, options } = await verifyOptions(grace);
      expect(await prove(challengeId, authenticator.get(options))).toEqual(['swk', 'user', 'mfa']);
    }
  });

  it('sign in without a name', async () => {
    const { authenticator } = await addPasskey(app, grace);
    const { challengeId, options } = await verifyOptions(null);
    expect([options.rpId, options.allowCredentials]).toEqual(['127.0.0.1', []]);
    const response = authenticator.get(options);
    expect(await mfa.signInWithPasskey({ challengeId, response })).toEqual({ userId: grace.id, amr: HARDWARE });
    expect(await mfa.signInWithPasskey({ challengeId, response })).toBeNull();
  });

  it.each<[string, Lies]>([
    ...LIES,
    ['the handle of nobody', { userHandle: '' }],
    ['the handle of somebody else', { userHandle: Buffer.from(randomUUID()).toString('base64url') }],
    ['a counter that stands', { counter: 1 }],
  ])('do not sign in by an answer of %s', async (_, lies) => {
    const { authenticator } = await addPasskey(app, grace);
    const { challengeId, options } = await verifyOptions(null);
    expect(await mfa.signInWithPasskey({ challengeId, response: authenticator.get(options, lies) })).toBeNull();
  });

  it('do not sign in by the signature of another key', async () => {
    const [mine, other] = [await addPasskey(app, grace), anAuthenticator(app)];
    const { challengeId, options } = await verifyOptions(null);
    const { response } = other.get(options, { userHandle: Buffer.from(grace.id).toString('base64url') });
    const id = mine.authenticator.id.toString('base64url');
    const forged = { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response };
    expect(await mfa.signInWithPasskey({ challengeId, response: forged })).toBeNull();
  });

  it('prove nothing of somebody else (S15)', async () => {
    const eve = await app.people.person();
    const [mine, hers] = [await addPasskey(app, grace), await addPasskey(app, eve)];
    const forEve = await verifyOptions(eve);
    expect(await prove(forEve.challengeId, mine.authenticator.get(forEve.options))).toBeNull();
    const forGrace = await verifyOptions(grace);
    expect(await prove(forGrace.challengeId, hers.authenticator.get(forGrace.options))).toBeNull();
  });

  it('answer a challenge for what it was made for', async () => {
    const { authenticator } = await addPasskey(app, grace);
    const [verify, signIn, creation] = [
      await verifyOptions(grace),
      await verifyOptions(null),
      await creationOptions(grace),
    ];
    const answer = (options: { challenge: string }): AuthenticatorAnswer =>
      authenticator.get({ challenge: options.challenge, rpId: '127.0.0.1' });
    expect(await prove(signIn.challengeId, answer(signIn.options))).toBeNull();
    expect(await prove(creation.challengeId, answer(creation.options))).toBeNull();
    expect(
      await mfa.signInWithPasskey({ challengeId: verify.challengeId, response: answer(verify.options) }),
    ).toBeNull();
    // Nobody used them up by asking for the wrong thing.
    expect(await prove(verify.challengeId, answer(verify.options))).toEqual(HARDWARE);
  });

  it('answer within five minutes', async () => {
    app.clock.stand();
    const { authenticator } = await addPasskey(app, grace);
    const [creation, verify] = [await newPasskey(app, grace), await verifyOptions(grace)];
    app.clock.advance(5 * MINUTE + 1);
    expect(await prove(verify.challengeId, authenticator.get(verify.options))).toBeNull();
    const later = await app.people.signIn(grace.user, HARDWARE);
    expect(codeOf(await register(creation, later))).toEqual([422, 'passkey_invalid']);
    const inTime = await verifyOptions(grace);
    app.clock.advance(5 * MINUTE - 1000);
    expect(await prove(inTime.challengeId, authenticator.get(inTime.options))).toEqual(HARDWARE);
  });

  it('answer a challenge once, also when 20 come at once (A30)', async () => {
    const { authenticator } = await addPasskey(app, grace, anAuthenticator(app, true));
    for (let round = 0; round < 10; round += 1) {
      const { challengeId, options } = await verifyOptions(null);
      const response = authenticator.get(options);
      const outcomes = await Promise.all(
        unhurried(() => Array.from({ length: 20 }, () => mfa.signInWithPasskey({ challengeId, response }))),
      );
      expect(outcomes.filter((outcome) => outcome !== null)).toHaveLength(1);
    }
    const body = await newPasskey(app, grace);
    const answers = await Promise.all(Array.from({ length: 20 }, () => register(body)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  });

  it('of one counter let one of two in, who answer two challenges at once', async () => {
    const { authenticator } = await addPasskey(app, grace);
    const both = [await verifyOptions(null), await verifyOptions(null)];
    const outcomes = await Promise.all(
      both.map(({ challengeId, options }) =>
        mfa.signInWithPasskey({ challengeId, response: authenticator.get(options, { counter: 7 }) }),
      ),
    );
    expect(outcomes.filter((outcome) => outcome !== null)).toHaveLength(1);
  });

  it('are ten at most, apps included', async () => {
    for (let n = 0; n < 9; n += 1) await grace.post(FACTORS, { kind: 'totp', name: 'App' });
    const body = await newPasskey(app, grace);
    expect((await grace.post(FACTORS, { kind: 'totp', name: 'App' })).status).toBe(201);
    expect(codeOf(await register(body))).toEqual([409, 'too_many_factors']);
    expect(codeOf(await grace.post<Failure>(`${PASSKEYS}/options`))).toEqual([409, 'too_many_factors']);
  });

  it.each(['options', 'register', 'PATCH', 'DELETE'])('want a recent sign-in: %s (S16)', async (deed) => {
    const { id } = await addPasskey(app, grace);
    const body = await newPasskey(app, grace);
    app.clock.advance(6 * MINUTE);
    const before = await newFactsAbout(app, grace.id);
    const deeds: Record<string, () => Promise<{ status: number; body: Failure }>> = {
      options: () => grace.post(`${PASSKEYS}/options`),
      register: () => register(body),
      PATCH: () => grace.patch(`${PASSKEYS}/${id}`, { name: 'Another' }),
      DELETE: () => grace.delete(`${PASSKEYS}/${id}`),
    };
    expect(codeOf(await deeds[deed]!())).toEqual([403, 'reauthentication_required']);
    expect(await newFactsAbout(app, grace.id)).toEqual([...before, 'access.denied']);
  });

  it('are on record with who did it', async () => {
    const { id } = await addPasskey(app, grace);
    const fact = await factOf(app, grace.id, 'factor.confirmed');
    expect(fact.data).toEqual({ userId: grace.id, factorId: id, kind: 'passkey' });
    expect(fact.private).toMatchObject({ actorId: grace.id, ip: '127.0.0.1' });
  });
});
