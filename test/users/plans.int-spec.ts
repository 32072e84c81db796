import { Client } from 'pg';

import { CursorCodec, cursorScope } from '../../src/platform/http/lists/cursor.js';
import { UsersRepository } from '../../src/users/users.repository.js';
import { TestApp } from '../harness/app.js';
import { asSuperuser, freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { PLANT_USERS } from './planted-users.js';
import type { Failure, PageOf, Shown } from './shapes.js';

interface Plan {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly Plans?: Plan[];
}
type Explained = [{ Plan: Plan; 'Execution Time': number }];

const MANY = 100_000;
const PREFIX = 'planned';
const SORTS = ['createdAt', 'email', 'name', 'username', 'lastSignInAt'].flatMap((name) => [name, `-${name}`]);
const FILTERS = [
  'email eq "planned777@example.com"',
  'email sw "planned7777"',
  'email co "d7777"',
  'email co "example"',
  'email ew "77777@example.com"',
  'username eq "planned.9"',
  'username sw "planned.9999"',
  'username co ".9999"',
  'name eq "planned c4ca4238a0b923820dcc509a6f75849b"',
  'name sw "planned c4ca"',
  'name co "a0b923"',
  'externalId eq "planned-8"',
  'externalId sw "planned-8888"',
  'status eq "active"',
  'status eq "invited"',
  'status eq "suspended"',
  'status eq "deleted"',
  'roles eq "admin"',
  'roles eq "user"',
  'createdAt ge "2026-01-01T09:00:00Z" and createdAt lt "2026-01-01T09:00:05Z"',
  'lastSignInAt lt "2026-02-01T00:10:00Z"',
  'status eq "active" and email co "d7777"',
  'roles eq "user" and email sw "planned7777"',
];

describe('the list of 100,000 users', () => {
  let app: TestApp;
  let ada: Person;
  let planner: Client;
  let asked: { text: string; parameters: unknown[] }[];

  beforeAll(async () => {
    const database = await freshDatabase(`plans_${process.env['JEST_WORKER_ID']}`);
    planner = new Client({ connectionString: asSuperuser(database) });
    await planner.connect();
    await plant(planner);
    app = await TestApp.start({ database });
    ada = await app.people.admin();
    const repository = app.get(UsersRepository);
    const page = repository.page.bind(repository);
    repository.page = (statement) => {
      asked.push(statement);
      return page(statement);
    };
  }, 120_000);
  beforeEach(() => {
    asked = [];
  });
  afterAll(async () => {
    await planner.end();
    await app.stop();
  });

  const list = async (query: Record<string, string | number>): Promise<PageOf<Shown>> => {
    const parameters = new URLSearchParams(query as Record<string, string>).toString();
    const answer = await ada.get<PageOf<Shown>>(`/api/v1/users?${parameters}`);
    expect(answer).toMatchObject({ status: 200 });
    return answer.body;
  };

  /** How PostgreSQL answers the page that was last asked for. */
  const explain = async (): Promise<{ scans: string[]; milliseconds: number }> => {
    const { text, parameters } = asked.at(-1)!;
    const { rows } = await planner.query<{ 'QUERY PLAN': Explained }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`,
      parameters,
    );
    const [{ Plan: plan, 'Execution Time': milliseconds }] = rows[0]!['QUERY PLAN'];
    return { scans: [...new Set(scansOf(plan))], milliseconds };
  };

  /** A cursor of this list that stands in its middle, as its pages would give it after hundreds of them. */
  const cursorInside = async (sort: string): Promise<string> => {
    const [at] = await app.sql<{ id: string; value: string }>(MIDDLE[sort.replace('-', '')]!);
    const codec = new CursorCodec(app.ground.secrets.key('cursors'));
    return codec.encode({ scope: cursorScope('users', sort, undefined), direction: 'next', ...at! });
  };

  it('is served by an index in every sort, on the first page and deep inside', async () => {
    const told: string[] = [];
    for (const sort of SORTS) {
      await list({ sort, limit: 200 });
      const first = await explain();
      await list({ sort, limit: 200, cursor: await cursorInside(sort) });
      const inside = await explain();
      told.push(`${sort.padEnd(14)} ${row(first)} · deep ${row(inside)}`);
      expect([sort, [...first.scans, ...inside.scans].filter((scan) => scan.startsWith('Seq'))]).toEqual([sort, []]);
    }
    process.stdout.write(`\n${told.join('\n')}\n`);
  });

  it('is served by an index under every filter, whatever the sort', async () => {
    const told: string[] = [];
    for (const filter of FILTERS) {
      const plans = [];
      for (const sort of ['-createdAt', 'name', '-username']) {
        await list({ filter, sort });
        plans.push({ sort, ...(await explain()) });
      }
      const read = plans.flatMap(({ sort, scans }) => scans.map((scan) => `${sort}: ${scan}`));
      expect([filter, read.filter((scan) => scan.includes('Seq'))]).toEqual([filter, []]);
      const newest = plans.find(({ sort }) => sort === '-createdAt')!;
      const slowest = plans.reduce((one, other) => (one.milliseconds > other.milliseconds ? one : other));
      told.push(
        `${filter.padEnd(78)} ${row(newest)}; slowest ${slowest.milliseconds.toFixed(1)} ms by ${slowest.sort}`,
      );
    }
    process.stdout.write(`\n${told.join('\n')}\n`);
  });

  it('takes the same statements at limit 1 and at 200, with roles, filter and count', async () => {
    const statementsOnce = async (limit: number, cursor: Record<string, string>): Promise<Record<string, number>> => {
      const calls = async (): Promise<Map<string, number>> =>
        new Map(
          (
            await app.sql<{ query: string; calls: number }>(
              `SELECT query, sum(calls)::int AS calls FROM pg_stat_statements
               WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                 AND userid = 'roster_app'::regrole AND query ~ 'roster\\.(users|user_roles|roles|role_permissions|sessions|password_hashes)'
               GROUP BY query`,
            )
          ).map((each) => [each.query, each.calls]),
        );
      const before = await calls();
      const page = await list({
        limit,
        count: 'exact',
        filter: 'roles eq "user" and email sw "planned7"',
        sort: 'email',
        ...cursor,
      });
      expect(page.data).toHaveLength(limit);
      const after = [...(await calls())].map(([query, count]) => [query, count - (before.get(query) ?? 0)] as const);
      return Object.fromEntries(after.filter(([, count]) => count > 0));
    };
    // A machine that stands still for a second remembers nobody, rightly: one of five is undisturbed.
    const statements = async (limit: number, cursor: Record<string, string>): Promise<Record<string, number>> => {
      const all: Record<string, number>[] = [];
      for (let turn = 0; turn < 5; turn += 1) all.push(await statementsOnce(limit, cursor));
      return all.reduce((one, other) => (Object.keys(other).length < Object.keys(one).length ? other : one));
    };
    const one = await statements(1, {});
    const { page } = await list({ limit: 1, filter: 'roles eq "user" and email sw "planned7"', sort: 'email' });
    process.stdout.write(
      `\n${Object.entries(one)
        .map(([query, calls]) => `${calls} × ${query}`)
        .join('\n')}\n`,
    );
    expect(Object.values(one)).toEqual([1, 1]);
    expect(await statements(200, {})).toEqual(one);
    expect(Object.values(await statements(200, { cursor: page.nextCursor! }))).toEqual([1, 1]);
  });

  it('is counted to 10,000 and no further, and estimated without being read', async () => {
    expect((await list({ count: 'exact', limit: 1 })).page).toMatchObject({ total: 10_000, totalIsEstimate: true });
    expect((await list({ count: 'exact', limit: 1, filter: 'email sw "planned77"' })).page).toMatchObject({
      total: 1110,
      totalIsEstimate: false,
    });
    const { total, totalIsEstimate } = (await list({ count: 'estimated', limit: 1 })).page;
    expect(totalIsEstimate).toBe(true);
    expect(Math.abs(total! - MANY) / MANY).toBeLessThan(0.05);
  });
});

describe('a question that takes too long', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    const database = await freshDatabase(`costly_${process.env['JEST_WORKER_ID']}`);
    // A machine that stands still tells 503 instead: such an answer is asked for again.
    app = await TestApp.start({ database });
    ada = await app.people.admin();
    await app.sql(PLANT_USERS, [200, PREFIX]);
    await app.sql('ANALYZE roster.users');
    // Each row that the server looks at costs it 20 ms: 200 rows are 4 s.
    await app.sql('CREATE POLICY slow ON roster.users USING (pg_sleep(0.02) IS NOT NULL)');
    await app.sql('CREATE POLICY writing ON roster.users FOR UPDATE USING (true)');
    await app.sql('ALTER TABLE roster.users ENABLE ROW LEVEL SECURITY');
  });
  afterAll(() => app.stop());

  it.each(['none', 'exact'])('is cut by the server at 2 s, and told as 422 (count=%s)', async (count) => {
    expect((await ada.get('/api/v1/users?filter=email%20eq%20%22planned1@example.com%22')).status).toBe(200);
    const cut = await ada.get<Failure>(`/api/v1/users?count=${count}&filter=name%20ew%20%22zz%22`);
    expect([cut.status, cut.body.code]).toEqual([422, 'filter_too_costly']);
    const left = await app.sql(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND usename = 'roster_app' AND state <> 'idle' AND query LIKE '%zz%'",
    );
    expect(left).toEqual([]);
  });
});

/** Users of each status. The trigram indexes are made after the rows: that is several times as fast. */
async function plant(database: Client): Promise<void> {
  const { rows } = await database.query<{ name: string; definition: string }>(
    `SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE schemaname = 'roster' AND indexdef LIKE '%gin_trgm_ops%'`,
  );
  for (const { name } of rows) await database.query(`DROP INDEX roster.${name}`);
  await database.query("INSERT INTO roster.roles VALUES ('user', '', true, now())");
  await database.query(PLANT_USERS, [MANY, PREFIX]);
  for (const { definition } of rows) await database.query(definition);
  await database.query(`CREATE EXTENSION pg_stat_statements;
    UPDATE roster.users SET suspended_at = created_at, suspension_reason = '' WHERE email_key LIKE '%500@example.com';
    UPDATE roster.users SET deleted_at = created_at WHERE email_key LIKE '%600@example.com'`);
  await database.query('VACUUM ANALYZE roster.users, roster.user_roles');
}

/** A row in the middle of each order. */
const middle = (column: string, value = column): string =>
  `SELECT id, ${value} AS value FROM roster.users WHERE ${column} IS NOT NULL AND deleted_at IS NULL ORDER BY ${column}, id OFFSET 20000 LIMIT 1`;
const moment = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const MIDDLE: Record<string, string> = {
  createdAt: middle('created_at', moment('created_at')),
  email: middle('email_key'),
  name: middle('name_key'),
  username: middle('username_key'),
  lastSignInAt: middle('last_sign_in_at', moment('last_sign_in_at')),
};

function scansOf(plan: Plan): string[] {
  const own = plan['Node Type'].endsWith('Scan') && (plan['Index Name'] ?? plan['Relation Name']);
  const text = own ? [`${plan['Node Type'].replace(' Scan', '')} ${own}`] : [];
  return [...text.filter((each) => !each.startsWith('Bitmap Heap')), ...(plan.Plans ?? []).flatMap(scansOf)];
}

function row({ scans, milliseconds }: { scans: string[]; milliseconds: number }): string {
  return `${milliseconds.toFixed(2).padStart(7)} ms  ${scans.filter((scan) => !scan.includes('user_roles_pkey')).join(', ')}`;
}
