import { TestApp } from '../harness/app.js';
import type { Answer } from '../harness/household.js';
import type { Person } from '../harness/people.js';
import { Statements } from '../security/statements.js';
import type { Failure, Shown } from '../users/shapes.js';
import { factsAbout } from './shapes.js';
import type { ShownPermissions } from './shapes.js';

const MINUTE = 60_000;
type Refused = Answer<Failure>;

describe('permissions given directly', () => {
  let statements: Statements;
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    statements = new Statements();
    app = await TestApp.start();
    ada = await app.people.admin();
  });
  beforeEach(async () => {
    // The clock runs fast here, and tokens do not live long.
    ada = await app.people.signIn(ada.user);
    app.clock.stand();
  });
  afterEach(() => app.clock.run());
  afterAll(async () => {
    await app.stop();
    statements.restore();
  });

  const at = (id: string): string => `/api/v1/users/${id}/permissions`;
  const later = (milliseconds: number): string => new Date(app.clock.millis() + milliseconds).toISOString();
  const give = (id: string, grants: readonly object[], by = ada): Promise<Answer<ShownPermissions>> =>
    by.put<ShownPermissions>(at(id), { grants });
  const rowsOf = (id: string): Promise<unknown[]> =>
    app.sql('SELECT * FROM roster.user_permissions WHERE user_id = $1 ORDER BY permission', [id]);
  const names = ({ body }: Answer<ShownPermissions>): string[] => body.permissions.map(({ permission }) => permission);
  const grantFacts = async (id: string) =>
    (await factsAbout(app, `users/${id}`)).filter(({ type }) => type === 'user.permissions_changed');

  it('are shown with the reason of each, beside what roles give', async () => {
    const grace = await app.people.withPermissions('users:read', 'roles:read');
    const role = grace.user.roles.find((name) => name !== 'user')!;
    const expiresAt = later(MINUTE);
    const given = await give(grace.id, [
      { permission: 'users:write', expiresAt, reason: 'Covers for Alan' },
      { permission: 'users:read' },
    ]);
    const grant = { kind: 'grant', grantedAt: expect.any(String), grantedBy: ada.id };
    expect(given.status).toBe(200);
    expect(given.body).toEqual({
      permissions: [
        { permission: 'roles:read', reasons: [{ kind: 'role', role }] },
        {
          permission: 'users:read',
          reasons: [
            { kind: 'role', role },
            { ...grant, expiresAt: null, reason: null },
          ],
        },
        { permission: 'users:write', reasons: [{ ...grant, expiresAt, reason: 'Covers for Alan' }] },
      ],
      userVersion: 2,
    });
    expect((await ada.get<ShownPermissions>(at(grace.id))).body).toEqual(given.body);
  });

  it('raise the version of the user and are recorded, with before and after', async () => {
    const { id } = await app.people.user();
    const expiresAt = later(MINUTE);
    await give(id, [{ permission: 'users:read', reason: 'First' }]);
    await give(id, [{ permission: 'users:write', expiresAt }, { permission: 'roles:read' }]);
    await give(id, []);
    expect((await ada.get<Shown>(`/api/v1/users/${id}`)).body.version).toBe(4);
    const facts = await grantFacts(id);
    expect(facts.map(({ version, data }) => [version, data])).toEqual([
      [2, { userId: id, permissions: ['users:read'] }],
      [3, { userId: id, permissions: ['users:write', 'roles:read'] }],
      [4, { userId: id, permissions: [] }],
    ]);
    expect(facts[1]!.private).toMatchObject({
      actorId: ada.id,
      before: { grants: [{ permission: 'users:read', expiresAt: null, reason: 'First' }] },
      after: {
        grants: [
          { permission: 'users:write', expiresAt, reason: null },
          { permission: 'roles:read', expiresAt: null, reason: null },
        ],
      },
    });
    expect(await rowsOf(id)).toEqual([]);
  });

  it('that stay as they are keep who gave them and when; the same list changes and records nothing', async () => {
    const { id } = await app.people.user();
    const eve = await app.people.admin();
    const [first, second] = [{ permission: 'users:read', reason: 'A' }, { permission: 'roles:read' }];
    await give(id, [first]);
    const [before] = await rowsOf(id);
    app.clock.advance(1000);
    expect((await give(id, [second, first], eve)).status).toBe(200);
    const [added, kept] = (await rowsOf(id)) as { granted_by: string }[];
    expect([kept, added!.granted_by]).toEqual([before, eve.id]);
    expect((await give(id, [first, second])).body.userVersion).toBe(3);
    expect(await grantFacts(id)).toHaveLength(2);
  });

  it.each<[string, unknown, Record<string, string>, number, string, [string, string][] | undefined]>([
    ['a stale version', [], { 'if-match': '"9.json"' }, 412, 'precondition_failed', undefined],
    ['no list', 'users:read', {}, 422, 'validation_failed', [['/grants', 'type_invalid']]],
    ['an object for a list', { $ne: null }, {}, 422, 'validation_failed', [['/grants', 'type_invalid']]],
    ['null for a list', null, {}, 422, 'validation_failed', [['/grants', 'type_invalid']]],
    ['no list at all', undefined, {}, 422, 'validation_failed', [['/grants', 'required']]],
    ['null in the list', [null], {}, 422, 'validation_failed', [['/grants/0', 'type_invalid']]],
    ['a text in the list', ['users:read'], {}, 422, 'validation_failed', [['/grants/0', 'type_invalid']]],
    ['a list in the list', [[]], {}, 422, 'validation_failed', [['/grants/0', 'type_invalid']]],
    ['no permission', [{}], {}, 422, 'validation_failed', [['/grants/0/permission', 'required']]],
    [
      'members that nobody knows',
      [{ permission: 'users:read', grantedBy: 'me', constructor: 1 }],
      {},
      422,
      'validation_failed',
      [['/grants/0/constructor', 'unknown_member']],
    ],
    [
      'a giver of their own',
      [{ permission: 'users:read', grantedBy: 'me' }],
      {},
      422,
      'validation_failed',
      [['/grants/0/grantedBy', 'unknown_member']],
    ],
    [
      'permissions that do not exist',
      [{ permission: 'users:read' }, { permission: 'users:fly' }],
      {},
      422,
      'permission_unknown',
      [['/grants/1/permission', 'permission_unknown']],
    ],
    [
      'a permission twice',
      [{ permission: 'users:read' }, { permission: 'users:read', reason: 'Again' }],
      {},
      422,
      'validation_failed',
      [['/grants/1/permission', 'not_unique']],
    ],
    [
      'an end that has passed',
      [{ permission: 'users:read', expiresAt: '2020-01-01T00:00:00Z' }],
      {},
      422,
      'validation_failed',
      [['/grants/0/expiresAt', 'moment_past']],
    ],
    [
      'an end that is no moment',
      [{ permission: 'users:read', expiresAt: 'tomorrow' }],
      {},
      422,
      'validation_failed',
      [['/grants/0/expiresAt', 'moment_invalid']],
    ],
    [
      'more than 200',
      Array.from({ length: 201 }, () => ({ permission: 'users:read' })),
      {},
      422,
      'validation_failed',
      [['/grants', 'too_many']],
    ],
  ])('are refused by %s, and nothing changes', async (_, grants, headers, status, code, faults) => {
    const { id } = await app.people.user();
    await give(id, [{ permission: 'roles:read' }]);
    const before = await rowsOf(id);
    const refused = await ada.put<Failure>(at(id), { grants }, headers);
    expect([refused.status, refused.body.code]).toEqual([status, code]);
    if (faults) expect(refused.body.errors?.map(({ pointer, code: fault }) => [pointer, fault])).toEqual(faults);
    expect([await rowsOf(id), (await grantFacts(id)).length]).toEqual([before, 1]);
  });

  it('are taken as XML too', async () => {
    const { id } = await app.people.user();
    const body = `<grantsRequest><grants><grant><permission>users:read</permission><reason>Covers</reason></grant></grants></grantsRequest>`;
    const given = await ada.put<ShownPermissions>(at(id), body, { 'content-type': 'application/xml' });
    expect([given.status, names(given)]).toEqual([200, ['users:read']]);
  });

  describe('that expire', () => {
    const users = (somebody: Person): Promise<Refused> => somebody.get<Failure>('/api/v1/users?limit=1');

    it('count for nothing at once, by our clock, also for whoever is remembered; the token stays good', async () => {
      const grace = await app.people.person();
      await give(grace.id, [{ permission: 'users:read', expiresAt: later(MINUTE) }]);
      expect((await users(grace)).status).toBe(200);
      app.clock.advance(MINUTE - 1000);
      expect((await users(grace)).status).toBe(200);
      app.clock.advance(1000);
      const refused = await users(grace);
      expect([refused.status, refused.body.code]).toEqual([403, 'permission_denied']);
      expect((await grace.get('/api/v1/me')).status).toBe(200);
      expect((await ada.get<ShownPermissions>(at(grace.id))).body.permissions).toEqual([]);
      // What has expired is no part of what is replaced.
      expect((await give(grace.id, [])).body.userVersion).toBe(2);
      expect((await give(grace.id, [{ permission: 'users:read' }])).status).toBe(200);
      expect((await users(grace)).status).toBe(200);
    });

    it('lapse one after another, each at its moment', async () => {
      const grace = await app.people.person();
      await give(grace.id, [
        { permission: 'users:read', expiresAt: later(MINUTE) },
        { permission: 'roles:read', expiresAt: later(2 * MINUTE) },
      ]);
      const seen: string[] = [];
      for (let minute = 0; minute <= 2; minute += 1) {
        const answers = [await users(grace), await grace.get<Failure>('/api/v1/roles')];
        seen.push(answers.map(({ status }) => status).join(' '));
        app.clock.advance(MINUTE);
      }
      expect(seen).toEqual(['200 200', '403 200', '403 403']);
    });

    it('do not take what a role gives as well', async () => {
      const grace = await app.people.withPermissions('users:read');
      await give(grace.id, [{ permission: 'users:read', expiresAt: later(MINUTE) }]);
      expect((await users(grace)).status).toBe(200);
      app.clock.advance(2 * MINUTE);
      expect((await users(grace)).status).toBe(200);
    });

    it('cost whoever is remembered nothing until then', async () => {
      const grace = await app.people.person();
      await give(grace.id, [{ permission: 'users:read', expiresAt: later(MINUTE) }]);
      const asked = async (): Promise<string[]> => {
        const { headers } = await grace.get('/api/v1/me');
        return statements.of(String(headers['x-request-id']));
      };
      // A machine that stands still for a second remembers nothing, rightly: one of five is undisturbed.
      const fewest = async (): Promise<string[]> => {
        const all: string[][] = [];
        for (let turn = 0; turn < 5; turn += 1) all.push(await asked());
        return all.reduce((one, other) => (other.length < one.length ? other : one));
      };
      await asked();
      const remembered = await fewest();
      expect(remembered).toHaveLength(1);
      app.clock.advance(MINUTE);
      // Built anew, with one question for the rights, and remembered again.
      expect((await asked()).filter((text) => text.includes('user_permissions'))).toHaveLength(1);
      expect(await fewest()).toEqual(remembered);
    });

    it('end a token no sooner and no later than it says', async () => {
      const grace = await app.people.person();
      await give(grace.id, [{ permission: 'users:read', expiresAt: later(60 * MINUTE) }]);
      app.clock.advance(9 * MINUTE);
      expect((await users(grace)).status).toBe(200);
      app.clock.advance(2 * MINUTE);
      const refused = await users(grace);
      expect([refused.status, refused.body.code]).toEqual([401, 'token_expired']);
    });
  });

  it('are read and replaced in the same number of statements, however many there are', async () => {
    const countOnce = async (grants: object[], roles: number): Promise<number[]> => {
      const grace = await app.people.user();
      const held: string[] = [];
      for (let n = 0; n < roles; n += 1) {
        const { user } = await app.people.withPermissions('users:read', 'users:write', 'roles:read');
        held.push(...user.roles.filter((role) => role !== 'user'));
      }
      await ada.put(`/api/v1/users/${grace.id}/roles`, { roles: held });
      const answers = [await give(grace.id, grants), await ada.get(at(grace.id))];
      const somebody = await app.people.signIn(grace);
      answers.push(await somebody.get('/api/v1/me'));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      return answers.map(({ headers }) => statements.of(String(headers['x-request-id'])).length);
    };
    // A machine that stands still for a second remembers nobody, rightly: one of three is undisturbed.
    const count = async (grants: object[], roles: number): Promise<number[]> => {
      const all: number[][] = [];
      for (let turn = 0; turn < 3; turn += 1) all.push(await countOnce(grants, roles));
      return all[0]!.map((_, at) => Math.min(...all.map((counts) => counts[at]!)));
    };
    const few = await count([{ permission: 'users:read' }], 1);
    const every = ['users:read', 'users:write', 'roles:read', 'roles:write', 'roles:assign', 'permissions:grant'];
    const many = await count(
      every.map((permission) => ({ permission, expiresAt: later(MINUTE) })),
      10,
    );
    expect(many).toEqual(few);
  });
});
