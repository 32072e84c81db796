import { TestApp } from '../harness/app.js';
import type { Answer } from '../harness/household.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import type { Failure } from '../users/shapes.js';
import type { ShownRole } from './shapes.js';

const HOUR = 3_600_000;
type Deed = (who: Person) => Promise<Answer<Failure>>;

/** Who may give what, by roles and by grants: nobody more than they hold, nor for longer. */
describe('the reach of those who give permissions', () => {
  let app: TestApp;
  let ada: Person;
  let held: ShownRole;
  let above: ShownRole;
  /** Holds `users:read` for good. */
  let granter: Person;
  /** Holds `users:read` for an hour. */
  let brief: Person;

  const GIVING = ['permissions:grant', 'roles:write', 'roles:assign'];
  const later = (milliseconds: number): string => new Date(app.clock.millis() + milliseconds).toISOString();
  const role = async (permissions: string[]): Promise<ShownRole> =>
    (await ada.post<ShownRole>('/api/v1/roles', { name: unique('r'), permissions })).body;

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.admin();
    held = await role(['users:read']);
    above = await role(['users:read', 'users:write']);
    granter = await app.people.withPermissions('users:read', ...GIVING);
    brief = await app.people.withPermissions(...GIVING);
    const grants = [{ permission: 'users:read', expiresAt: later(HOUR) }];
    expect((await ada.put(`/api/v1/users/${brief.id}/permissions`, { grants })).status).toBe(200);
  });
  afterAll(() => app.stop());

  const plain = async (): Promise<string> => (await app.people.user()).id;
  const grants = async (who: Person, list: object[], id?: string): Promise<Answer<Failure>> =>
    who.put<Failure>(`/api/v1/users/${id ?? (await plain())}/permissions`, { grants: list });
  const read = (expiresAt: string | null): object => ({ permission: 'users:read', expiresAt });

  /** What each is answered: an administrator · who holds `users:read` for good · who holds it for an hour; `c` is the ceiling. */
  const TABLE: [string, Deed, string][] = [
    ['grants for good what they hold', (who) => grants(who, [read(null)]), '200 200 c'],
    ['grants it for less than an hour', (who) => grants(who, [read(later(HOUR / 2))]), '200 200 200'],
    ['grants it for two hours', (who) => grants(who, [read(later(2 * HOUR))]), '200 200 c'],
    ['grants what they do not hold', (who) => grants(who, [{ permission: 'users:write' }]), '200 c c'],
    ['grants it to themselves, for good', (who) => grants(who, [read(null)], who.id), '200 200 c'],
    [
      'leaves as it is what is given for good',
      async (who) => {
        const id = await plain();
        await grants(ada, [read(null)], id);
        return grants(who, [read(null), { permission: 'roles:assign' }], id);
      },
      // Whoever has it for longer than they do is out of reach.
      '200 200 c',
    ],
    [
      'takes what they do not hold',
      async (who) => {
        const id = await plain();
        await grants(ada, [{ permission: 'users:write' }], id);
        return grants(who, [], id);
      },
      '200 c c',
    ],
    [
      'gives a role of what they hold',
      async (who) => who.put<Failure>(`/api/v1/users/${await plain()}/roles`, { roles: [held.name] }),
      '200 200 c',
    ],
    [
      'gives a role above',
      async (who) => who.put<Failure>(`/api/v1/users/${await plain()}/roles`, { roles: [above.name] }),
      '200 c c',
    ],
    [
      'leaves a role to whoever has it',
      async (who) => {
        const { id } = await app.people.user({}, { roles: ['user', held.name] });
        return who.put<Failure>(`/api/v1/users/${id}/roles`, { roles: [held.name] });
      },
      // Whoever has it for longer than they do is out of reach.
      '200 200 c',
    ],
    ['makes a role of nothing', (who) => who.post<Failure>('/api/v1/roles', { name: unique('r') }), '201 201 201'],
    [
      'makes a role of what they hold',
      (who) => who.post<Failure>('/api/v1/roles', { name: unique('r'), permissions: ['users:read'] }),
      '201 201 c',
    ],
    [
      'makes a role above',
      (who) => who.post<Failure>('/api/v1/roles', { name: unique('r'), permissions: ['users:write'] }),
      '201 c c',
    ],
    [
      'adds to a role what they hold',
      async (who) =>
        who.patch<Failure>(`/api/v1/roles/${(await role([])).id}`, { permissions: ['users:read', 'roles:write'] }),
      '200 200 c',
    ],
    [
      'adds to a role what they do not hold',
      async (who) => who.patch<Failure>(`/api/v1/roles/${(await role([])).id}`, { permissions: ['users:write'] }),
      '200 c c',
    ],
    [
      'adds to a role that gives what they hold',
      async (who) =>
        who.patch<Failure>(`/api/v1/roles/${(await role(['users:read'])).id}`, {
          permissions: ['users:read', 'roles:write'],
        }),
      '200 200 200',
    ],
    [
      'takes from a role what they do not hold',
      async (who) => who.patch<Failure>(`/api/v1/roles/${(await role(['users:write'])).id}`, { permissions: [] }),
      '200 c c',
    ],
    [
      'changes the words of a role above',
      (who) => who.patch<Failure>(`/api/v1/roles/${above.id}`, { about: unique('Else ') }),
      '200 c c',
    ],
    [
      'lifts the second factor of a role above',
      (who) => who.patch<Failure>(`/api/v1/roles/${above.id}`, { mfaRequired: false }),
      '200 c c',
    ],
    [
      'deletes a role above',
      async (who) => who.delete<Failure>(`/api/v1/roles/${(await role(['users:write'])).id}`),
      '204 c c',
    ],
    [
      'deletes a role of what they hold',
      async (who) => who.delete<Failure>(`/api/v1/roles/${(await role(['users:read'])).id}`),
      '204 204 204',
    ],
  ];

  it.each(TABLE)('ends where it ought to: who %s', async (_, deed, expected) => {
    const told: string[] = [];
    for (const who of [ada, granter, brief]) {
      const answer = await deed(who);
      told.push(answer.body?.code === 'privilege_ceiling' ? 'c' : String(answer.status));
    }
    expect(told.join(' ')).toBe(expected);
  });

  it('is over with the permission, and what was given within it is over by then too', async () => {
    const [short, friend] = [await app.people.withPermissions(...GIVING), await plain()];
    await grants(ada, [read(later(HOUR / 60))], short.id);
    expect((await grants(short, [read(later(HOUR / 60 - 10_000))], friend)).status).toBe(200);
    app.clock.advance(HOUR / 60);
    const refused = await grants(short, [read(later(HOUR))], friend);
    expect([refused.status, refused.body.code]).toEqual([403, 'privilege_ceiling']);
    expect(await ada.get(`/api/v1/users/${friend}/permissions`)).toMatchObject({ body: { permissions: [] } });
  });

  it('is looked at before versions are compared (RFC 9110, 13.2.1)', async () => {
    const stale = { 'if-match': '"99.json"' };
    const refused = [
      await granter.patch<Failure>(`/api/v1/roles/${above.id}`, { about: 'X' }, stale),
      await granter.delete<Failure>(`/api/v1/roles/${above.id}`, stale),
      await granter.put<Failure>(`/api/v1/users/${ada.id}/permissions`, { grants: [] }, stale),
    ];
    expect(refused.map(({ body }) => body.code)).toEqual(Array(3).fill('privilege_ceiling'));
  });
});
