import type { UserRow } from '../../src/users/index.js';
import { TestApp } from '../harness/app.js';
import type { Answer } from '../harness/household.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import type { Failure } from '../users/shapes.js';

type Target = 'plain' | 'reader' | 'admin' | 'deleted plain' | 'deleted admin';
const ACTORS = ['admin', 'writer', 'writer+assigner', 'reader', 'plain', 'anonymous'] as const;

/** What each actor gets, in the order of ACTORS; `c` is 403 by the ceiling, `p` 403 for want of the permission, `-` 401. */
const TABLE: [
  operation: string,
  target: Target,
  method: string,
  rest: string,
  body: object | undefined,
  expected: string,
][] = [
  ['read', 'plain', 'GET', '', undefined, '200 p p 200 p -'],
  ['read', 'admin', 'GET', '', undefined, '200 p p 200 p -'],
  ['read the roles of', 'plain', 'GET', '/roles', undefined, '200 p p 200 p -'],
  ['replace', 'plain', 'PUT', '', { email: 'EMAIL', name: 'Replaced' }, '200 200 200 p p -'],
  ['replace', 'reader', 'PUT', '', { email: 'EMAIL', name: 'Replaced' }, '200 c c p p -'],
  ['replace', 'admin', 'PUT', '', { email: 'EMAIL', name: 'Replaced' }, '200 c c p p -'],
  ['change', 'plain', 'PATCH', '', { email: 'EMAIL' }, '200 200 200 p p -'],
  ['change', 'reader', 'PATCH', '', { email: 'EMAIL' }, '200 c c p p -'],
  ['change', 'admin', 'PATCH', '', { email: 'EMAIL' }, '200 c c p p -'],
  ['change nothing of', 'admin', 'PATCH', '', {}, '200 c c p p -'],
  ['delete', 'plain', 'DELETE', '', undefined, '204 204 204 p p -'],
  ['delete', 'admin', 'DELETE', '', undefined, '204 c c p p -'],
  ['restore', 'deleted plain', 'POST', '/restoration', undefined, '200 200 200 p p -'],
  ['restore', 'deleted admin', 'POST', '/restoration', undefined, '200 c c p p -'],
  ['suspend', 'plain', 'PUT', '/suspension', { reason: 'left' }, '200 200 200 p p -'],
  ['suspend', 'admin', 'PUT', '/suspension', { reason: 'left' }, '200 c c p p -'],
  ['reinstate', 'plain', 'DELETE', '/suspension', undefined, '200 200 200 p p -'],
  ['reinstate', 'admin', 'DELETE', '/suspension', undefined, '200 c c p p -'],
  ['take the roles of', 'plain', 'PUT', '/roles', { roles: [] }, '200 p 200 p p -'],
  ['take the roles of', 'reader', 'PUT', '/roles', { roles: [] }, '200 p c p p -'],
  ['take the roles of', 'admin', 'PUT', '/roles', { roles: [] }, '200 p c p p -'],
  ['make an administrator of', 'plain', 'PUT', '/roles', { roles: ['admin'] }, '200 p c p p -'],
];

