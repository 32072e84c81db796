import { permissions } from '../../src/platform/contract/permission.js';
import { TestApp } from '../harness/app.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import type { Failure, PageOf } from '../users/shapes.js';
import { factsAbout } from './shapes.js';
import type { ShownRole } from './shapes.js';

const NOBODY = '01a1fb89-a690-7530-90c7-ac334b01292e';

describe('roles', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.admin();
  });
  afterAll(() => app.stop());

  const create = async (body: object = {}): Promise<ShownRole> => {
    const answer = await ada.post<ShownRole>('/api/v1/roles', { name: unique('r'), ...body });
    expect(answer).toMatchObject({ status: 201 });
    return answer.body;
  };
  const at = ({ id }: { id: string }): string => `/api/v1/roles/${id}`;
  const typesAbout = async ({ id }: ShownRole): Promise<[string, number][]> =>
    (await factsAbout(app, `roles/${id}`)).map(({ type, version }) => [type, version]);
  const builtIn = async (name: string): Promise<ShownRole> =>
    (await ada.get<PageOf<ShownRole>>(`/api/v1/roles?filter=name eq "${name}"`)).body.data[0]!;

  describe('creation', () => {
    it('makes a role with what it gives in order, and tells where it is', async () => {
      const name = unique('r');
      const body = { name, about: 'Helps', permissions: ['users:write', 'users:read'], mfaRequired: true };
      const made = await ada.post<ShownRole>('/api/v1/roles', body);
      expect(made.status).toBe(201);
      expect(made.headers).toMatchObject({ location: at(made.body), etag: '"1.json"' });
      const { id, createdAt, updatedAt, ...rest } = made.body;
      expect(rest).toEqual({ ...body, permissions: ['users:read', 'users:write'], builtIn: false, version: 1 });
      expect([id[14], createdAt]).toEqual(['7', updatedAt]);
      expect((await ada.get<ShownRole>(at(made.body))).body).toEqual(made.body);
      const [fact] = await factsAbout(app, `roles/${id}`);
      expect(fact).toMatchObject({
        type: 'role.created',
        version: 1,
        data: { roleId: id, role: name, permissions: ['users:read', 'users:write'] },
        private: { actorId: ada.id, after: { name, about: 'Helps', mfaRequired: true } },
      });
    });

    it('wants no more than a name', async () => {
      expect(await create()).toMatchObject({ about: '', permissions: [], mfaRequired: false, builtIn: false });
    });

    it.each<[string, object, number, string, [string, string][]]>([
      ['no name', { name: undefined }, 422, 'validation_failed', [['/name', 'required']]],
      ['a name of one letter', { name: 'a' }, 422, 'validation_failed', [['/name', 'too_short']]],
      ['a name of 64 letters', { name: 'a'.repeat(64) }, 422, 'validation_failed', [['/name', 'too_long']]],
      ['a name in capitals', { name: 'Support' }, 422, 'validation_failed', [['/name', 'role_name_invalid']]],
      ['a name that begins with a digit', { name: '1st' }, 422, 'validation_failed', [['/name', 'role_name_invalid']]],
      ['a name that is taken', { name: 'admin' }, 409, 'role_taken', [['/name', 'role_taken']]],
      [
        'a permission that is no text',
        { permissions: [1] },
        422,
        'validation_failed',
        [['/permissions', 'type_invalid']],
      ],
      [
        'a permission twice',
        { permissions: ['users:read', 'users:read'] },
        422,
        'validation_failed',
        [['/permissions', 'not_unique']],
      ],
      [
        'permissions that do not exist',
        { permissions: ['users:read', 'users:fly', 'constructor'] },
        422,
        'permission_unknown',
        [
          ['/permissions/1', 'permission_unknown'],
          ['/permissions/2', 'permission_unknown'],
        ],
      ],
      ['two lines', { about: 'a\nb' }, 422, 'validation_failed', [['/about', 'format_invalid']]],
    ])('refuses %s, and records nothing', async (_, body, status, code, faults) => {
      const name = unique('r');
      const before = await app.sql('SELECT count(*) FROM roster.roles WHERE name LIKE $1', [`${name}%`]);
      const refused = await ada.post<Failure>('/api/v1/roles', { name, ...body });
      expect([refused.status, refused.body.code]).toEqual([status, code]);
      expect(refused.body.errors?.map(({ pointer, code: fault }) => [pointer, fault])).toEqual(faults);
      expect(await app.sql('SELECT count(*) FROM roster.roles WHERE name LIKE $1', [`${name}%`])).toEqual(before);
    });

    it.each(['id', 'builtIn', 'version', 'createdAt', 'updatedAt', 'holders', 'constructor', 'prototype'])(
      'S56 refuses the member %s, in a new role and in a change',
      async (member) => {
        const role = await create();
        const asked = [
          await ada.post<Failure>('/api/v1/roles', { name: unique('r'), [member]: true }),
          await ada.patch<Failure>(at(role), { [member]: true }),
        ];
        for (const { status, body } of asked)
          expect([status, body.errors]).toEqual([
            422,
            [{ pointer: `/${member}`, code: 'unknown_member', detail: expect.any(String) }],
          ]);
        expect((await ada.get(at(role))).body).toEqual(role);
      },
    );

    it('leaves one of many who take the same name at once', async () => {
      const name = unique('r');
      const answers = await Promise.all(Array.from({ length: 20 }, () => ada.post('/api/v1/roles', { name })));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(19).fill(409)]);
    });
  });

  describe('change', () => {
    it.each<[string, object, object]>([
      ['other permissions', { permissions: ['users:read'] }, { permissions: ['users:read'] }],
      ['none', { permissions: [] }, { permissions: [] }],
      ['a second factor', { mfaRequired: true }, { mfaRequired: true }],
      ['other words', { about: 'Else' }, { about: 'Else' }],
      ['all of it', { about: '', permissions: ['users:read'], mfaRequired: true }, { about: '', mfaRequired: true }],
    ])('to %s raises the version and is recorded with before and after', async (_, change, shown) => {
      const role = await create({ about: 'Before', permissions: ['users:write'] });
      const changed = await ada.patch<ShownRole>(at(role), change, { 'if-match': '"1.json"' });
      expect(changed).toMatchObject({ status: 200, headers: { etag: '"2.json"' }, body: { ...shown, version: 2 } });
      const facts = await factsAbout(app, `roles/${role.id}`);
      expect(facts.map(({ type, version }) => [type, version])).toEqual([
        ['role.created', 1],
        ['role.changed', 2],
      ]);
      const { data, private: circumstances } = facts[1]!;
      const members = Object.keys(change).sort();
      expect({ ...data, members: [...(data['members'] as string[])].sort() }).toEqual({
        roleId: role.id,
        role: role.name,
        members,
      });
      expect(circumstances.after).toEqual(change);
      expect(circumstances.before).toEqual(
        Object.fromEntries(members.map((name) => [name, role[name as keyof ShownRole]])),
      );
    });

    it.each<[string, object]>([
      ['nothing', {}],
      ['what it is', { about: 'Before', permissions: ['users:write', 'users:read'], mfaRequired: false }],
    ])('to %s changes and records nothing', async (_, change) => {
      const role = await create({ about: 'Before', permissions: ['users:read', 'users:write'] });
      expect(await ada.patch(at(role), change)).toMatchObject({ status: 200, body: role });
      expect(await typesAbout(role)).toEqual([['role.created', 1]]);
    });

    it.each<[string, object, Record<string, string>, number, string]>([
      ['a stale version', { about: 'X' }, { 'if-match': '"7.json"' }, 412, 'precondition_failed'],
      ['a permission that does not exist', { permissions: ['users:fly'] }, {}, 422, 'permission_unknown'],
      ['another name', { name: 'else' }, {}, 422, 'validation_failed'],
      ['no list', { permissions: null }, {}, 422, 'validation_failed'],
    ])('by %s is refused and not recorded', async (_, change, headers, status, code) => {
      const role = await create();
      const refused = await ada.patch<Failure>(at(role), change, headers);
      expect([refused.status, refused.body.code]).toEqual([status, code]);
      expect(await typesAbout(role)).toEqual([['role.created', 1]]);
    });

    it('of one that nobody has heard of is a 404', async () => {
      for (const method of ['GET', 'PATCH', 'DELETE']) {
        const answer = await ada.send<Failure>(method, `/api/v1/roles/${NOBODY}`, {
          ...(method === 'PATCH' && { body: {} }),
        });
        expect([answer.status, answer.body.code]).toEqual([404, 'role_not_found']);
      }
    });
  });

  describe('deletion', () => {
    it('of a role that nobody has takes what it gave with it', async () => {
      const role = await create({ permissions: ['users:read'] });
      expect((await ada.delete(at(role), { 'if-match': '"1.json"' })).status).toBe(204);
      expect((await ada.get<Failure>(at(role))).body.code).toBe('role_not_found');
      expect(await app.sql('SELECT FROM roster.role_permissions WHERE role = $1', [role.name])).toEqual([]);
      const facts = await factsAbout(app, `roles/${role.id}`);
      expect(facts.at(-1)).toMatchObject({
        type: 'role.deleted',
        version: 2,
        data: { roleId: role.id, role: role.name },
        private: { actorId: ada.id, before: { name: role.name, permissions: ['users:read'] } },
      });
    });

    it('is refused while somebody has it, also somebody who was deleted', async () => {
      const role = await create();
      const { id } = await app.people.user({}, { roles: ['user', role.name] });
      await ada.delete(`/api/v1/users/${id}`);
      const refused = await ada.delete<Failure>(at(role));
      expect([refused.status, refused.body.code]).toEqual([409, 'role_in_use']);
      expect(await typesAbout(role)).toEqual([['role.created', 1]]);
      await ada.post(`/api/v1/users/${id}/restoration`);
      await ada.put(`/api/v1/users/${id}/roles`, { roles: ['user'] });
      expect((await ada.delete(at(role))).status).toBe(204);
    });
  });

  describe('the built-in ones', () => {
    it('are there, and admin gives every permission that the program promises', async () => {
      const [admin, user] = [await builtIn('admin'), await builtIn('user')];
      expect([admin.builtIn, user.builtIn, admin.id[14]]).toEqual([true, true, '7']);
      expect(admin.permissions).toEqual([...permissions.keys()].sort());
      const { body } = await ada.get<{ data: { name: string; about: string }[] }>('/api/v1/permissions');
      expect(body.data).toEqual([...permissions.values()].sort((a, b) => (a.name < b.name ? -1 : 1)));
    });

    it.each<[string, string, 'PATCH' | 'DELETE', object | undefined]>([
      ['deletes admin', 'admin', 'DELETE', undefined],
      ['deletes user', 'user', 'DELETE', undefined],
      ['takes from admin what it gives', 'admin', 'PATCH', { permissions: [] }],
      ['takes one permission from admin', 'admin', 'PATCH', { permissions: ['users:read'] }],
    ])('nobody %s', async (_, name, method, body) => {
      const before = await builtIn(name);
      const refused = await ada.send<Failure>(method, at(before), { body });
      expect([refused.status, refused.body.code]).toEqual([409, 'role_built_in']);
      expect(await builtIn(name)).toEqual(before);
    });

    it('take other words, a second factor, and user other permissions', async () => {
      // Whoever has shown a second factor: the others wait outside until the role is as it was.
      const boss = await app.people.signIn(ada.user, ['pwd', 'otp', 'mfa']);
      const [admin, user] = [await builtIn('admin'), await builtIn('user')];
      for (const [role, change] of [
        [admin, { about: 'Everything', mfaRequired: true, permissions: admin.permissions }],
        [user, { permissions: ['roles:read'] }],
      ] as const) {
        expect(await boss.patch(at(role), change)).toMatchObject({ status: 200, body: change });
        const { about, permissions: given, mfaRequired } = role;
        expect((await boss.patch(at(role), { about, permissions: given, mfaRequired })).status).toBe(200);
      }
    });
  });

  describe('the list', () => {
    let prefix: string;
    let made: ShownRole[];

    beforeAll(async () => {
      prefix = unique('l');
      made = [];
      for (const name of ['b', 'c', 'a']) made.push(await create({ name: prefix + name, permissions: ['users:read'] }));
    });

    const names = async (query: string): Promise<string[]> => {
      const { status, body } = await ada.get<PageOf<ShownRole>>(`/api/v1/roles?filter=name sw "${prefix}"&${query}`);
      expect(status).toBe(200);
      return body.data.map(({ name }) => name.replace(prefix, ''));
    };

    it.each([
      ['', 'a b c'],
      ['sort=name', 'a b c'],
      ['sort=-name', 'c b a'],
      ['sort=createdAt', 'b c a'],
      ['sort=-createdAt', 'a c b'],
      ['sort=-createdAt&limit=2', 'a c'],
    ])('is in order by "%s"', async (query, expected) => expect((await names(query)).join(' ')).toBe(expected));

    it('shows each role as it is, or the fields that are asked for, and counts', async () => {
      const { body } = await ada.get<PageOf<ShownRole>>(`/api/v1/roles?filter=name eq "${prefix}a"&count=exact`);
      expect(body.data).toEqual([made[2]]);
      expect(body.page).toMatchObject({ total: 1, totalIsEstimate: false });
      const some = await ada.get<PageOf<object>>(`/api/v1/roles?filter=name co "${prefix}a"&fields=name,permissions`);
      expect(some.body.data).toEqual([{ id: made[2]!.id, name: `${prefix}a`, permissions: ['users:read'] }]);
    });

    it('is walked forth by cursors', async () => {
      const walked: string[] = [];
      let cursor = '';
      do {
        const { body } = await ada.get<PageOf<ShownRole>>(
          `/api/v1/roles?filter=name sw "${prefix}"&sort=createdAt&limit=1${cursor && `&cursor=${cursor}`}`,
        );
        walked.push(...body.data.map(({ id }) => id));
        cursor = body.page.nextCursor ?? '';
      } while (cursor);
      expect(walked).toEqual(made.map(({ id }) => id));
    });
  });
});
