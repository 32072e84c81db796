import { createHmac, randomInt } from 'node:crypto';

import { jest } from '@jest/globals';

import { PasswordHasher } from '../../src/passwords/index.js';
import { atSecondStep, awaitLetter, begin, factsOf, login } from '../auth/begun.js';
import type { SignedIn } from '../auth/begun.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Answer } from '../harness/household.js';
import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { otherThan, tokenIn } from '../mail/mailbox.js';
import { confirmApp } from '../mfa/enrolment.js';
import type { Failure } from '../users/shapes.js';

// A hundred passwords are hashed at a time, on a machine that is busy with other tests.
jest.setTimeout(300_000);

const NEXT = 'two green lamps behind the harbour';
const SECOND = 1000;
const HOUR = 3_600_000;
/** Of a crowd: more of them may find a busy machine, and be told to come again. */
const AT_ONCE = 5;
const TOO_MANY = { status: 429, body: { code: 'too_many_guesses' } };

let addresses = randomInt(65_536);
/** Where nobody else is, nor has been. */
const anAddress = (): string => {
  addresses = (addresses + 1) % 65_536;
  return `198.18.${addresses >> 8}.${addresses & 255}`;
};
const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address });
const retryAfter = ({ headers }: Answer<unknown>): number => Number(headers['retry-after']);

