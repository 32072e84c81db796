import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { prepareGround } from './ground.js';
import { ROSTER } from './peers.js';
import { keep } from './results.js';
import { median } from './rounds.js';
import { startServer } from './server.js';
import { table } from './table.js';

const SMALL = 100_000;
const LARGE = 1_000_000;
const TIMES = 7;
/** Pages of 200 that a deep page comes after. */
const DEEP = 25;
/** What a page over the larger table may cost, as a multiple of one over the smaller. */
const MOST = 2;
/** Below it, times are those of HTTP and of chance. Milliseconds. */
const NOISE = 3;

const SORTS = ['createdAt', 'email', 'name', 'username', 'lastSignInAt'].flatMap((name) => [name, `-${name}`]);
/** What `users.list` publishes, with values that few and that many users have. */
const FILTERS: readonly (string | null)[] = [
  null,
  'email eq "person.77@example.com"',
  'email sw "person.7777"',
  'email sw "person."',
  'email co "77777"',
  'email co "example"',
  'name sw "g"',
  'name co "ghi"',
  'username eq "person78"',
  'username sw "person1"',
  'username co "son77"',
  'externalId eq "hr-77"',
  'externalId sw "hr-777"',
  'externalId sw "hr-"',
  'status eq "active"',
  'status eq "suspended"',
  'status eq "invited"',
  'roles eq "user"',
  'roles eq "bench_reader"',
  'createdAt gt "2020-01-01T00:00:00Z"',
  'lastSignInAt gt "2020-01-01T00:00:00Z"',
  'status eq "active" and email co "example"',
  'roles eq "user" and createdAt gt "2020-01-01T00:00:00Z"',
];

interface Side {
  readonly url: string;
  readonly token: string;
}

interface Compared {
  readonly sort: string;
  readonly filter: string | null;
  readonly page: 'first' | 'deep';
  /** Milliseconds, medians; null where the question was cut. */
  readonly small: number | null;
  readonly large: number | null;
  readonly times: number | null;
}

/** A page of 20 over 1,000,000 users against 100,000: every published pair of sort and filter, first and deep. */
export async function compareLists(
  root: string,
  folder: string,
  things: AsyncDisposableStack,
  say: (text: string) => void,
): Promise<void> {
  const sides: Side[] = [];
  for (const rows of [SMALL, LARGE]) {
    say(`making ${rows} users`);
    const place = join(folder, String(rows));
    mkdirSync(place, { mode: 0o755 });
    const ground = await prepareGround(place, rows);
    things.defer(() => ground.stop());
    const server = await startServer(ROSTER.command(root, place, ground)!);
    things.defer(() => server.stop());
    sides.push({ url: server.url, token: ground.token });
  }
  const compared: Compared[] = [];
  for (const filter of FILTERS) {
    for (const sort of SORTS) compared.push(...(await compare(sides as [Side, Side], sort, filter)));
    say(filter ?? 'no filter');
  }
  await keep(root, 'lists.json', JSON.stringify(compared));
  console.log(describe(compared));
}

async function compare([small, large]: [Side, Side], sort: string, filter: string | null): Promise<Compared[]> {
  const compared: Compared[] = [];
  for (const page of ['first', 'deep'] as const) {
    const cursors =
      page === 'deep' ? [await deepCursor(small, sort, filter), await deepCursor(large, sort, filter)] : ['', ''];
    // Too few rows for a page that deep.
    if (cursors.includes(null)) continue;
    const times: [number[], number[]] = [[], []];
    for (let time = 0; time < TIMES; time += 1)
      for (const [at, side] of [small, large].entries())
        times[at]!.push(await timeOf(side, sort, filter, cursors[at]!));
    const [a, b] = times.map((each) => middle(each)) as [number | null, number | null];
    const ratio = a === null || b === null ? null : Math.max(b, NOISE) / Math.max(a, NOISE);
    compared.push({ sort, filter, page, small: a, large: b, times: ratio && Math.round(ratio * 100) / 100 });
  }
  return compared;
}

function middle(times: readonly number[]): number | null {
  const value = median(times);
  return Number.isFinite(value) ? Math.round(value * 100) / 100 : null;
}

async function ask(side: Side, sort: string, filter: string | null, limit: number, cursor: string): Promise<Response> {
  const query = new URLSearchParams({
    sort,
    limit: String(limit),
    ...(filter && { filter }),
    ...(cursor && { cursor }),
  });
  return fetch(`${side.url}/api/v1/users?${query.toString()}`, { headers: { authorization: `Bearer ${side.token}` } });
}

async function timeOf(side: Side, sort: string, filter: string | null, cursor: string): Promise<number> {
  const since = performance.now();
  const answer = await ask(side, sort, filter, 20, cursor);
  await answer.arrayBuffer();
  return answer.ok ? performance.now() - since : Number.POSITIVE_INFINITY;
}

async function deepCursor(side: Side, sort: string, filter: string | null): Promise<string | null> {
  let cursor = '';
  for (let page = 0; page < DEEP; page += 1) {
    const answer = await ask(side, sort, filter, 200, cursor);
    if (!answer.ok) return null;
    const { page: told } = (await answer.json()) as { page: { nextCursor: string | null } };
    if (told.nextCursor === null) return null;
    cursor = told.nextCursor;
  }
  return cursor;
}

function describe(compared: readonly Compared[]): string {
  const over = compared.filter(({ times, large }) => large === null || (times ?? 0) > MOST);
  const shown = (value: number | null): string => (value === null ? 'cut at 2 s' : value.toFixed(1));
  const rows = over.map(({ sort, filter, page, small, large, times }) => [
    filter ?? 'no filter',
    sort,
    page,
    shown(small),
    shown(large),
    times === null ? '–' : String(times),
  ]);
  const worst = Math.max(...compared.map(({ times }) => times ?? 0));
  return [
    '',
    `${compared.length} pages: ${compared.length - over.length} cost at most ${MOST} × as much over ${LARGE} users as over ${SMALL}; the worst ${worst} ×`,
    ...(over.length > 0
      ? ['', ...table([['filter', 'sort', 'page', `${SMALL} ms`, `${LARGE} ms`, 'times'], ...rows])]
      : []),
  ].join('\n');
}