describe('the ceiling of privileges', () => {
  let app: TestApp;
  let actors: Record<(typeof ACTORS)[number], Person | null>;
  let readers: string;

  beforeAll(async () => {
    app = await TestApp.start();
    const { people } = app;
    const reader = await people.withPermissions('users:read');
    readers = reader.user.roles.find((role) => role !== 'user')!;
    actors = {
      admin: await people.admin(),
      writer: await people.withPermissions('users:write'),
      'writer+assigner': await people.withPermissions('users:write', 'roles:assign'),
      reader,
      plain: await people.person(),
      anonymous: null,
    };
  });
  afterAll(() => app.stop());

  const ask = (actor: (typeof ACTORS)[number], method: string, url: string, body?: object): Promise<Answer<Failure>> =>
    app.send<Failure>(method, url, { body, token: actors[actor]?.token });

  /** A person of that kind, of whom nobody else knows. */
  const make = async (target: Target): Promise<UserRow> => {
    const roles = target.endsWith('admin') ? ['admin', 'user'] : target === 'reader' ? [readers] : ['user'];
    const user = await app.people.user({}, { roles });
    if (target.startsWith('deleted')) await ask('admin', 'DELETE', `/api/v1/users/${user.id}`);
    return user;
  };

  /** Everything about a user that a refused deed must leave alone; that it was refused is told. */
  const kept = async (id: string): Promise<unknown> =>
    (
      await app.sql(
        `SELECT row_to_json(u) AS row, ARRAY(SELECT role FROM roster.user_roles WHERE user_id = u.id ORDER BY role) AS roles,
           (SELECT count(*) FROM roster.events WHERE subject = 'users/' || u.id AND type <> 'access.denied') AS facts
         FROM roster.users u WHERE id = $1`,
        [id],
      )
    )[0];

  const told = ({ status, body }: Answer<Failure>): string =>
    status === 401 ? '-' : status === 403 ? (body.code === 'privilege_ceiling' ? 'c' : 'p') : String(status);

  it.each(TABLE)('lets %s (%s target) only whom it may', async (_, target, method, rest, body, expected) => {
    const found: string[] = [];
    for (const actor of ACTORS) {
      const user = await make(target);
      const before = await kept(user.id);
      const sent = body && 'email' in body ? { ...body, email: `${unique('c')}@example.com` } : body;
      const answer = await ask(actor, method, `/api/v1/users/${user.id}${rest}`, sent);
      found.push(told(answer));
      if (answer.status >= 400) expect(await kept(user.id)).toEqual(before);
    }
    expect(found.join(' ')).toBe(expected);
  });

  it.each([
    ['list', 'GET', '200 p p 200 p -'],
    ['create', 'POST', '201 201 201 p p -'],
  ])('lets %s users only whom it may', async (_, method, expected) => {
    const found: string[] = [];
    for (const actor of ACTORS) {
      const email = `${unique('c')}@example.com`;
      const answer = await ask(actor, method, '/api/v1/users', method === 'POST' ? { email, name: 'New' } : undefined);
      found.push(told(answer));
      const made = await app.sql('SELECT FROM roster.users WHERE email = $1', [email]);
      expect(made).toHaveLength(answer.status === 201 ? 1 : 0);
    }
    expect(found.join(' ')).toBe(expected);
  });

  it.each([
    ['read', 'GET', undefined, '200 200 200 200 200 -'],
    ['change', 'PATCH', { name: 'Myself' }, '200 200 200 200 200 -'],
  ])('lets everybody who is signed in %s their own account', async (_, method, body, expected) => {
    const found = [];
    for (const actor of ACTORS) found.push(told(await ask(actor, method, '/api/v1/me', body)));
    expect(found.join(' ')).toBe(expected);
  });

  it('says the same of an id that is not there as of one that is, to whoever may not ask', async () => {
    const { id } = await make('plain');
    for (const actor of ['plain', 'writer', 'anonymous'] as const) {
      const [there, nowhere] = await Promise.all(
        [id, '01a1fb89-a690-7530-90c7-ac334b01292e'].map((each) => ask(actor, 'GET', `/api/v1/users/${each}`)),
      );
      expect([there!.status, there!.body.code]).toEqual([nowhere!.status, nowhere!.body.code]);
    }
  });

  it('refuses what is above before it compares versions (RFC 9110, 13.2.1)', async () => {
    const { id } = await make('admin');
    const answer = await app.send<Failure>('PATCH', `/api/v1/users/${id}`, {
      token: actors.writer!.token,
      body: { name: 'X' },
      headers: { 'if-match': '"99.json"' },
    });
    expect([answer.status, answer.body.code]).toEqual([403, 'privilege_ceiling']);
  });

  it('lets one who assigns roles give what they hold, also by a role of another name', async () => {
    const { id } = await make('plain');
    const own = actors['writer+assigner']!.user.roles.find((role) => role !== 'user')!;
    expect((await ask('writer+assigner', 'PUT', `/api/v1/users/${id}/roles`, { roles: [own] })).status).toBe(200);
    const above = await ask('writer+assigner', 'PUT', `/api/v1/users/${id}/roles`, { roles: [own, readers] });
    expect([above.status, above.body.code]).toEqual([403, 'privilege_ceiling']);
  });

  it('does not let one who assigns roles raise themselves', async () => {
    const { id } = actors['writer+assigner']!;
    const before = await kept(id);
    expect(told(await ask('writer+assigner', 'PUT', `/api/v1/users/${id}/roles`, { roles: ['admin'] }))).toBe('c');
    expect(await kept(id)).toEqual(before);
  });
});