describe('guesses', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    // Of its own, for the clock goes far ahead. The one hop is whoever asks, so that each may say where they are.
    const database = await freshDatabase(`guesses_${process.env['JEST_WORKER_ID']}`);
    app = await TestApp.start({ database, settings: { TRUST_PROXY: '1' } });
  });
  beforeEach(async () => {
    ada = await app.people.admin();
  });
  afterEach(() => {
    app.clock.run();
    delete (app.get(PasswordHasher) as Partial<PasswordHasher>).verify;
  });
  afterAll(() => app.stop());

  /** Nothing passes while much is asked at once: however slow the machine, no pause ends. */
  const standStill = (): void => app.clock.stand();
  const moveOn = (milliseconds: number): void => {
    app.clock.run();
    app.clock.advance(milliseconds);
  };

  /** How many passwords are hashed from now on. */
  const countHashes = (): (() => number) => {
    const hasher = app.get(PasswordHasher);
    const verify = hasher.verify.bind(hasher);
    let count = 0;
    hasher.verify = (phc, password) => {
      count += 1;
      return verify(phc, password);
    };
    return () => count;
  };
  const wrong = (identifier: string, address: string): Promise<Answer<SignedIn>> =>
    login(app, identifier, `wrong ${unique('')}`, from(address));
  const right = (identifier: string, address: string, password = PASSWORD): Promise<Answer<SignedIn>> =>
    login(app, identifier, password, from(address));
  const statuses = (answers: readonly Answer<unknown>[], status: number): number =>
    answers.filter((answer) => answer.status === status).length;
  /** How often somebody guessed at this account, from wherever and by whatever name. */
  const everywhereOf = async (id: string): Promise<number> => {
    const account = createHmac('sha256', app.ground.secrets.key('guesses')).update(id).digest();
    const [row] = await app.sql<{ failures: number }>(
      "SELECT failures FROM roster.guesses WHERE account = $1 AND source = ''",
      [account],
    );
    return row?.failures ?? 0;
  };
  const blocks = (id: string) => factsOf<{ everywhere: boolean; until: string }>(app, id, 'account.guesses_blocked');

  describe('S8 A10 at a password, from one source', () => {
    it('are heard ten times of a hundred and fifty at once, and then the right one is not either', async () => {
      const [{ id, email }, here] = [await app.people.user(), anAddress()];
      const hashes = countHashes();
      standStill();
      const answers = await Promise.all(Array.from({ length: 150 }, () => wrong(email, here)));
      expect([statuses(answers, 401), statuses(answers, 429)]).toEqual([10, 140]);
      expect(hashes()).toBe(10);
      expect(await factsOf(app, id, 'sign_in.refused')).toHaveLength(10);
      expect(await blocks(id)).toMatchObject([{ data: { everywhere: false } }]);
      const refused = await right(email, here);
      expect(refused).toMatchObject(TOO_MANY);
      expect(retryAfter(refused)).toBe(1);
      expect(await factsOf(app, id, 'session.started')).toEqual([]);
      moveOn(SECOND + 1);
      expect((await right(email, here)).status).toBe(200);
      // What failed before is forgotten.
      expect([(await wrong(email, here)).status, (await right(email, here)).status]).toEqual([401, 200]);
    });

    it('wait twice as long after each further one, up to a quarter of an hour, and say how long', async () => {
      const [{ email }, here] = [await app.people.user(), anAddress()];
      standStill();
      for (let guesses = 0; guesses < 9; guesses += 1) expect((await wrong(email, here)).status).toBe(401);
      for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]) {
        standStill();
        expect((await wrong(email, here)).status).toBe(401);
        const refused = await right(email, here);
        expect(refused).toMatchObject(TOO_MANY);
        expect(retryAfter(refused)).toBe(seconds);
        moveOn(seconds * SECOND + 1);
      }
      expect((await right(email, here)).status).toBe(200);
    });

    it('do not make the pause longer while it lasts', async () => {
      const [{ email }, here] = [await app.people.user(), anAddress()];
      standStill();
      await Promise.all(Array.from({ length: 30 }, () => wrong(email, here)));
      moveOn(SECOND + 1);
      expect((await right(email, here)).status).toBe(200);
    });

    it('are begun anew after a day', async () => {
      const [{ email }, here] = [await app.people.user(), anAddress()];
      for (let guesses = 0; guesses < 9; guesses += 1) await wrong(email, here);
      moveOn(24 * HOUR + SECOND);
      for (let guesses = 0; guesses < 9; guesses += 1) expect((await wrong(email, here)).status).toBe(401);
      expect((await right(email, here)).status).toBe(200);
    });

    it('are one source from everywhere in a /64 of IPv6', async () => {
      const { email } = await app.people.user();
      standStill();
      for (let guesses = 0; guesses < 10; guesses += 1) await wrong(email, `2001:db8:7:7::${guesses + 1}`);
      expect(await right(email, '2001:db8:7:7:ffff::1')).toMatchObject(TOO_MANY);
      expect((await right(email, '2001:db8:7:8::1')).status).toBe(200);
    });

    it('are counted for a name, however it is typed', async () => {
      const user = await app.people.user({ username: unique('Grace-') });
      const name = user.username!;
      standStill();
      for (const spellings of [
        [user.email, user.email.toUpperCase(), ` ${user.email}`],
        [name, name.toUpperCase(), name.replace('Grace', '\uff27\uff52\uff41\uff43\uff45')],
      ]) {
        const here = anAddress();
        for (let guesses = 0; guesses < 10; guesses += 1) await wrong(spellings[guesses % 3]!, here);
        for (const spelling of spellings) expect(await right(spelling, here)).toMatchObject(TOO_MANY);
      }
      // Of all sources together they are one account.
      expect(await everywhereOf(user.id)).toBe(20);
    });

    it('A12 do not shut out the owner, who comes from elsewhere', async () => {
      const [{ email }, here, home] = [await app.people.user(), anAddress(), anAddress()];
      standStill();
      const answers = await Promise.all(Array.from({ length: 150 }, () => wrong(email, here)));
      expect(statuses(answers, 401)).toBe(10);
      // What was refused unheard counts for nobody else.
      expect((await right(email, home)).status).toBe(200);
      // Nor is the guesser let go by that.
      expect(await right(email, here)).toMatchObject(TOO_MANY);
    });
  });

  describe('A11 at different doors', () => {
    it('are one count: the sign-in, the change of the password, the step-up, the code of a reset', async () => {
      const here = anAddress();
      const person = await app.people.person();
      const { email } = person.user;
      const begun = await begin(app, 'password/forgot', email);
      const change = (currentPassword: string) =>
        person.post<Failure>('/api/v1/me/password', { currentPassword, newPassword: NEXT }, from(here));
      const stepUp = (password: string) => person.post<Failure>('/api/v1/auth/step-up', { password }, from(here));
      const reset = (code: string) =>
        app.send<Failure>('POST', '/api/v1/auth/password/reset', {
          body: { flowId: begun.flowId, code, password: NEXT },
          headers: from(here),
        });
      standStill();
      const hashes = countHashes();
      const told: [number, string][] = [];
      for (let rounds = 0; rounds < 3; rounds += 1)
        for (const answer of [
          await wrong(email, here),
          await change('not the password at all'),
          await stepUp('not the password at all'),
          await reset(otherThan(begun.code)),
        ])
          told.push([answer.status, answer.body.code]);
      expect(told.slice(0, 10)).toEqual([
        ...Array.from({ length: 2 }, () => [
          [401, 'sign_in_failed'],
          [403, 'password_incorrect'],
          [403, 'password_incorrect'],
          [422, 'code_invalid'],
        ]).flat(),
        [401, 'sign_in_failed'],
        [403, 'password_incorrect'],
      ]);
      expect(told.slice(10)).toEqual([
        [429, 'too_many_guesses'],
        [429, 'too_many_guesses'],
      ]);
      expect(hashes()).toBe(7 + 1);
      for (const answer of [
        await right(email, here),
        await change(PASSWORD),
        await stepUp(PASSWORD),
        await reset(begun.code),
      ])
        expect(answer).toMatchObject(TOO_MANY);
      expect(hashes()).toBe(7 + 1);
      expect(await factsOf(app, person.id, 'password.change_refused')).toHaveLength(3);
      expect(await factsOf(app, person.id, 'session.ended')).toEqual([]);
      moveOn(SECOND + 1);
      expect((await stepUp(PASSWORD)).status).toBe(200);
    });

    it('are one count, also at the second factor, for whoever knows the password (S14)', async () => {
      const here = anAddress();
      const grace = await app.people.person();
      const { email } = grace.user;
      const { recoveryCodes } = await confirmApp(app, grace);
      const { mfaToken } = (await right(email, here)).body;
      const verify = (code: string) =>
        app.send<Failure>('POST', '/api/v1/auth/mfa/verify', {
          body: { mfaToken, method: 'recovery_code', code },
          headers: from(here),
        });
      standStill();
      for (let guesses = 0; guesses < 10; guesses += 1)
        expect(await verify('0000-0000-0000-0000')).toMatchObject({ status: 401, body: { code: 'factor_invalid' } });
      expect(await verify(recoveryCodes[0]!)).toMatchObject(TOO_MANY);
      expect(await right(email, here)).toMatchObject(TOO_MANY);
      expect(await factsOf(app, grace.id, 'second_step.refused')).toHaveLength(10);
      moveOn(SECOND + 1);
      expect((await verify(recoveryCodes[0]!)).status).toBe(200);
    });
  });

  describe('S14 A10 at the code of an authenticator', () => {
    const verify = (mfaToken: string, code: string, address: string) =>
      app.send<Failure>('POST', '/api/v1/auth/mfa/verify', {
        body: { mfaToken, method: 'totp', code },
        headers: from(address),
      });
    const BLOCKED = { status: 429, body: { code: 'too_many_codes' } };

    it('are heard five times, over five sign-ins side by side, each from elsewhere', async () => {
      const grace = await app.people.person();
      const { mfaToken, code } = await atSecondStep(app, grace);
      const tokens = [mfaToken];
      while (tokens.length < 5) tokens.push((await right(grace.user.email, anAddress())).body.mfaToken);
      standStill();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => verify(tokens[n % 5]!, otherThan(code), anAddress())),
      );
      expect([statuses(answers, 401), statuses(answers, 429)]).toEqual([5, 15]);
      expect(answers.find(({ status }) => status === 429)).toMatchObject(BLOCKED);
      const refused = await verify(mfaToken, code, anAddress());
      expect(refused).toMatchObject(BLOCKED);
      expect(retryAfter(refused)).toBe(60);
      expect(await factsOf(app, grace.id, 'factor.codes_blocked')).toHaveLength(1);
      expect(await factsOf(app, grace.id, 'session.started')).toHaveLength(1);
    });

    it('are heard no more than five times of a hundred and fifty at once', async () => {
      const grace = await app.people.person();
      const { mfaToken, code } = await atSecondStep(app, grace);
      standStill();
      const answers = await Promise.all(
        Array.from({ length: 150 }, () => verify(mfaToken, otherThan(code), anAddress())),
      );
      expect(statuses(answers, 401)).toBe(5);
      expect(statuses(answers, 429)).toBe(145);
      expect(await factsOf(app, grace.id, 'second_step.refused')).toHaveLength(5);
    });

    it('are heard no more where somebody steps up', async () => {
      const grace = await app.people.person();
      const { code } = await confirmApp(app, grace);
      standStill();
      const stepUp = (text: string) =>
        grace.post<Failure>('/api/v1/auth/step-up', { method: 'totp', code: text }, from(anAddress()));
      for (let guesses = 0; guesses < 5; guesses += 1)
        expect((await stepUp(otherThan(code(1)))).body.code).toBe('factor_invalid');
      expect(await stepUp(code(1))).toMatchObject(BLOCKED);
    });
  });

  describe('S13 A10 at the code of a mail', () => {
    it('are heard five times of a hundred and fifty at once, wherever they come from', async () => {
      const { id, email } = await app.people.user();
      const { flowId, code } = await begin(app, 'password/forgot', email);
      const reset = (proof: object) =>
        app.send<Failure>('POST', '/api/v1/auth/password/reset', {
          body: { ...proof, password: NEXT },
          headers: from(anAddress()),
        });
      standStill();
      const answers = await Promise.all(Array.from({ length: 150 }, () => reset({ flowId, code: otherThan(code) })));
      // Ninety are counted, of all sources together; of these five are compared.
      expect([statuses(answers, 422), statuses(answers, 429)]).toEqual([90, 60]);
      const [row] = await app.sql('SELECT tries_left AS left FROM roster.flows WHERE id = $1', [flowId]);
      expect(row).toEqual({ left: 0 });
      expect(await reset({ flowId, code })).toMatchObject(TOO_MANY);
      moveOn(HOUR + SECOND);
      expect(await factsOf(app, id, 'password.reset')).toEqual([]);
      const { code: newer, flowId: flow } = await begin(app, 'password/forgot', email);
      expect((await reset({ flowId: flow, code: newer })).status).toBe(204);
    });
  });

  describe('from many sources', () => {
    /** So many wrong passwords, each from an address of its own; not more at once than may wait. */
    async function crowd(identifier: string, size: number): Promise<Answer<SignedIn>[]> {
      const answers: Answer<SignedIn>[] = [];
      while (answers.length < size)
        answers.push(
          ...(await Promise.all(
            Array.from({ length: Math.min(AT_ONCE, size - answers.length) }, () => wrong(identifier, anAddress())),
          )),
        );
      return answers;
    }

    it('S8 close the account to strangers after ninety, for an hour; A12 but not to its owner at home', async () => {
      const [user, home] = [await app.people.user(), anAddress()];
      expect((await right(user.email, home)).status).toBe(200);
      standStill();
      expect((await crowd(user.email, 90)).map(({ status }) => status)).toEqual(Array(90).fill(401));
      expect(await blocks(user.id)).toMatchObject([{ data: { userId: user.id, everywhere: true } }]);
      const hashes = countHashes();
      const refused = await right(user.email, anAddress());
      expect(refused).toMatchObject(TOO_MANY);
      expect(retryAfter(refused)).toBe(3600);
      expect((await crowd(user.email, 60)).map(({ status }) => status)).toEqual(Array(60).fill(429));
      expect(hashes()).toBe(0);
      expect(await factsOf(app, user.id, 'sign_in.refused')).toHaveLength(90);
      expect((await right(user.email, home)).status).toBe(200);
    });

    it('open it again when the hour is over', async () => {
      const user = await app.people.user();
      standStill();
      await crowd(user.email, 90);
      expect(await right(user.email, anAddress())).toMatchObject(TOO_MANY);
      moveOn(HOUR + SECOND);
      expect((await right(user.email, anAddress())).status).toBe(200);
    });

    it('A12 are not one an hour that keeps strangers out for ever (regressed: each guess after the pause locked again)', async () => {
      const user = await app.people.user();
      standStill();
      await crowd(user.email, 90);
      moveOn(HOUR + SECOND);
      standStill();
      // Nine more, then the right one is still heard; after ten it is not.
      expect(statuses(await crowd(user.email, 9), 401)).toBe(9);
      expect((await right(user.email, anAddress())).status).toBe(200);
      await crowd(user.email, 90);
      moveOn(HOUR + SECOND);
      standStill();
      expect(statuses(await crowd(user.email, 12), 401)).toBe(10);
      expect(await right(user.email, anAddress())).toMatchObject(TOO_MANY);
    });

    it('A12 do not shut out the owner from where they were signed in a while ago (regressed: only an open session was a home)', async () => {
      const [user, home] = [await app.people.user(), anAddress()];
      const { accessToken } = (await right(user.email, home)).body;
      await app.send('POST', '/api/v1/auth/logout', { token: accessToken, headers: from(home) });
      moveOn(29 * 24 * HOUR);
      standStill();
      await crowd(user.email, 90);
      expect(await right(user.email, anAddress())).toMatchObject(TOO_MANY);
      // What comes from home is counted there as from everywhere.
      for (let guesses = 0; guesses < 10; guesses += 1) expect((await wrong(user.email, home)).status).toBe(401);
      expect(await right(user.email, home)).toMatchObject(TOO_MANY);
      moveOn(SECOND + 1);
      expect((await right(user.email, home)).status).toBe(200);
    });

    it.each(['totp', 'recovery_code'] as const)(
      'A12 leave whoever has shown the first factor the second, by %s (regressed: a lock of all shut it too)',
      async (method) => {
        const grace = await app.people.person();
        const { code, recoveryCodes } = await confirmApp(app, grace);
        standStill();
        await crowd(grace.user.email, 90);
        const link = await begin(app, 'magic-link', grace.user.email);
        const first = await app.send<SignedIn>('POST', '/api/v1/auth/magic-link/consume', {
          body: { token: link.token },
          headers: from(anAddress()),
        });
        expect(first).toMatchObject({ status: 200, body: { mfaRequired: true } });
        const { mfaToken } = first.body;
        const entered = await app.send('POST', '/api/v1/auth/mfa/verify', {
          body: { mfaToken, method, code: method === 'totp' ? code(1) : recoveryCodes[0] },
          headers: from(anAddress()),
        });
        expect(entered.status).toBe(200);
      },
    );

    it('A12 leave the owner the mail: a new password, or a link', async () => {
      const user = await app.people.user();
      standStill();
      await crowd(user.email, 90);
      const link = await begin(app, 'magic-link', user.email);
      const entered = await app.send('POST', '/api/v1/auth/magic-link/consume', {
        body: { token: link.token },
        headers: from(anAddress()),
      });
      expect(entered.status).toBe(200);
      const begun = await begin(app, 'password/forgot', user.email);
      const reset = await app.send('POST', '/api/v1/auth/password/reset', {
        body: { token: begun.token, password: NEXT },
        headers: from(anAddress()),
      });
      expect(reset.status).toBe(204);
      expect((await right(user.email, anAddress(), NEXT)).status).toBe(200);
      expect(await factsOf(app, user.id, 'account.unlocked')).toHaveLength(1);
      await awaitLetter(app, user.email, 'Your password was changed');
    });

    it('are forgiven by an administrator, on record and once', async () => {
      const user = await app.people.user();
      standStill();
      await crowd(user.email, 90);
      expect(await right(user.email, anAddress())).toMatchObject(TOO_MANY);
      const unlock = (by: Person) => by.post<Failure>(`/api/v1/users/${user.id}/unlock`);
      expect(await unlock(await app.people.person())).toMatchObject({ status: 403 });
      expect(await right(user.email, anAddress())).toMatchObject(TOO_MANY);
      expect((await unlock(ada)).status).toBe(204);
      expect((await right(user.email, anAddress())).status).toBe(200);
      expect(await factsOf(app, user.id, 'account.unlocked')).toMatchObject([{ private: { actorId: ada.id } }]);
      // Nothing is left to forgive.
      await app.sql('DELETE FROM roster.guesses');
      expect((await unlock(ada)).status).toBe(204);
      expect(await factsOf(app, user.id, 'account.unlocked')).toHaveLength(1);
      const nobody = await ada.post<Failure>('/api/v1/users/01a1fb89-a690-7530-90c7-ac334b01292e/unlock');
      expect(nobody).toMatchObject({ status: 404, body: { code: 'user_not_found' } });
    });

    it('are not unlocked for an administrator by somebody who may do less', async () => {
      const helper = await app.people.withPermissions('credentials:administer');
      const refused = await helper.post<Failure>(`/api/v1/users/${ada.id}/unlock`);
      expect(refused).toMatchObject({ status: 403, body: { code: 'privilege_ceiling' } });
    });
  });

  describe('S9 at a name that nobody has', () => {
    /** Everything of an answer that somebody could tell two names apart by. */
    const looks = ({ status, headers, body }: Answer<Failure>): object => ({
      status,
      headers: Object.keys(headers).sort(),
      retryAfter: headers['retry-after'],
      code: body.code,
      members: Object.keys(body),
    });

    it('are counted alike, and cost as much', async () => {
      const [{ email }, here] = [await app.people.user(), anAddress()];
      const ask = async (identifier: string): Promise<[object[], number]> => {
        const hashes = countHashes();
        const answers: object[] = [];
        for (let guesses = 0; guesses < 13; guesses += 1)
          answers.push(looks((await wrong(identifier, here)) as unknown as Answer<Failure>));
        delete (app.get(PasswordHasher) as Partial<PasswordHasher>).verify;
        return [answers, hashes()];
      };
      standStill();
      const known = await ask(email);
      expect(known[1]).toBe(10);
      for (const unknown of [`${unique('nobody')}@example.com`, unique('nobody')])
        expect(await ask(unknown)).toEqual(known);
    });

    it('are counted alike from everywhere', async () => {
      const nobody = `${unique('nobody')}@example.com`;
      standStill();
      for (let guesses = 0; guesses < 90; guesses += 15)
        await Promise.all(Array.from({ length: 15 }, () => wrong(nobody, anAddress())));
      const refused = await wrong(nobody.toUpperCase(), anAddress());
      expect(refused).toMatchObject(TOO_MANY);
      expect(retryAfter(refused)).toBe(3600);
    });

    it('are kept without the name', async () => {
      const name = unique('nobody');
      await wrong(name, '198.18.1.1');
      const rows = await app.sql<{ text: string }>('SELECT g::text AS text FROM roster.guesses g');
      const text = rows.map((row) => row.text).join('\n');
      for (const told of [
        name,
        Buffer.from(name).toString('hex'),
        '198.18.1.1',
        Buffer.from('198.18.1.1').toString('hex'),
      ])
        expect(text).not.toContain(told);
    });
  });

  it('are not believed to come from elsewhere where no proxy is trusted', async () => {
    const other = await TestApp.start();
    const { email } = await other.people.user();
    other.clock.stand();
    const statusesOf: number[] = [];
    for (let guesses = 0; guesses < 11; guesses += 1)
      statusesOf.push((await login(other, email, 'not the password', from(anAddress()))).status);
    const begun = await begin(other, 'password/forgot', email);
    expect(tokenIn(begun.mail)).toBe(begun.token);
    await other.stop();
    expect(statusesOf).toEqual([...Array.from({ length: 10 }, () => 401), 429]);
  });
});
