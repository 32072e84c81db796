import { TestApp } from '../harness/app.js';
import type { Answer } from '../harness/household.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import type { Failure, Shown } from './shapes.js';

const PASSWORD = 'quiet river under seven bridges';
const HOUR = 3_600_000;

describe('users', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.admin();
  });
  afterAll(() => app.stop());

  const address = (): string => `${unique('u')}@example.com`;
  const create = async (body: object = {}): Promise<Shown> => {
    const answer = await ada.post<Shown>('/api/v1/users', { email: address(), name: 'Somebody', ...body });
    expect(answer).toMatchObject({ status: 201 });
    return answer.body;
  };
  const show = async (id: string): Promise<Shown> => (await ada.get<Shown>(`/api/v1/users/${id}`)).body;
  const at = (id: string, rest = ''): string => `/api/v1/users/${id}${rest}`;
  const faults = ({ body }: Answer<Failure>): unknown => body.errors?.map(({ pointer, code }) => [pointer, code]);

  describe('creation', () => {
    it('makes an active user of one with a password', async () => {
      const email = `${unique('New')}@Example.com`;
      const created = await ada.post<Shown>('/api/v1/users', { email, name: 'New One', password: PASSWORD });
      expect(created.status).toBe(201);
      expect(created.headers).toMatchObject({ location: at(created.body.id), etag: '"1.json"' });
      expect(created.body).toMatchObject({
        email,
        status: 'active',
        version: 1,
        roles: ['user'],
        emailVerified: false,
      });
      expect(created.text).not.toContain(PASSWORD);
    });

    it('invites one without a password, with every member empty that was not given', async () => {
      const { id, email, createdAt, updatedAt, ...rest } = await create();
      expect([id, email, createdAt === updatedAt]).toEqual([expect.any(String), expect.any(String), true]);
      expect(rest).toEqual({
        ...{ emailVerified: false, name: 'Somebody', username: null, phone: null, locale: 'en', timezone: null },
        ...{ status: 'invited', suspension: null, roles: ['user'], metadata: {}, appMetadata: {}, externalId: null },
        ...{ lastSignInAt: null, deletionDueAt: null, version: 1 },
      });
    });

    it.each<[string, object, [string, string][]]>([
      [
        'nothing',
        {},
        [
          ['/email', 'required'],
          ['/name', 'required'],
        ],
      ],
      ['an address without a domain', { email: 'ada', name: 'A' }, [['/email', 'email_invalid']]],
      ['two addresses', { email: 'a@example.com,b@example.com', name: 'A' }, [['/email', 'email_invalid']]],
      ['an object for an address', { email: { $ne: null }, name: 'A' }, [['/email', 'email_invalid']]],
      ['a list for an address', { email: ['a@example.com'], name: 'A' }, [['/email', 'email_invalid']]],
      [
        'a zone of nowhere',
        { email: 'z@example.com', name: 'A', timezone: 'Mars/Olympus' },
        [['/timezone', 'timezone_invalid']],
      ],
      ['a language of nobody', { email: 'z@example.com', name: 'A', locale: 'en-u' }, [['/locale', 'locale_invalid']]],
      [
        'a user name with an @',
        { email: 'z@example.com', name: 'A', username: 'a@b' },
        [['/username', 'username_invalid']],
      ],
      [
        'a local telephone number',
        { email: 'z@example.com', name: 'A', phone: '0207 183 8750' },
        [['/phone', 'phone_invalid']],
      ],
      ['a list for metadata', { email: 'z@example.com', name: 'A', metadata: [] }, [['/metadata', 'type_invalid']]],
      [
        'metadata beyond 16 KiB',
        { email: 'z@example.com', name: 'A', metadata: { a: 'é'.repeat(8190) } },
        [['/metadata', 'too_large']],
      ],
      [
        'a common password',
        { email: 'z@example.com', name: 'A', password: 'password12345678' },
        [['/password', 'password_guessable']],
      ],
      [
        'what only the server sets',
        {
          email: 'z@example.com',
          name: 'A',
          id: 'x',
          roles: ['admin'],
          emailVerified: true,
          status: 'active',
          passwordHash: 'x',
          version: 9,
        },
        ['id', 'roles', 'emailVerified', 'status', 'passwordHash', 'version'].map((name) => [
          `/${name}`,
          'unknown_member',
        ]),
      ],
      [
        'a constructor',
        { email: 'z@example.com', name: 'A', constructor: { prototype: {} } },
        [['/constructor', 'unknown_member']],
      ],
    ])('refuses %s', async (_, body, expected) => {
      const refused = await ada.post<Failure>('/api/v1/users', body);
      expect([refused.status, refused.body.code]).toEqual([422, 'validation_failed']);
      expect(faults(refused)).toEqual(expect.arrayContaining(expected));
      expect(refused.body.errors).toHaveLength(expected.length);
    });

    it.each([
      ['case', (name: string) => [`${name}@example.com`, `${name.toUpperCase()}@EXAMPLE.com`]],
      ['composition', (name: string) => [`${name}\u00e9@example.com`, `${name}e\u0301@example.com`]],
      ['the form of the domain', (name: string) => [`${name}@b\u00fccher.example`, `${name}@xn--bcher-kva.example`]],
      ['spaces around it', (name: string) => [`${name}@example.com`, ` ${name}@example.com `]],
    ])('does not tell addresses apart by %s', async (_, pair) => {
      const [first, second] = pair(unique('same')) as [string, string];
      const { email } = await create({ email: first });
      expect(email).toBe(first);
      const refused = await ada.post<Failure>('/api/v1/users', { email: second, name: 'B' });
      expect([refused.status, refused.body.code, faults(refused)]).toEqual([
        409,
        'email_taken',
        [['/email', 'email_taken']],
      ]);
    });

    it('tells apart what only looks alike', async () => {
      const name = unique('like');
      await create({ email: `i${name}@example.com` });
      await create({ email: `\u0131${name}@example.com` });
      await create({ email: `\uff49${name}@example.com` });
    });

    it.each([
      ['username', 'username_taken', (name: string) => [`Ada.${name}`, `\uff41DA.${name.toUpperCase()}`]],
      ['externalId', 'external_id_taken', (name: string) => [name, name]],
    ])('gives a %s once', async (member, code, pair) => {
      const [first, second] = pair(unique('x')) as [string, string];
      await create({ [member]: first });
      const refused = await ada.post<Failure>('/api/v1/users', { email: address(), name: 'B', [member]: second });
      expect([refused.status, refused.body.code]).toEqual([409, code]);
    });

    it('keeps metadata as they are, whatever their members are called', async () => {
      const metadata = {
        constructor: { prototype: 1, deep: { constructor: 'x', toString: null } },
        list: [{ a: [null] }],
      };
      const { id } = await create({ metadata });
      expect((await show(id)).metadata).toEqual(metadata);
    });
  });

  describe('patch', () => {
    it.each<[string, object, object]>([
      [
        'clears what may be empty by null',
        { username: null, phone: null, timezone: null, externalId: null },
        { username: null, phone: null, timezone: null, externalId: null },
      ],
      [
        'merges metadata to any depth',
        { metadata: { a: { b: null, d: 4 }, list: [2] } },
        { metadata: { a: { c: 2, d: 4 }, list: [2], stays: true } },
      ],
      ['merges appMetadata likewise', { appMetadata: { plan: null } }, { appMetadata: {} }],
      ['changes nothing by nothing', {}, { version: 1 }],
      ['changes nothing by what is already so', { name: 'Somebody', metadata: { stays: true } }, { version: 1 }],
      ['takes a name', { name: 'Else' }, { name: 'Else', version: 2 }],
    ])('%s', async (_, patch, expected) => {
      const given = {
        username: unique('u'),
        phone: '+442071838750',
        timezone: 'Europe/London',
        externalId: unique('x'),
      };
      const metadata = { a: { b: 1, c: 2 }, list: [1, 2], stays: true };
      const { id } = await create({ ...given, metadata, appMetadata: { plan: 'team' } });
      const patched = await ada.patch<Shown>(at(id), patch, { 'content-type': 'application/merge-patch+json' });
      expect(patched.status).toBe(200);
      expect(patched.body).toMatchObject(expected);
      expect(await show(id)).toEqual(patched.body);
      expect(patched.headers.etag).toBe(`"${patched.body.version}.json"`);
    });

    it.each(['email', 'name', 'locale', 'metadata', 'appMetadata'])('does not clear %s', async (member) => {
      const { id } = await create();
      const refused = await ada.patch<Failure>(at(id), { [member]: null });
      expect([refused.status, refused.body.errors?.[0]?.pointer]).toEqual([422, `/${member}`]);
    });

    it('bounds what the metadata become, not only what is added', async () => {
      const { id } = await create({ metadata: { a: 'x'.repeat(9000) } });
      const refused = await ada.patch<Failure>(at(id), { metadata: { b: 'x'.repeat(9000) } });
      expect([refused.status, faults(refused)]).toEqual([422, [['/metadata', 'too_large']]]);
      expect((await ada.patch(at(id), { metadata: { a: null, b: 'x'.repeat(9000) } })).status).toBe(200);
    });

    it('makes an address that is really another one unverified, and only then', async () => {
      const email = address();
      const { id } = await create({ email });
      await app.sql('UPDATE roster.users SET email_verified_at = now() WHERE id = $1', [id]);
      const upper = await ada.patch<Shown>(at(id), { email: email.toUpperCase() });
      expect(upper.body).toMatchObject({ email: email.toUpperCase(), emailVerified: true, version: 2 });
      const other = await ada.patch<Shown>(at(id), { email: ` e\u0301${email} ` });
      expect(other.body).toMatchObject({ email: `e\u0301${email}`, emailVerified: false, version: 3 });
      const taken = await ada.post<Failure>('/api/v1/users', { email: `\u00c9${email}`, name: 'B' });
      expect(taken.body.code).toBe('email_taken');
    });

    it('refuses an address, a user name or an external id of somebody else', async () => {
      const [email, username, externalId] = [address(), unique('u'), unique('x')];
      await create({ email, username, externalId });
      const { id } = await create();
      for (const [member, code] of Object.entries({ email, username, externalId }).map(([name, value], index) => [
        { [name]: value },
        ['email_taken', 'username_taken', 'external_id_taken'][index],
      ])) {
        const refused = await ada.patch<Failure>(at(id), member);
        expect([refused.status, refused.body.code]).toEqual([409, code]);
      }
      expect(await show(id)).toMatchObject({ version: 1 });
    });
  });

  describe('put', () => {
    it('takes back what GET answered, with changes, and resets what is left out', async () => {
      const { id } = await create({ username: unique('u'), metadata: { a: 1 }, locale: 'de' });
      const seen = await show(id);
      const { username: _, metadata: __, locale: ___, ...kept } = seen;
      const replaced = await ada.put<Shown>(at(id), { ...kept, name: 'Replaced' }, { 'if-match': '"1.json"' });
      expect(replaced.status).toBe(200);
      expect(replaced.body).toEqual({
        ...seen,
        name: 'Replaced',
        username: null,
        metadata: {},
        locale: 'en',
        version: 2,
        updatedAt: expect.any(String),
      });
    });

    it.each<[string, unknown]>([
      ['id', '01a1fb89-a690-7530-90c7-ac334b01292e'],
      ['emailVerified', true],
      ['status', 'active'],
      ['suspension', { since: '2026-01-01T00:00:00.000Z', until: null, reason: 'x' }],
      ['roles', ['admin']],
      ['createdAt', null],
      ['updatedAt', '2026-01-01T00:00:00.000Z'],
      ['lastSignInAt', '2026-01-01T00:00:00.000Z'],
      ['deletionDueAt', '2026-01-01T00:00:00.000Z'],
      ['version', '1'],
    ])('refuses another %s', async (member, value) => {
      const { id } = await create();
      const seen = await show(id);
      const refused = await ada.put<Failure>(at(id), { ...seen, name: 'Other', [member]: value });
      expect([refused.status, faults(refused)]).toEqual([422, [[`/${member}`, 'read_only']]]);
      expect(await show(id)).toEqual(seen);
    });

    it('knows no password', async () => {
      const seen = await create();
      const refused = await ada.put<Failure>(at(seen.id), { ...seen, password: PASSWORD });
      expect([refused.status, faults(refused)]).toEqual([422, [['/password', 'unknown_member']]]);
    });
  });

  describe('versions', () => {
    it.each(['', '/roles'])('answers GET /users/:id%s with an ETag, and 304 to whoever has it', async (rest) => {
      const { id } = await create();
      const first = await ada.get(at(id, rest));
      expect([first.status, first.headers.etag]).toEqual([200, '"1.json"']);
      for (const tag of ['"1.json"', 'W/"1.json"', '"0.json", "1.json"', '*']) {
        const again = await ada.get(at(id, rest), { 'if-none-match': tag });
        expect([again.status, again.text, again.headers.etag]).toEqual([304, '', '"1.json"']);
      }
      await ada.put(at(id, '/suspension'), { reason: 'left' });
      const changed = await ada.get(at(id, rest), { 'if-none-match': '"1.json"' });
      expect([changed.status, changed.headers.etag]).toEqual([200, '"2.json"']);
    });

    it.each<[string, string, object | undefined]>([
      ['PUT', '', { email: 'if-match@example.com', name: 'X' }],
      ['PATCH', '', { name: 'X' }],
      ['DELETE', '', undefined],
      ['PUT', '/suspension', { reason: 'left' }],
      ['DELETE', '/suspension', undefined],
      ['PUT', '/roles', { roles: [] }],
    ])('refuses %s /users/:id%s of a stale version, and of one that never was', async (method, rest, body) => {
      const { id } = await create();
      await ada.patch(at(id), { name: 'Changed' });
      const before = await show(id);
      for (const tag of ['"1.json"', '"3.json"', 'W/"2.json"', '"nonsense"', '2']) {
        const refused = await ada.send<Failure>(method, at(id, rest), { body, headers: { 'if-match': tag } });
        expect([refused.status, refused.body.code]).toEqual([412, 'precondition_failed']);
      }
      expect(await show(id)).toEqual(before);
      const done = await ada.send(method, at(id, rest), { body, headers: { 'if-match': '"2.json"' } });
      expect([200, 204]).toContain(done.status);
    });

    it('does not rise by a sign-in', async () => {
      const grace = await app.people.person();
      expect(await show(grace.id)).toMatchObject({ version: 1, lastSignInAt: expect.any(String) });
    });
  });

  describe('suspension', () => {
    const soon = (ms: number): string => new Date(app.clock.millis() + ms).toISOString();

    it('ends sessions, shows why and until when, and is lifted', async () => {
      const grace = await app.people.person();
      const until = soon(HOUR);
      const suspended = await ada.put<Shown>(at(grace.id, '/suspension'), { reason: 'left', until });
      expect(suspended.body).toMatchObject({ status: 'suspended', suspension: { reason: 'left', until }, version: 2 });
      expect((await grace.get('/api/v1/me')).status).toBe(401);
      const lifted = await ada.delete<Shown>(at(grace.id, '/suspension'));
      expect([lifted.status, lifted.body.status, lifted.body.suspension]).toEqual([200, 'active', null]);
      expect((await grace.get('/api/v1/me')).status).toBe(401);
    });

    it('changes its reason and its end when it is put again, and keeps its beginning', async () => {
      const { id } = await create();
      const first = await ada.put<Shown>(at(id, '/suspension'), { reason: 'first' });
      const second = await ada.put<Shown>(at(id, '/suspension'), { reason: 'second', until: soon(HOUR) });
      expect(second.body).toMatchObject({
        version: 3,
        suspension: { since: first.body.suspension!.since, reason: 'second' },
      });
      const third = await ada.put<Shown>(at(id, '/suspension'), {
        reason: 'second',
        until: second.body.suspension!.until,
      });
      expect(third.body).toEqual(second.body);
    });

    it.each([
      ['a moment ago', () => soon(-1), 'until_past'],
      ['now', () => soon(-0), 'until_past'],
      ['a day that is not', () => '2099-02-30T00:00:00Z', 'moment_invalid'],
      ['a moment without a zone', () => '2099-02-03T00:00:00', 'moment_invalid'],
      ['beyond the year 9999', () => '9999-12-31T23:59:59-01:00', 'moment_invalid'],
    ])('does not end at %s', async (_, until, code) => {
      const { id } = await create();
      const refused = await ada.put<Failure>(at(id, '/suspension'), { reason: 'left', until: until() });
      expect([refused.status, faults(refused)]).toEqual([422, [['/until', code]]]);
    });

    it('of somebody invited ends in their being invited', async () => {
      const { id } = await create();
      await ada.put(at(id, '/suspension'), { reason: 'left' });
      expect((await ada.delete<Shown>(at(id, '/suspension'))).body.status).toBe('invited');
    });

    it('is over by itself, which is another version; then it can begin anew', async () => {
      const grace = await app.people.user();
      await ada.put(at(grace.id, '/suspension'), { reason: 'pause', until: soon(HOUR) });
      app.clock.advance(HOUR + 1);
      ada = await app.people.admin();
      const over = await ada.get<Shown>(at(grace.id), { 'if-none-match': '"2.json"' });
      expect([over.status, over.headers.etag]).toEqual([200, '"3.json"']);
      expect(over.body).toMatchObject({ status: 'active', suspension: null, version: 3 });
      const since = soon(0);
      expect((await ada.delete(at(grace.id, '/suspension'))).headers.etag).toBe('"3.json"');
      const anew = await ada.put<Shown>(at(grace.id, '/suspension'), { reason: 'again' }, { 'if-match': '"3.json"' });
      expect([anew.status, anew.body.version, anew.body.suspension!.since >= since]).toEqual([200, 4, true]);
    });
  });

  describe('deletion and restoration', () => {
    it('frees the address at once, shows who was deleted, and lets nothing else be done to them', async () => {
      const email = address();
      const { id } = await create({ email });
      expect(await ada.delete(at(id))).toMatchObject({ status: 204, text: '' });
      expect(await show(id)).toMatchObject({ status: 'deleted', version: 2 });
      expect((await ada.get(at(id, '/roles'))).status).toBe(200);
      const deeds = [
        ada.patch<Failure>(at(id), { name: 'X' }),
        ada.put<Failure>(at(id), { email: address(), name: 'X' }),
        ada.delete<Failure>(at(id)),
        ada.put<Failure>(at(id, '/suspension'), { reason: 'x' }),
        ada.delete<Failure>(at(id, '/suspension')),
        ada.put<Failure>(at(id, '/roles'), { roles: [] }),
      ];
      for (const refused of await Promise.all(deeds))
        expect([refused.status, refused.body.code]).toEqual([404, 'user_not_found']);
      expect((await create({ email })).id).not.toBe(id);
    });

    it('restores a user as they were, but not their sessions', async () => {
      const grace = await app.people.person({ username: unique('u') });
      const before = await show(grace.id);
      await ada.delete(at(grace.id));
      const restored = await ada.post<Shown>(at(grace.id, '/restoration'));
      expect(restored.status).toBe(200);
      expect(restored.body).toEqual({ ...before, version: 3, updatedAt: expect.any(String) });
      expect((await grace.get('/api/v1/me')).status).toBe(401);
    });

    it.each([
      ['email', 'email_taken'],
      ['username', 'username_taken'],
      ['externalId', 'external_id_taken'],
    ])('does not restore somebody whose %s was taken', async (member, code) => {
      const taken = member === 'email' ? address() : unique('t');
      const { id } = await create({ [member]: taken });
      await ada.delete(at(id));
      await create({ [member]: taken.toLowerCase() });
      const refused = await ada.post<Failure>(at(id, '/restoration'));
      expect([refused.status, refused.body.code]).toEqual([409, code]);
      expect(await show(id)).toMatchObject({ status: 'deleted', version: 2 });
    });

    it('does not restore who is not deleted, or never was', async () => {
      const { id } = await create();
      expect((await ada.post<Failure>(at(id, '/restoration'))).body.code).toBe('user_not_deleted');
      const nobody = await ada.post<Failure>(at('01a1fb89-a690-7530-90c7-ac334b01292e', '/restoration'));
      expect([nobody.status, nobody.body.code]).toEqual([404, 'user_not_found']);
    });

    it('lets an administrator delete themselves while there is another', async () => {
      const other = await app.people.admin();
      expect((await other.delete(at(other.id))).status).toBe(204);
      expect((await other.get('/api/v1/me')).status).toBe(401);
    });
  });

  describe('roles', () => {
    it('are exactly those that were put', async () => {
      const { id } = await create();
      const put = await ada.put(at(id, '/roles'), { roles: ['admin'] });
      expect([put.status, put.headers.etag, put.body]).toEqual([200, '"2.json"', { roles: ['admin'], version: 2 }]);
      expect((await ada.put(at(id, '/roles'), { roles: ['admin'] })).headers.etag).toBe('"2.json"');
      expect((await ada.put(at(id, '/roles'), { roles: [] })).body).toEqual({ roles: [], version: 3 });
      expect(await show(id)).toMatchObject({ roles: [], version: 3 });
    });

    it('take effect on a token that was given before', async () => {
      const grace = await app.people.person();
      expect((await grace.get('/api/v1/users')).status).toBe(403);
      await ada.put(at(grace.id, '/roles'), { roles: ['admin'] });
      expect((await grace.get('/api/v1/users')).status).toBe(200);
      await ada.put(at(grace.id, '/roles'), { roles: ['user'] });
      expect((await grace.get('/api/v1/users')).status).toBe(403);
    });

    it.each<[string, unknown, string]>([
      ['an unknown one', ['user', 'emperor'], 'role_unknown'],
      ['one twice', ['user', 'user'], 'validation_failed'],
      ['a text', 'admin', 'validation_failed'],
      ['null', null, 'validation_failed'],
      ['an object', [{ $ne: null }], 'validation_failed'],
      ['a name of another form', ["admin'--"], 'validation_failed'],
    ])('refuse %s', async (_, roles, code) => {
      const { id } = await create();
      const refused = await ada.put<Failure>(at(id, '/roles'), { roles });
      expect([refused.status, refused.body.code]).toEqual([422, code]);
    });
  });

  it.each(['x', '1', '%00', '01a1fb89-a690-7530-90c7-ac334b01292', "1' OR 1=1"])('refuses the id %s', async (id) => {
    const refused = await ada.get<Failure>(`/api/v1/users/${encodeURIComponent(id)}`);
    expect([refused.status, refused.body.code]).toEqual([400, 'parameter_invalid']);
  });
});
