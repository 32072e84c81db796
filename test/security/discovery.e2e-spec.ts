import { PasswordHasher } from '../../src/passwords/index.js';
import { TestApp } from '../harness/app.js';
import type { Answer } from '../harness/household.js';
import { PASSWORD, unique } from '../harness/people.js';
import { awaitMail, mailTo } from '../mail/mailbox.js';
import { Statements } from './statements.js';

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

  it('S9 is not told by signing in: status, body, headers, hashes and statements are the same', async () => {
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

  it('S9 is not told by registering: status, body, headers, hashes and statements are the same', async () => {
    const [taken, free] = [
      await seen(() => register(known)),
      await seen(() => register(`${unique('free')}@example.com`)),
    ];
    expect(taken).toMatchObject({ status: 202, hashes: 1, shown: { flowId: '' } });
    expect(taken.done.length).toBeGreaterThan(3);
    expect(free).toEqual(taken);
  });

  it('S9 is not told by a suspension: only the right password learns of it', async () => {
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
    expect((await awaitMail(app, other))[0]!.subject).toMatch(/^Your code: \d{6}$/);
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
