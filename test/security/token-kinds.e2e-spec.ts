import { jest } from '@jest/globals';

import { Mfa } from '../../src/mfa/index.js';
import { invite } from '../auth/invitees.js';
import { ACCESS, Browser, REFRESH } from '../auth/browser.js';
import { login, verify } from '../auth/sign-ins.js';
import type { SignIn } from '../auth/sign-ins.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Answer } from '../harness/household.js';
import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { awaitMail, codeIn, tokenIn } from '../mail/mailbox.js';
import { confirmApp } from '../mfa/enrolment.js';
import type { ConfirmedApp } from '../mfa/enrolment.js';

// A hundred passwords are hashed at a time, on a machine that is busy with other tests.
jest.setTimeout(180_000);

const NEXT = 'two green lamps behind the harbour';

/** What is mailed: the token of its link, or its code with the flow. */
interface Mailed {
  readonly token: string;
  readonly flowId: string;
  readonly code: string;
}
/** Null when the door stays shut, else what it answered. */
type Door = (shown: string) => Promise<[opened: boolean, status: number]>;

describe('S35, A14 each kind of token', () => {
  let app: TestApp;
  let admin: Person;
  /** Has a second factor, and is at the doors where one is shown. */
  let grace: Person;
  let factor: ConfirmedApp;
  let browser: Browser;

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`token_kinds_${process.env['JEST_WORKER_ID']}`),
    });
    [admin, grace] = [await app.people.admin(), await app.people.person()];
    factor = await confirmApp(app, grace);
    browser = await Browser.signedIn(app, (await app.people.person()).user);
  });
  afterAll(() => app.stop());

  const auth = <T = SignIn>(path: string, body: object): Promise<Answer<T>> =>
    app.send<T>('POST', `/api/v1/auth/${path}`, { body });
  const newest = async (email: string): Promise<{ token: string; code: string }> => {
    const [mail] = await awaitMail(app, email);
    return { token: tokenIn(mail!), code: codeIn(mail!) };
  };
  const begun = async (path: string, email: string, more: object = {}): Promise<Mailed> => {
    const { body } = await auth<{ flowId: string }>(path, { email, ...more });
    return { flowId: body.flowId, ...(await newest(email)) };
  };
  const anAddress = (): string => `${unique('t')}@example.com`;
  const somebody = async (): Promise<string> => (await app.people.user()).email;

  /** A new address is asked for: a mail to it, and one to the old one. */
  async function changing(): Promise<Mailed & { readonly revert: string }> {
    const [person, email] = [await app.people.person(), anAddress()];
    const { body } = await person.post<{ flowId: string }>('/api/v1/me/email', { email });
    const [told] = await awaitMail(app, person.user.email);
    return { flowId: body.flowId, ...(await newest(email)), revert: tokenIn(told!) };
  }

  async function invited(): Promise<Mailed> {
    const { invitation, token, code } = await invite(app, admin);
    return { flowId: invitation.flowId, token, code };
  }

  const registration = (): Promise<Mailed> => begun('register', anAddress(), { password: PASSWORD });

  const opened = async (answer: Promise<Answer<unknown>>): Promise<[boolean, number]> => {
    const { status } = await answer;
    return [status < 300, status];
  };
  const query =
    (name: string): Door =>
    (shown) =>
      opened(app.send('GET', `/api/v1/me?${name}=${encodeURIComponent(shown)}`));

  /** Everywhere a token is taken. */
  const DOORS: Record<string, Door> = {
    bearer: (token) => opened(app.send('GET', '/api/v1/me', { token })),
    'access cookie': (shown) => opened(app.send('GET', '/api/v1/me', { headers: { cookie: `${ACCESS}=${shown}` } })),
    refresh: (refreshToken) => opened(auth('refresh', { refreshToken })),
    'refresh cookie': (shown) => {
      const headers = { cookie: `${REFRESH}=${shown}`, origin: browser.origin };
      return opened(app.send('POST', '/api/v1/auth/refresh', { body: {}, headers }));
    },
    'email/verify': (token) => opened(auth('email/verify', { token, password: PASSWORD })),
    'email/revert': (token) => opened(auth('email/revert', { token })),
    'password/reset': (token) => opened(auth('password/reset', { token, password: NEXT })),
    'magic-link': (token) => opened(auth('magic-link/consume', { token })),
    invitation: (token) => opened(auth('invitations/accept', { token, password: NEXT })),
    'mfa options': (mfaToken) => opened(auth('passkeys/options', { mfaToken })),
    'mfa/verify': (mfaToken) => opened(verify(app, mfaToken, { method: 'totp', code: factor.code(1) })),
    'device token': async (deviceToken) => {
      const { status, body } = await login(app, grace.user, { deviceToken });
      return [body.mfaRequired === false, status];
    },
    cursor: (shown) => opened(admin.get(`/api/v1/users?limit=1&cursor=${encodeURIComponent(shown)}`)),
    'X-CSRF-Token': (shown) =>
      opened(
        browser.send('PATCH', '/api/v1/me', { body: { name: unique('Eve ') }, headers: { 'x-csrf-token': shown } }),
      ),
    'Idempotency-Key': async (shown) => {
      const { status, headers } = await grace.post('/api/v1/me/passkeys/options', undefined, {
        'idempotency-key': shown,
      });
      return [headers['idempotency-replayed'] === 'true', status];
    },
    '?access_token': query('access_token'),
    '?token': query('token'),
  };

  /** Of each kind one, and the doors that it is made for, in an order in which each of them opens. */
  async function kinds(): Promise<Record<string, { token: string; opens: string[] }>> {
    const person = await app.people.person();
    const { body: page } = await admin.get<{ page: { nextCursor: string } }>('/api/v1/users?limit=1');
    const idempotencyKey = unique('key-');
    await grace.post('/api/v1/me/passkeys/options', undefined, { 'idempotency-key': idempotencyKey });
    const service = { name: unique('Key '), scopes: ['me'], userId: person.id };
    const { body: key } = await admin.post<{ secret: string }>('/api/v1/api-keys', service);
    return {
      access: { token: person.token, opens: ['bearer', 'access cookie'] },
      refresh: { token: person.refreshToken, opens: ['refresh', 'refresh cookie'] },
      registration: { token: (await registration()).token, opens: ['email/verify'] },
      verification: { token: (await begun('email/resend', await somebody())).token, opens: ['email/verify'] },
      'new address': { token: (await changing()).token, opens: ['email/verify'] },
      'old address': { token: (await changing()).revert, opens: ['email/revert'] },
      reset: { token: (await begun('password/forgot', await somebody())).token, opens: ['password/reset'] },
      'magic link': { token: (await begun('magic-link', await somebody())).token, opens: ['magic-link'] },
      invitation: { token: (await invited()).token, opens: ['invitation'] },
      mfaToken: { token: (await login(app, grace.user)).body.mfaToken, opens: ['mfa options', 'mfa/verify'] },
      'device token': { token: (await app.get(Mfa).trust(grace.id)).token, opens: ['device token'] },
      'personal token': { token: (await app.people.byKey(person, ['me'])).token, opens: ['bearer'] },
      'service key': { token: key.secret, opens: ['bearer'] },
      cursor: { token: page.page.nextCursor, opens: ['cursor'] },
      'csrf token': { token: browser.csrfToken, opens: ['X-CSRF-Token'] },
      'idempotency key': { token: idempotencyKey, opens: ['Idempotency-Key'] },
    };
  }

  it('opens the doors that it is made for, and no other', async () => {
    const all = await kinds();
    const cells = new Map<string, string>();
    const wrong: string[] = [];
    const before = await newThings();
    for (const [kind, { token, opens }] of Object.entries(all))
      for (const [name, door] of Object.entries(DOORS)) {
        if (opens.includes(name)) continue;
        const [isOpen, status] = await door(token);
        cells.set(`${kind} ${name}`, String(status));
        if (isOpen) wrong.push(`${kind} opened ${name}: ${status}`);
      }
    // Nobody came in, and nobody was changed, by all of this.
    expect(await newThings()).toEqual(before);
    // Each is still good for what it was made for: the refusals were not for its age or its use.
    for (const [kind, { token, opens }] of Object.entries(all))
      for (const name of opens) {
        const [isOpen, status] = await DOORS[name]!(token);
        cells.set(`${kind} ${name}`, `(${status})`);
        if (!isOpen) wrong.push(`${kind} did not open ${name}: ${status}`);
      }
    print(Object.keys(all), Object.keys(DOORS), cells);
    expect(wrong).toEqual([]);
    expect(cells.size).toBe(Object.keys(all).length * Object.keys(DOORS).length);
  });

  it('and each code of a mail too', async () => {
    const reset = (proof: object): Promise<Answer> => auth('password/reset', { ...proof, password: NEXT });
    const doors: Record<string, (proof: object) => Promise<Answer<never>>> = {
      'email/verify': (proof) => auth('email/verify', proof),
      'password/reset': reset as never,
      'magic-link': (proof) => auth('magic-link/consume', proof),
      invitation: (proof) => auth('invitations/accept', { ...proof, password: NEXT }),
    };
    const codes: Record<string, [Mailed, string]> = {
      registration: [await registration(), 'email/verify'],
      verification: [await begun('email/resend', await somebody()), 'email/verify'],
      'new address': [await changing(), 'email/verify'],
      reset: [await begun('password/forgot', await somebody()), 'password/reset'],
      'magic link': [await begun('magic-link', await somebody()), 'magic-link'],
      invitation: [await invited(), 'invitation'],
    };
    const cells = new Map<string, string>();
    const before = await newThings();
    for (const [kind, [{ flowId, code }, own]] of Object.entries(codes))
      for (const [name, door] of Object.entries(doors)) {
        if (name === own) continue;
        const { status, body } = await door({ flowId, code });
        cells.set(`${kind} ${name}`, String(status));
        expect([kind, name, status, (body as SignIn).code]).toEqual([kind, name, 422, 'code_invalid']);
      }
    expect(await newThings()).toEqual(before);
    for (const [kind, [{ flowId, code }, own]] of Object.entries(codes)) {
      const { status } = await doors[own]!({ flowId, code });
      cells.set(`${kind} ${own}`, `(${status})`);
      expect([kind, own, status < 300]).toEqual([kind, own, true]);
    }
    print(Object.keys(codes), Object.keys(doors), cells);
  });

  it('the id of a challenge, or of a flow, proves nothing', async () => {
    const { body } = await auth<{ challengeId: string }>('passkeys/options', {});
    const { flowId } = await begun('magic-link', await somebody());
    for (const id of [body.challengeId, flowId, grace.id, grace.sessionId])
      for (const [name, door] of Object.entries(DOORS)) {
        const [isOpen] = await door(id);
        expect([name, isOpen]).toEqual([name, false]);
      }
  });

  /** What a token that was taken would have left behind. */
  async function newThings(): Promise<Record<string, string>> {
    const rows = await app.sql<{ type: string; count: string }>(
      `SELECT type, count(*) FROM roster.events
       WHERE type IN ('session.started', 'session.ended', 'user.created', 'user.updated', 'user.email_changed',
         'user.email_verified', 'password.changed', 'password.reset', 'invitation.accepted', 'second_step.refused')
       GROUP BY type`,
    );
    return Object.fromEntries(rows.map(({ type, count }) => [type, count]));
  }

  /** In brackets what is let in. */
  function print(rows: string[], columns: string[], cells: ReadonlyMap<string, string>): void {
    const width = Math.max(...rows.map(({ length }) => length)) + 2;
    const line = (name: string, values: string[]): string =>
      `${name.padEnd(width)}${values.map((value, at) => value.padStart(Math.max(columns[at]!.length, 5) + 2)).join('')}\n`;
    const lines = rows.map((row) =>
      line(
        row,
        columns.map((column) => cells.get(`${row} ${column}`) ?? '?'),
      ),
    );
    process.stdout.write(`\n${line('', columns)}${lines.join('')}`);
  }
});
