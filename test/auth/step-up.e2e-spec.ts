import { jest } from '@jest/globals';

import { operationsOf } from '../../src/platform/http/document.js';
import type { DocumentedOperation } from '../../src/platform/http/documented.js';
import { permissions } from '../../src/platform/contract/permission.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Answer } from '../harness/household.js';
import { PASSWORD, Person } from '../harness/people.js';
import { addressOf, sceneOf, withUniqueMembers } from '../harness/scenes.js';
import { otherThan } from '../mail/mailbox.js';
import { addPasskey, asked, confirmApp } from '../mfa/enrolment.js';
import { claimsIn, factsOf, login, refreshed, refusalIn, sessionsOf, typesOf, whoCameIn } from './sign-ins.js';
import type { SignIn } from './sign-ins.js';

jest.setTimeout(300_000);

const STEP_UP = '/api/v1/auth/step-up';
const MINUTE = 60_000;
/** RFC 9470, 3. */
const CHALLENGE =
  'Bearer realm="roster", error="insufficient_user_authentication", error_description="A more recent proof is needed", max_age="300"';

interface Sensitive {
  readonly operation: DocumentedOperation;
  readonly method: string;
  readonly path: string;
}

describe('a step-up', () => {
  let app: TestApp;
  let grace: Person;

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`step_up_${process.env['JEST_WORKER_ID']}`),
    });
  });
  beforeEach(async () => {
    grace = await app.people.person();
  });
  afterEach(() => app.clock.run());
  afterAll(() => app.stop());

  const stepUp = (proof: object, who = grace) => who.post<SignIn>(STEP_UP, proof);
  const byPassword = (who = grace) => stepUp({ password: PASSWORD }, who);
  const me = (token: string) => app.send<{ code: string }>('GET', '/api/v1/me', { token });
  /** Their session is as old as that, and their token is new. */
  const grown = async (who: Person, milliseconds: number): Promise<Person> => {
    app.clock.advance(milliseconds);
    return refreshed(app, who);
  };

  describe('S18 ends the session and begins another', () => {
    it('by the password, for whoever has nothing else', async () => {
      const before = await grown(grace, 6 * MINUTE);
      const answer = await byPassword(before);
      expect([answer.status, answer.headers['cache-control'], answer.headers['set-cookie']]).toEqual([
        200,
        'no-store',
        undefined,
      ]);
      const [was, is] = [claimsIn(before.token), claimsIn(answer.body.accessToken)];
      expect(is).toMatchObject({ sub: grace.id, amr: ['pwd'] });
      expect(is.sid).not.toBe(was.sid);
      expect(is.auth_time - was.auth_time).toBeGreaterThanOrEqual(360);
      const refresh = (refreshToken: string) =>
        app.send<SignIn>('POST', '/api/v1/auth/refresh', { body: { refreshToken } });
      for (const { token, refreshToken } of [grace, before]) {
        expect(refusalIn(await me(token))).toEqual([401, 'token_revoked']);
        expect(refusalIn(await refresh(refreshToken))).toEqual([401, 'refresh_token_invalid']);
      }
      expect((await me(answer.body.accessToken)).status).toBe(200);
      expect((await refresh(answer.body.refreshToken)).status).toBe(200);
      const told = { userId: grace.id };
      expect(await factsOf(app, answer)).toMatchObject([
        { type: 'session.ended', subject: `sessions/${was.sid}`, data: { ...told, reason: 'stepped_up' } },
        { type: 'session.started', subject: `sessions/${is.sid}`, data: { ...told, amr: ['pwd'] } },
      ]);
    });

    it('and no other one of theirs', async () => {
      const other = await app.people.signIn(grace.user);
      await byPassword();
      expect((await other.get('/api/v1/me')).status).toBe(200);
      expect(await sessionsOf(app, grace.id)).toBe(2);
    });

    it('by a code of an app, which is told beside what was shown before', async () => {
      const { code } = await confirmApp(app, grace);
      const answer = await stepUp({ method: 'totp', code: code(1) });
      expect(claimsIn(answer.body.accessToken).amr).toEqual(['pwd', 'otp', 'mfa']);
      expect(refusalIn(await me(grace.token))).toEqual([401, 'token_revoked']);
      expect(await typesOf(app, answer)).toEqual(['session.ended', 'session.started']);
    });

    it('by a recovery code', async () => {
      const { recoveryCodes } = await confirmApp(app, grace);
      const answer = await stepUp({ method: 'recovery_code', code: recoveryCodes[0] });
      expect(claimsIn(answer.body.accessToken).amr).toEqual(['pwd', 'rcv', 'mfa']);
      expect(await typesOf(app, answer)).toEqual(['recovery_code.used', 'session.ended', 'session.started']);
    });

    it('by a passkey, also when it is all that they have', async () => {
      const { authenticator } = await addPasskey(app, grace);
      const begun = await grace.post<{ challengeId: string; options: object }>(`${STEP_UP}/options`);
      expect([begun.status, begun.headers['cache-control']]).toEqual([200, 'no-store']);
      const { challengeId, options } = asked(begun.body);
      expect(options.allowCredentials?.map(({ id }) => id)).toEqual([authenticator.id.toString('base64url')]);
      const proof = { method: 'passkey', challengeId, response: authenticator.get(options) };
      const answer = await stepUp(proof);
      expect(claimsIn(answer.body.accessToken).amr).toEqual(['pwd', 'hwk', 'user', 'mfa']);
      // The challenge was for one answer.
      const again = await stepUp(proof, whoCameIn(app, grace.user, answer.body));
      expect(refusalIn(again)).toEqual([401, 'factor_invalid']);
    });

    it('for one of two that come at once', async () => {
      const [one, other] = await Promise.all([byPassword(), byPassword()]);
      expect([one.status, other.status].sort()).not.toEqual([200, 200]);
      expect(await sessionsOf(app, grace.id)).toBe(1);
    });
  });

  describe('is refused, and the session goes on', () => {
    it('by the password of whoever has a factor, which is the better proof', async () => {
      await confirmApp(app, grace);
      const answer = await byPassword();
      expect(refusalIn(answer)).toEqual([422, 'validation_failed']);
      expect(answer.body.errors).toMatchObject([{ pointer: '/password', code: 'factor_required' }]);
      expect((await me(grace.token)).status).toBe(200);
      expect(await factsOf(app, answer)).toEqual([]);
    });

    it('by a wrong password, on record (S64)', async () => {
      const answer = await stepUp({ password: 'not the password at all' });
      expect(refusalIn(answer)).toEqual([403, 'password_incorrect']);
      expect(await factsOf(app, answer)).toMatchObject([
        {
          type: 'step_up.refused',
          subject: `users/${grace.id}`,
          data: { userId: grace.id },
          private: { actorId: grace.id },
        },
      ]);
      expect((await me(grace.token)).status).toBe(200);
    });

    it('by a wrong code, on record, and by a code of somebody else', async () => {
      const [mine, eve] = [await confirmApp(app, grace), await app.people.person()];
      const hers = await confirmApp(app, eve);
      for (const code of [otherThan(mine.code()), hers.code(1)]) {
        const answer = await stepUp({ method: 'totp', code });
        expect(refusalIn(answer)).toEqual([401, 'factor_invalid']);
        expect(await factsOf(app, answer)).toMatchObject([
          { type: 'second_step.refused', subject: `users/${grace.id}`, data: { userId: grace.id, method: 'totp' } },
        ]);
      }
      expect((await me(grace.token)).status).toBe(200);
    });

    it('by a factor that somebody has not got', async () => {
      for (const method of ['totp', 'recovery_code'])
        expect(refusalIn(await stepUp({ method, code: '123456' }))).toEqual([401, 'factor_invalid']);
      expect(refusalIn(await stepUp({}))).toEqual([422, 'validation_failed']);
    });

    it('A11 after as many wrong passwords as a sign-in hears, and the sign-in is refused as well', async () => {
      const answers: number[] = [];
      for (let guess = 0; guess < 12; guess += 1) {
        const answer = await stepUp({ password: `not the password ${guess}` });
        answers.push(answer.status);
      }
      expect(answers.slice(0, 10)).toEqual(Array(10).fill(403));
      expect(answers.at(-1)).toBe(429);
      expect(refusalIn(await byPassword())).toEqual([429, 'too_many_guesses']);
      expect(refusalIn(await login(app, grace.user))).toEqual([429, 'too_many_guesses']);
      expect(await app.factsAbout(grace.id)).toContain('account.guesses_blocked');
    });

    it('by a key, and by somebody who acts for another', async () => {
      const admin = await app.people.admin();
      const key = await app.people.byKey(grace, ['me']);
      const impersonator = await actingFor(grace, admin);
      for (const who of [key, impersonator])
        expect(refusalIn(await byPassword(who))).toEqual([403, 'permission_denied']);
      expect((await impersonator.get('/api/v1/me')).status).toBe(200);
    });
  });

  describe('S16 is asked for', () => {
    const sensitive = (): Sensitive[] =>
      operationsOf(app.app.document).filter(({ operation }) => operation['x-max-age'] !== undefined);

    it('by everything that decides over an account', () => {
      const named = sensitive().map(({ operation }) => operation.operationId);
      process.stdout.write(`\n${named.length} operations want a recent sign-in: ${named.sort().join(' ')}\n`);
      // What the checklist names: address, factors, recovery; keys and the account itself beside them.
      expect(named).toEqual(
        expect.arrayContaining([
          ...['me.changeEmail', 'me.delete', 'me.createToken', 'me.rotateToken', 'apiKeys.create', 'apiKeys.rotate'],
          ...['factors.add', 'factors.confirm', 'factors.remove', 'factors.rename', 'recoveryCodes.make'],
          ...['passkeys.options', 'passkeys.register', 'passkeys.remove', 'passkeys.rename'],
          ...['devices.remove', 'devices.removeAll', 'users.impersonate', 'users.resetFactors'],
        ]),
      );
      for (const { operation } of sensitive()) expect([operation.operationId, operation['x-max-age']]).toContain(300);
    });

    it('after five minutes, and not before; a refresh makes nobody younger', async () => {
      const path = '/api/v1/me/passkeys/options';
      // As young as a session is that begins now, and grows only as it is told to.
      app.clock.stand();
      grace = await app.people.person();
      const inTime = await grown(grace, 5 * MINUTE - 2000);
      expect((await inTime.post(path)).status).toBe(200);
      const late = await grown(inTime, 4000);
      const refused = await late.post<SignIn>(path);
      expect(refusalIn(refused)).toEqual([403, 'reauthentication_required']);
      expect(refused.headers['www-authenticate']).toBe(CHALLENGE);
      expect((await late.get('/api/v1/me')).status).toBe(200);
    });

    it('by each of them of everybody who signed in long ago; of keys, and of impersonators, always', async () => {
      const wrong: string[] = [];
      let asked = 0;
      for (const each of sensitive()) {
        const { operationId } = each.operation;
        const tell = (who: string, fault: string | null): void => {
          asked += 1;
          if (fault) wrong.push(`${operationId} ${who}: ${fault}`);
        };
        const [admin, victim] = [await app.people.admin(), await app.people.person()];
        const key = await app.people.byKey(admin, ['me', ...permissions.keys()]);
        const impersonator = await actingFor(await app.people.admin(), admin);
        tell('by a key', await refusalOf(each, key, victim));
        tell('by an impersonator', await refusalOf(each, impersonator, victim));
        const late = await grown(admin, 6 * MINUTE);
        tell('after six minutes', await refusalOf(each, late, victim));
        const { body } = await byPassword(late);
        const young = whoCameIn(app, admin.user, body);
        const { status, text } = await perform(each, young, await app.people.person());
        tell('after a step-up', status < 300 ? null : `${status} ${text}`);
      }
      process.stdout.write(`\n${asked} times asked, ${wrong.length} wrong\n`);
      expect(asked).toBe(4 * sensitive().length);
      expect(wrong).toEqual([]);
    });
  });

  async function perform({ operation, method, path }: Sensitive, who: Person, victim: Person): Promise<Answer<SignIn>> {
    const scene = await sceneOf(operation.operationId, app, who, victim);
    const body = scene.body ?? exampleOf(operation);
    return who.send<SignIn>(method.toUpperCase(), addressOf(path, scene, victim.id), { body });
  }

  /** Null for the refusal that is due, which changes nothing: of the refusal alone there is a fact. */
  async function refusalOf({ operation, method, path }: Sensitive, who: Person, victim: Person) {
    const count = async () =>
      (await app.sql<{ count: string }>(`SELECT count(*) FROM roster.events WHERE type <> 'access.denied'`))[0]!.count;
    const before = await count();
    const answer = await who.send<SignIn>(method.toUpperCase(), addressOf(path, {}, victim.id), {
      body: exampleOf(operation),
    });
    const { status, body, headers } = answer;
    if (status !== 403 || body.code !== 'reauthentication_required') return `${status} ${answer.text}`;
    if (headers['www-authenticate'] !== CHALLENGE) return `says ${headers['www-authenticate']}`;
    return (await count()) === before ? null : 'recorded something';
  }

  async function actingFor(victim: Person, admin: Person): Promise<Person> {
    const url = `/api/v1/users/${victim.id}/impersonation`;
    const { body } = await admin.post<SignIn>(url, { reason: 'Ticket 4711' });
    return new Person(app, victim.user, body.accessToken, '', claimsIn(body.accessToken).sid);
  }
});

function exampleOf({ requestBody }: DocumentedOperation): object | undefined {
  const media = requestBody?.content['application/json'];
  if (!media) return undefined;
  const example = media.example ?? Object.values(media.examples ?? {})[0]?.value;
  return withUniqueMembers(example as Record<string, unknown>);
}
