import { jest } from '@jest/globals';

import { PasswordHasher } from '../../src/passwords/index.js';
import { TestApp } from '../harness/app.js';
import type { Answer } from '../harness/household.js';
import { PASSWORD, unique } from '../harness/people.js';
import { awaitMail, mailTo } from '../mail/mailbox.js';
import { confirmApp } from '../mfa/enrolment.js';
import { Statements } from './statements.js';

// A hundred passwords are hashed at a time, on a machine that is busy with other tests.
jest.setTimeout(180_000);

interface Problem {
  code: string;
  instance: string;
}

describe('who has an account', () => {
  let statements: Statements;
  let app: TestApp;
  let known: string;

  beforeAll(async () => {
    statements = new Statements();
    app = await TestApp.start();
    known = (await app.people.user()).email;
  });
  // However slow the machine, no pause ends in the midst of a test.
  beforeEach(() => app.clock.stand());
  afterEach(() => app.clock.run());
  afterAll(async () => {
    statements.restore();
    await app.stop();
  });

  const login = (identifier: string, password: string) =>
    app.send<Problem>('POST', '/api/v1/auth/login', { body: { identifier, password } });
  const register = (email: string) =>
    app.send<Problem>('POST', '/api/v1/auth/register', {
      body: { email, password: 'seven quiet bridges over a river' },
    });

  /** Everything that a stranger sees but ids and moments, and everything that was done for it. */
  async function seen(ask: () => Promise<Answer<object>>) {
    const hasher = app.get(PasswordHasher);
    const before = hasher.hashes;
    const { status, headers, body } = await ask();
    const done = statements.of(String(headers['x-request-id']));
    const { 'x-request-id': _id, date: _date, ...comparable } = headers;
    const shown = Object.fromEntries(
      Object.entries(body).map(([name, value]) => [name, name === 'requestId' || name === 'flowId' ? '' : value]),
    );
    return { status, headers: Object.entries(comparable), shown, hashes: hasher.hashes - before, done };
  }

  it('S9 A9 is not told by signing in: status, body, headers, hashes and statements are the same', async () => {
    const invited = (await app.people.user({}, { invited: true })).email;
    const [right, stranger, withoutPassword] = [
      await seen(() => login(known, 'not the password at all')),
      await seen(() => login(`${unique('nobody')}@example.com`, 'not the password at all')),
      await seen(() => login(invited, 'not the password at all')),
    ];
    expect(right).toMatchObject({ status: 401, hashes: 1, shown: { code: 'sign_in_failed' } });
    expect(right.done.length).toBeGreaterThan(2);
    expect(stranger).toEqual(right);
    expect(withoutPassword).toEqual(right);
  });

  it('S9 A9 is not told by registering: status, body, headers, hashes and statements are the same', async () => {
    const [taken, free] = [
      await seen(() => register(known)),
      await seen(() => register(`${unique('free')}@example.com`)),
    ];
    expect(taken).toMatchObject({ status: 202, hashes: 1, shown: { flowId: '' } });
    expect(taken.done.length).toBeGreaterThan(3);
    expect(free).toEqual(taken);
  });

  const ask = (door: string, email: string) => app.send<Problem>('POST', `/api/v1/auth/${door}`, { body: { email } });
  const nobody = () => `${unique('nobody')}@example.com`;
  const mine = async (invited = false) => (await app.people.user({}, { invited })).email;
  /** Whom a door may have to do with; the mail differs, the answer does not. */
  const SORTS: [string, () => Promise<string>][] = [
    ['an account', () => mine()],
    ['an account without a password', () => mine(true)],
    [
      'an account whose address is not confirmed',
      async () => {
        const user = await app.people.user();
        await app.sql('UPDATE roster.users SET email_verified_at = NULL WHERE id = $1', [user.id]);
        return user.email;
      },
    ],
    [
      'a registration that waits',
      async () => {
        const email = nobody();
        expect((await register(email)).status).toBe(202);
        return email;
      },
    ],
    [
      'a suspended account',
      async () => {
        const user = await app.people.user();
        await (await app.people.admin()).put(`/api/v1/users/${user.id}/suspension`, { reason: 'left' });
        return user.email;
      },
    ],
    [
      'a deleted account',
      async () => {
        const user = await app.people.user();
        await (await app.people.admin()).delete(`/api/v1/users/${user.id}`);
        return user.email;
      },
    ],
  ];
  const DOORS = ['password/forgot', 'email/resend', 'magic-link'];

  it.each(DOORS.flatMap((door) => SORTS.map(([sort, make]) => [door, sort, make] as const)))(
    'S9 A9 is not told by %s to %s: status, body, headers, hashes and statements are as for nobody',
    async (door, _sort, make) => {
      const email = await make();
      const somebody = await seen(() => ask(door, email));
      expect(somebody).toMatchObject({ status: 202, hashes: 0, shown: { flowId: '' } });
      expect(somebody.done.length).toBeGreaterThan(3);
      expect(await seen(() => ask(door, nobody()))).toEqual(somebody);
    },
  );

  it('S9 A9 is not told by the start of the second step, nor who has one: only the right password learns of it', async () => {
    const owner = await app.people.person();
    await confirmApp(app, owner);
    const wrong = await seen(() => login(owner.user.email, 'not the password at all'));
    expect(wrong).toMatchObject({ status: 401, hashes: 1, shown: { code: 'sign_in_failed' } });
    expect(await seen(() => login(nobody(), 'not the password at all'))).toEqual(wrong);
    const other = await mine();
    expect(await seen(() => login(other, 'not the password at all'))).toEqual(wrong);
    expect((await login(owner.user.email, PASSWORD)).body).toMatchObject({ mfaRequired: true });
  });

  it('S9 A9 is not told by the options of a passkey, which want no name', async () => {
    const options = () => app.send<object>('POST', '/api/v1/auth/passkeys/options', { body: {} });
    const { status, body } = await options();
    expect([status, JSON.stringify(body)]).toEqual([200, expect.not.stringContaining('allowCredentials":[{')]);
  });

  it('S9 A9 is not told by a code that is wrong, of a flow for somebody and of one for nobody', async () => {
    const wrongCode = async (email: string) => {
      const { flowId } = (await ask('password/forgot', email)).body as unknown as { flowId: string };
      const body = { flowId, code: '000000', password: 'seven quiet bridges over a river' };
      return seen(() => app.send<Problem>('POST', '/api/v1/auth/password/reset', { body }));
    };
    const somebody = await wrongCode(await mine());
    expect(somebody).toMatchObject({ hashes: 0, shown: { code: 'code_invalid' } });
    expect(await wrongCode(nobody())).toEqual(somebody);
  });

  it('S9 A9 is not told by guessing on, until the source is not heard, nor until nobody is', async () => {
    const [known, unknown] = [await mine(), nobody()];
    const guess = (identifier: string) => seen(() => login(identifier, 'not the password at all'));
    const statuses = [];
    for (let guesses = 0; guesses < 12; guesses += 1) {
      const right = await guess(known);
      expect(await guess(unknown)).toEqual(right);
      statuses.push(right.status);
    }
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429, 429]);
    // What is on record says who it was about; only administrators read it.
    const facts = await app.sql<{ userId: string | null }>(
      `SELECT data ->> 'userId' AS "userId" FROM roster.events WHERE type = 'account.guesses_blocked'
       ORDER BY xid DESC, seq DESC LIMIT 2`,
    );
    const [user] = await app.sql<{ id: string }>('SELECT id FROM roster.users WHERE email = $1', [known]);
    expect(facts).toEqual([{ userId: null }, { userId: user!.id }]);
    // As if everybody in the world had guessed at the two of them.
    await app.sql(
      `UPDATE roster.guesses SET failures = 90, blocked_until = CASE source WHEN '' THEN now() + interval '1 hour' END
       WHERE account IN (SELECT account FROM roster.guesses ORDER BY last_at DESC LIMIT 4)`,
    );
    const locked = await guess(known);
    expect(locked).toMatchObject({ status: 429, hashes: 0, shown: { code: 'too_many_guesses' } });
    expect(await guess(unknown)).toEqual(locked);
  });

  describe('S9 A9 is not told by which count a pause stands in', () => {
    const wrong = async (identifier: string) => (await login(identifier, 'not the password at all')).status;
    /** So many guesses at one name, then one at another: of both the status. */
    const after = async (first: string, then: string): Promise<number[]> => {
      for (let guesses = 0; guesses < 11; guesses += 1) await wrong(first);
      return [await wrong(first), await wrong(then)];
    };

    it('of a registration’s code and of a sign-in (regressed: the first counted for the address, the other for its user)', async () => {
      const ask = async (email: string): Promise<number[]> => {
        const { flowId } = (await register(email)).body as unknown as { flowId: string };
        const statuses: number[] = [];
        for (let guesses = 0; guesses < 12; guesses += 1) {
          const body = { flowId, code: '000000' };
          statuses.push((await app.send('POST', '/api/v1/auth/email/verify', { body })).status);
        }
        return [...statuses, await wrong(email)];
      };
      const unknown = await ask(nobody());
      expect(unknown).toEqual([...Array<number>(10).fill(422), 429, 429, 429]);
      expect(await ask(await mine())).toEqual(unknown);
    });

    it('of a user name and of another spelling of it (regressed: those of nobody were folded like addresses)', async () => {
      const wide = (name: string) => name.replace('b', '\uff42');
      const { username } = await app.people.user({ username: unique('bob-') });
      const free = unique('bob-');
      expect(await after(free, wide(free))).toEqual([429, 429]);
      expect(await after(username!, wide(username!))).toEqual([429, 429]);
    });

    it('of an address and of the user name that goes with it (regressed: a pause of the one held for the other)', async () => {
      const { email, username } = await app.people.user({ username: unique('bob-') });
      expect(await after(nobody(), unique('bob-'))).toEqual([429, 401]);
      expect(await after(email, username!)).toEqual([429, 401]);
    });
  });

  it('S9 A9 is not told by a suspension: only the right password learns of it', async () => {
    const user = await app.people.user();
    const ada = await app.people.admin();
    await ada.put(`/api/v1/users/${user.id}/suspension`, { reason: 'left' });
    const wrong = await seen(() => login(user.email, 'not the password at all'));
    expect(wrong).toEqual(await seen(() => login(known, 'not the password at all')));
    expect((await login(user.email, PASSWORD)).body.code).toBe('account_suspended');
  });

  it('A8 is decided by one rule of identity, and mail goes only to the address that the account has', async () => {
    const stored = `${unique('mike')}@example.com`;
    await app.people.user({ email: stored });
    // The Kelvin sign is a lower-case k; a dotless ı, another domain and full-width letters are other addresses.
    const equal = [stored.toUpperCase(), stored.replace('k', '\u212a'), ` ${stored} `];
    for (const email of equal) expect((await register(email)).status).toBe(202);
    const mails = await awaitMail(app, stored, equal.length);
    expect(mails.map(({ subject }) => subject)).toEqual(equal.map(() => 'You already have an account'));
    for (const email of equal.slice(0, 2)) expect(await mailTo(app, email)).toEqual([]);

    const other = stored.replace('i', 'ı');
    expect((await register(other)).status).toBe(202);
    expect((await awaitMail(app, other))[0]!.subject).toBe('Confirm your address');
  });

  it.each([
    ['a list', { email: ['a@example.com', 'b@example.com'] }, 422],
    ['an object', { email: { $ne: null } }, 422],
    ['null', { email: null }, 422],
    ['nothing', {}, 422],
    ['two addresses', { email: 'a@example.com,b@example.com' }, 422],
    ['an encoded line break', { email: 'a@example.com%0ab@example.com' }, 422],
    ['a line break', { email: 'a@example.com\nbcc: b@example.com' }, 422],
    ['a comment', { email: 'a@evil.example (c) .good.example' }, 422],
    ['a constructor', { email: 'a@example.com', constructor: { prototype: { admin: true } } }, 422],
    ['a role', { email: 'a@example.com', roles: ['admin'] }, 422],
  ])('A7 A20 A21 refuses %s in the place of an address', async (_what, body, status) => {
    const answer = await app.send<Problem>('POST', '/api/v1/auth/register', {
      body: { password: 'seven quiet bridges over a river', ...body },
    });
    expect(answer).toMatchObject({ status, body: { code: 'validation_failed' } });
  });

  it.each([
    ['a key twice', '{"email":"a@example.com","email":"b@example.com","password":"seven quiet bridges"}'],
    ['__proto__', '{"email":"a@example.com","password":"seven quiet bridges","__proto__":{"admin":true}}'],
  ])('A7 A20 refuses %s', async (_what, body) => {
    const answer = await app.send<Problem>('POST', '/api/v1/auth/register', { body });
    expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
  });

  it.each([null, {}, [], { $ne: null }, 0, true, ''])('A21 never signs in by the identifier %j', async (identifier) => {
    const body = { identifier, password: PASSWORD };
    expect(await app.send('POST', '/api/v1/auth/login', { body })).toMatchObject({ status: 422 });
  });
});
