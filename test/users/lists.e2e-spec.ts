import { CursorCodec, cursorScope } from '../../src/platform/http/lists/cursor.js';
import { TestApp } from '../harness/app.js';
import type { Answer } from '../harness/household.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { PLANT_USERS } from './planted-users.js';
import type { Failure, PageOf, Shown } from './shapes.js';

const MANY = 305;
const SORTS = {
  createdAt: 'created_at',
  email: 'email_key',
  name: 'name_key',
  username: 'username_key',
  lastSignInAt: 'last_sign_in_at',
};

describe('the list of users', () => {
  let app: TestApp;
  let ada: Person;
  let prefix: string;
  let mine: string;

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.admin();
    // Not a digit at its end: with the number of a user it could make what is looked for in another.
    prefix = `${unique('list')}q`;
    mine = `email sw "${prefix}"`;
    await app.sql(PLANT_USERS, [MANY, prefix]);
  });
  afterAll(() => app.stop());

  const list = (query: Record<string, string | number>): Promise<Answer<PageOf<Shown>>> =>
    ada.get<PageOf<Shown>>(`/api/v1/users?${new URLSearchParams(query as Record<string, string>).toString()}`);
  const find = async (filter: string, query: Record<string, string> = {}): Promise<Shown[]> => {
    const answer = await list({ filter: `${mine} and (${filter})`, limit: 200, ...query });
    expect(answer).toMatchObject({ status: 200 });
    return answer.body.data;
  };
  const idsOf = ({ data }: PageOf<Shown>): string[] => data.map(({ id }) => id);

  /** All pages from the first one on, or from the last one back. */
  const walk = async (
    query: Record<string, string | number>,
    by: 'nextCursor' | 'prevCursor',
    cursor = '',
  ): Promise<PageOf<Shown>[]> => {
    const pages: PageOf<Shown>[] = [];
    for (let at: string | null = cursor; at !== null; at = pages.at(-1)!.page[by]) {
      const answer: Answer<PageOf<Shown>> = await list({ ...query, ...(at ? { cursor: at } : {}) });
      expect(answer).toMatchObject({ status: 200 });
      pages.push(answer.body);
    }
    return pages;
  };

  describe.each(Object.entries(SORTS))('sorted by %s', (name, column) => {
    it.each([
      ['', 'ASC NULLS LAST', 'ASC', 50],
      ['-', 'DESC NULLS FIRST', 'DESC', 200],
    ])('gives each user once, in order, forwards and backwards ("%s")', async (sign, order, ids, limit) => {
      const rows = await app.sql<{ id: string }>(
        `SELECT id FROM roster.users WHERE starts_with(email_key, $1) ORDER BY ${column} ${order}, id ${ids}`,
        [prefix],
      );
      const expected = rows.map(({ id }) => id);
      const query = { filter: mine, sort: `${sign}${name}`, limit };
      const forwards = await walk(query, 'nextCursor');
      expect(forwards.flatMap(idsOf)).toEqual(expected);
      expect(forwards[0]!.page).toMatchObject({ limit, prevCursor: null });
      const back = await walk(query, 'prevCursor', forwards.at(-1)!.page.prevCursor!);
      expect(back.reverse().flatMap(idsOf)).toEqual(expected.slice(0, -forwards.at(-1)!.data.length));
    });
  });

  it.each([
    [undefined, 20],
    [1, 1],
    [200, 200],
  ])('has, when asked for %s, %s rows a page', async (limit, rows) => {
    const { body } = await list({ filter: mine, ...(limit ? { limit } : {}) });
    expect([body.page.limit, body.data.length]).toEqual([rows, rows]);
  });

  it('is ordered from the newest when nobody says how', async () => {
    const [plain, explicit] = await Promise.all([list({ filter: mine }), list({ filter: mine, sort: '-createdAt' })]);
    expect(plain.body).toEqual(explicit.body);
  });

  it('links to the pages around a page (RFC 8288)', async () => {
    const first = await list({ filter: mine, sort: 'email', fields: 'id', limit: 10 });
    const links = (answer: Answer<unknown>): Record<string, string> =>
      Object.fromEntries(
        [...String(answer.headers.link).matchAll(/<([^>]+)>; rel="(\w+)"/g)].map(([, url, rel]) => [rel, url]),
      );
    expect(Object.keys(links(first))).toEqual(['next', 'first']);
    const second = await ada.get<PageOf<Shown>>(links(first)['next']!);
    expect(second.body).toEqual(
      (await list({ filter: mine, sort: 'email', fields: 'id', limit: 10, cursor: first.body.page.nextCursor! })).body,
    );
    expect(Object.keys(links(second))).toEqual(['next', 'prev', 'first']);
    expect((await ada.get<PageOf<Shown>>(links(second)['prev']!)).body.data).toEqual(first.body.data);
    expect((await ada.get<PageOf<Shown>>(links(second)['first']!)).body.data).toEqual(first.body.data);
  });

  it('shows only the members that were asked for, and the id', async () => {
    const { body } = await list({ filter: mine, fields: 'email,roles,suspension', limit: 3 });
    for (const row of body.data) expect(Object.keys(row).sort()).toEqual(['email', 'id', 'roles', 'suspension']);
  });

  it.each([
    ['none', {}],
    ['exact', { total: MANY, totalIsEstimate: false }],
    ['estimated', { total: expect.any(Number), totalIsEstimate: true }],
  ])('counts as it is asked to: %s', async (count, expected) => {
    const {
      limit: _,
      nextCursor: __,
      prevCursor: ___,
      ...counted
    } = (await list({ filter: mine, count, limit: 1 })).body.page;
    expect(counted).toEqual(expected);
  });

  describe('filtered', () => {
    it.each<[string, (n: number) => boolean]>([
      ['email eq "PREFIX7@EXAMPLE.com"', (n) => n === 7],
      ['email co "X30" and email ew "@example.com"', () => false],
      ['email co "FIX30"', (n) => String(n).startsWith('30')],
      ['email sw "PREFIX30"', (n) => String(n).startsWith('30')],
      ['email ew "99@Example.com"', (n) => n % 100 === 99],
      ['email ne "PREFIX7@example.com"', (n) => n !== 7],
      ['username pr', (n) => n % 3 === 0],
      ['not (username pr)', (n) => n % 3 > 0],
      ['username eq null', (n) => n % 3 > 0],
      ['username eq "PREFIX.9"', (n) => n === 9],
      ['externalId eq "PREFIX-8"', (n) => n === 8],
      ['externalId eq "prefix-8" and externalId ne "PREFIX-8"', () => false],
      ['externalId sw "PREFIX-30"', (n) => n % 2 === 0 && String(n).startsWith('30')],
      ['status eq "active"', (n) => n % 7 > 0],
      ['status eq "invited"', (n) => n % 7 === 0],
      ['status ne "invited"', (n) => n % 7 > 0],
      ['status eq "suspended"', () => false],
      ['not (status eq "suspended")', () => true],
      ['roles eq "user"', () => true],
      ['roles eq "admin"', () => false],
      ['roles ne "admin" and createdAt lt "2026-01-01T00:00:02.000001Z"', (n) => n < 6],
      [
        'createdAt ge "2026-01-01T01:00:01.000001+01:00" and createdAt lt "2026-01-01T00:00:02.000002Z"',
        (n) => n >= 3 && n < 6,
      ],
      ['lastSignInAt pr', (n) => n % 4 === 0],
      ['lastSignInAt gt "2026-02-01T00:29:00Z"', (n) => n % 4 === 0 && n >= 300],
      ['EMAIL Eq "PREFIX7@example.com" OR Username EQ "PREFIX.9"', (n) => n === 7 || n === 9],
    ])('by %s it finds those and no other', async (filter, matches) => {
      const found = await walk(
        {
          filter: `${mine} and (${filter.replaceAll('PREFIX', prefix).replaceAll('FIX', prefix.slice(-3))})`,
          limit: 200,
        },
        'nextCursor',
      );
      const numbers = found
        .flatMap(({ data }) => data)
        .map(({ email }) => Number(email.slice(prefix.length).split('@')[0]));
      const expected = Array.from({ length: MANY }, (_, index) => index + 1).filter(matches);
      expect(numbers.sort((a, b) => a - b)).toEqual(expected);
    });

    it.each(["' OR '1'='1", "'; DROP TABLE roster.users; --", '%', '_', '\\', '$1', '%%%'])(
      'takes %s for nothing but text',
      async (text) => {
        expect(await find(`name eq ${JSON.stringify(text)} or username sw ${JSON.stringify(text)}`)).toEqual([]);
      },
    );

    it('finds the holders of a role', async () => {
      const [first] = await find(`email eq "${prefix}1@example.com"`);
      await ada.put(`/api/v1/users/${first!.id}/roles`, { roles: ['admin', 'user'] });
      const found = await find('roles eq "admin"');
      expect(found.map(({ id, roles }) => [id, roles])).toEqual([[first!.id, ['admin', 'user']]]);
      await ada.put(`/api/v1/users/${first!.id}/roles`, { roles: ['user'] });
    });

    it('takes a suspension for over when it is', async () => {
      const [user] = await find(`email eq "${prefix}2@example.com"`);
      const until = new Date(app.clock.millis() + 60_000).toISOString();
      await ada.put(`/api/v1/users/${user!.id}/suspension`, { reason: 'pause', until });
      const who = async (status: string): Promise<number> =>
        (await find(`status eq "${status}" and email eq "${prefix}2@example.com"`)).length;
      expect([await who('suspended'), await who('active')]).toEqual([1, 0]);
      app.clock.advance(60_001);
      expect([await who('suspended'), await who('active')]).toEqual([0, 1]);
    });

    it('shows deleted users only to those who ask for them by name', async () => {
      const gone = await app.people.user({ email: `${prefix}gone@example.com` });
      await ada.delete(`/api/v1/users/${gone.id}`);
      const seen = async (filter: string): Promise<boolean> => (await find(filter)).some(({ id }) => id === gone.id);
      const itself = `email eq "${gone.email}"`;
      for (const filter of [
        itself,
        `${itself} and status ne "active"`,
        `${itself} and not (status eq "active")`,
        `${itself} or status eq "suspended"`,
        `email co "gone"`,
      ])
        expect([filter, await seen(filter)]).toEqual([filter, false]);
      for (const filter of [
        'status eq "deleted"',
        `${itself} and status eq "deleted"`,
        `${itself} and not (status eq "active" or status ne "deleted")`,
      ])
        expect([filter, await seen(filter)]).toEqual([filter, true]);
      expect((await find('status eq "deleted"'))[0]).toMatchObject({ status: 'deleted' });
    });
  });

  describe('asked for in words it does not know', () => {
    const words: [string, string, string, string][] = [
      ['limit=0', 'limit', 'limit_invalid', '1 to 200'],
      ['limit=201', 'limit', 'limit_invalid', '1 to 200'],
      ['limit=1e2', 'limit', 'limit_invalid', '1 to 200'],
      ['limit=', 'limit', 'limit_invalid', '1 to 200'],
      ['limit=1&limit=2', 'limit', 'given_twice', 'more than once'],
      ['filter[$ne]=x', 'filter[$ne]', 'parameter_unknown', 'limit, cursor, sort, filter, fields, count'],
      ['page=2', 'page', 'parameter_unknown', 'limit, cursor, sort, filter, fields, count'],
      ['__proto__=2', '__proto__', 'parameter_unknown', 'limit, cursor, sort'],
      ['count=all', 'count', 'count_invalid', 'none, estimated, exact'],
      ['sort=-createdAt,email', 'sort', 'sort_invalid', 'createdAt, email, name, username, lastSignInAt'],
      ['sort=password', 'sort', 'sort_invalid', 'createdAt, email'],
      ['sort=--email', 'sort', 'sort_invalid', 'createdAt, email'],
      ['sort=constructor', 'sort', 'sort_invalid', 'createdAt, email'],
      ['sort=email;SELECT pg_sleep(9)', 'sort', 'sort_invalid', 'createdAt, email'],
      ['sort=', 'sort', 'sort_invalid', 'createdAt, email'],
      ['fields=id,passwordHash', 'fields', 'fields_invalid', 'emailVerified'],
      ['fields=', 'fields', 'fields_invalid', 'emailVerified'],
      ['filter=', 'filter', 'filter_invalid', 'character 1'],
      ['filter=email', 'filter', 'filter_invalid', 'eq, ne, co'],
      [
        'filter=password eq "x"',
        'filter',
        'filter_attribute_unknown',
        'email, username, name, externalId, status, roles',
      ],
      ['filter=email gt "x"', 'filter', 'filter_operator_unsupported', 'eq, ne, co, sw, ew, pr'],
      ['filter=roles co "adm"', 'filter', 'filter_operator_unsupported', 'eq, ne'],
      ['filter=email co "ab"', 'filter', 'filter_value_invalid', '3 or more'],
      ['filter=email eq 5', 'filter', 'filter_value_invalid', 'string'],
      ['filter=status eq "gone"', 'filter', 'filter_value_invalid', 'active, invited, suspended, deleted'],
      ['filter=status eq null', 'filter', 'filter_value_invalid', 'never null'],
      ['filter=roles ne null', 'filter', 'filter_value_invalid', 'never null'],
      ['filter=createdAt gt "yesterday"', 'filter', 'filter_value_invalid', 'RFC 3339'],
      [`filter=${'('.repeat(9)}email pr${')'.repeat(9)}`, 'filter', 'filter_too_complex', '8 parentheses'],
      ['cursor=', 'cursor', 'cursor_invalid', 'start again'],
      ['cursor=AAAA', 'cursor', 'cursor_invalid', 'start again'],
      ["cursor=' OR 1=1", 'cursor', 'cursor_invalid', 'start again'],
    ];
    it.each(words)('%s: 400, with what is allowed', async (query, parameter, code, allowed) => {
      const refused = await ada.get<Failure>(
        `/api/v1/users?${encodeURI(query).replaceAll(';', '%3B').replaceAll('+', '%2B')}`,
      );
      expect([refused.status, refused.body.code]).toEqual([400, 'parameter_invalid']);
      expect(refused.body.errors).toEqual([{ parameter, code, detail: expect.stringContaining(allowed) }]);
    });

    it('refuses a cursor that was changed in any place, or belongs to another filter, sort or server', async () => {
      const cursor = (await list({ filter: mine, sort: 'email', limit: 2 })).body.page.nextCursor!;
      const flipped = Array.from(
        cursor,
        (letter, at) => cursor.slice(0, at) + (letter === 'A' ? 'B' : 'A') + cursor.slice(at + 1),
      );
      const queries = [
        ...flipped.filter((_, at) => at % 5 === 0).map((forged) => ({ filter: mine, sort: 'email', cursor: forged })),
        { filter: mine, sort: '-email', cursor },
        { filter: mine, sort: 'name', cursor },
        { filter: `${mine} and email pr`, sort: 'email', cursor },
        { sort: 'email', cursor },
        { filter: mine, sort: 'email', cursor: `${cursor}A` },
      ];
      for (const query of queries) {
        const refused = (await list(query)) as unknown as Answer<Failure>;
        expect([refused.status, refused.body.errors?.[0]?.code]).toEqual([400, 'cursor_invalid']);
      }
      expect((await list({ filter: mine, sort: 'email', cursor, limit: 7 })).status).toBe(200);
    });
  });

  it.each([
    ['email', "x' OR '1'='1", 200],
    ['name', '$1); DROP TABLE roster.users; --', 200],
    ['createdAt', 'now(); SELECT pg_sleep(9)', 400],
    ['createdAt', null, 400],
  ])(
    'takes a cursor by %s that a leaked key signed over %j for a value, never for SQL',
    async (sort, value, status) => {
      const codec = new CursorCodec(app.ground.secrets.key('cursors'));
      const at = { direction: 'next', value, id: '01a1fb89-a690-7530-90c7-ac334b01292e' } as const;
      const answer = await list({
        sort,
        filter: mine,
        cursor: codec.encode({ scope: cursorScope('users', sort, mine), ...at }),
      });
      expect(answer.status).toBe(status);
    },
  );

  it('is not broken by a name that grows in its normal form', async () => {
    const grace = await app.people.person();
    const email = `${prefix}zz@example.com`;
    await app.people.user({ email, name: '\ufdfa'.repeat(200) });
    expect((await grace.patch('/api/v1/me', { name: '\u{1d160}'.repeat(200) })).status).toBe(200);
    const page = await list({
      filter: `email eq "${email}" or email eq "${grace.user.email}"`,
      sort: 'name',
      limit: 1,
    });
    expect([page.status, page.body.page.nextCursor]).toEqual([200, expect.any(String)]);
  });
});
