import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { patiently } from '../harness/patience.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { onDatabase, startProcess } from '../harness/process.js';
import type { RunningProcess } from '../harness/process.js';
import type { Failure, Shown } from './shapes.js';

const ROUNDS = 50;

/** What came of deeds that were done at once: how many of each status and code, in order of their names. */
function outcome(answers: readonly { status: number; body: { code?: string } | null }[]): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const { status, body } of answers) {
    const name = `${status} ${body?.code ?? ''}`.trim();
    counted[name] = (counted[name] ?? 0) + 1;
  }
  return counted;
}

describe('two processes', () => {
  let processes: RunningProcess[];
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    const database = await freshDatabase(`races_${process.env['JEST_WORKER_ID']}`);
    // Only to make people and tokens for the others.
    app = await TestApp.start({ database });
    ada = await app.people.admin();
    const settings = { ...onDatabase(database), LOG_LEVEL: 'fatal' };
    processes = await Promise.all([startProcess(settings), startProcess(settings)]);
  }, 120_000);
  afterAll(async () => {
    await Promise.all(processes.map((each) => each.stop()));
    await app.stop();
  });

  /** The n-th request goes to the n-th process, round about. */
  const sendOnce = async (
    n: number,
    method: string,
    path: string,
    body: object | undefined,
    headers: Record<string, string> = {},
  ) => {
    const answer = await fetch(`${processes[n % 2]!.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${ada.token}`,
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const told = (text ? JSON.parse(text) : null) as (Failure & Shown) | null;
    return { status: answer.status, headers: answer.headers, body: told };
  };
  /** A hundred at once are more than a busy machine answers within what a request may take. */
  const send = (...request: Parameters<typeof sendOnce>) =>
    patiently(
      () => sendOnce(...request),
      ({ headers }) => headers.get('retry-after') ?? undefined,
    );

  it.each(['email', 'username'])(
    'leave one of 100 who take the same %s at once, however it is written',
    async (member) => {
      const name = unique('race');
      const spellings = [
        `${name}\u00e9`,
        `${name}e\u0301`,
        `${name.toUpperCase()}\u00c9`,
        `${name.toUpperCase()}E\u0301`,
      ];
      const body = (n: number): object =>
        member === 'email'
          ? { email: `${spellings[n % 4]}@Example.com`, name: 'R' }
          : { email: `${name}${n}@example.com`, name: 'R', username: spellings[n % 4] };
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, n) => send(n + (n >> 2), 'POST', '/api/v1/users', body(n))),
      );
      expect(outcome(answers)).toEqual({ '201': 1, [`409 ${member}_taken`]: 99 });
      const rows = await app.sql(`SELECT FROM roster.users WHERE ${member}_key = $1`, [
        member === 'email' ? `${name}\u00e9@example.com` : `${name}\u00e9`,
      ]);
      expect(rows).toHaveLength(1);
    },
  );

  it('let one of many who change the same version at once', async () => {
    const { id } = await app.people.user({}, { invited: true });
    const patches = Array.from({ length: 20 }, (_, n) =>
      send(n, 'PATCH', `/api/v1/users/${id}`, { name: `Number ${n}` }, { 'if-match': '"1.json"' }),
    );
    expect(outcome(await Promise.all(patches))).toEqual({ '200': 1, '412 precondition_failed': 19 });
    expect(await app.factsAbout(id)).toEqual(['user.created', 'user.updated']);
  });

  it('lose none of the changes that are made at once without a version', async () => {
    const { id } = await app.people.user({}, { invited: true });
    const patches = Array.from({ length: 20 }, (_, n) =>
      send(n, 'PATCH', `/api/v1/users/${id}`, { metadata: { [`n${n}`]: n } }),
    );
    expect(outcome(await Promise.all(patches))).toEqual({ '200': 20 });
    const { body } = await send(0, 'GET', `/api/v1/users/${id}`, undefined);
    expect([Object.keys(body!.metadata).length, body!.version]).toEqual([20, 21]);
  });

  it('restore one of two deleted users who had the same address', async () => {
    const email = `${unique('twin')}@example.com`;
    const twins: string[] = [];
    for (let n = 0; n < 2; n += 1) {
      const { id } = await app.people.user({ email }, { invited: true });
      twins.push(id);
      await ada.delete(`/api/v1/users/${id}`);
    }
    const answers = await Promise.all(
      twins.map((id, n) => send(n, 'POST', `/api/v1/users/${id}/restoration`, undefined)),
    );
    expect(outcome(answers)).toEqual({ '200': 1, '409 email_taken': 1 });
  });
});

describe('the last active administrator', () => {
  let apps: TestApp[];
  let counted: TestApp;

  beforeAll(async () => {
    const database = await freshDatabase(`last_${process.env['JEST_WORKER_ID']}`);
    const settings = { DELETION_GRACE: '0' };
    apps = [await TestApp.start({ database, settings }), await TestApp.start({ database, settings })];
    counted = apps[0]!;
  });
  afterAll(() => Promise.all(apps.map((app) => app.stop())));

  const activeAdmins = async (): Promise<string[]> =>
    (
      await counted.sql<{ id: string }>(
        `SELECT id FROM roster.users JOIN roster.user_roles ON user_id = id AND role = 'admin'
         WHERE deleted_at IS NULL AND activated_at IS NOT NULL AND suspended_at IS NULL`,
      )
    ).map(({ id }) => id);

  /** Two administrators and no other, each signed in to a process of their own. */
  const twoAdmins = async (): Promise<Person[]> => {
    await counted.sql("DELETE FROM roster.user_roles WHERE role = 'admin'");
    return Promise.all(apps.map((app) => app.people.admin()));
  };

  const DEEDS: Record<string, (who: Person, whom: string) => Promise<{ status: number; body: Failure }>> = {
    delete: (who, whom) => who.delete<Failure>(`/api/v1/users/${whom}`),
    suspend: (who, whom) => who.put<Failure>(`/api/v1/users/${whom}/suspension`, { reason: 'left' }),
    demote: (who, whom) => who.put<Failure>(`/api/v1/users/${whom}/roles`, { roles: ['user'] }),
    'delete itself': (who) => who.delete<Failure>('/api/v1/me'),
  };

  it.each(Object.keys(DEEDS))('lets nobody %s who is the last, not even themselves', async (name) => {
    const [ada, eve] = await twoAdmins();
    await counted.sql("DELETE FROM roster.user_roles WHERE role = 'admin' AND user_id = $1", [eve!.id]);
    const refused = await DEEDS[name]!(ada!, ada!.id);
    expect([refused.status, refused.body.code]).toEqual([409, 'last_administrator']);
    expect(await activeAdmins()).toEqual([ada!.id]);
  });

  it.each([
    ['is invited', 'activated_at = NULL'],
    ['is suspended', "suspended_at = now(), suspension_reason = ''"],
    ['is deleted', 'deleted_at = now()'],
    ['will be deleted', "deletion_due_at = now() + interval '1 day'"],
  ])('is the last also when another one %s', async (_, change) => {
    const [ada, eve] = await twoAdmins();
    await counted.sql(`UPDATE roster.users SET ${change} WHERE id = $1`, [eve!.id]);
    expect((await ada!.delete<Failure>(`/api/v1/users/${ada!.id}`)).body.code).toBe('last_administrator');
  });

  it('is not the last when the suspension of another one is over', async () => {
    const [ada, eve] = await twoAdmins();
    await counted.sql(
      "UPDATE roster.users SET suspended_at = now(), suspended_until = now(), suspension_reason = '' WHERE id = $1",
      [eve!.id],
    );
    expect((await ada!.delete(`/api/v1/users/${ada!.id}`)).status).toBe(204);
  });

  it(`remains, in ${ROUNDS} rounds of two who do it to each other at once`, async () => {
    const names = Object.keys(DEEDS);
    const seen: Record<string, number> = {};
    for (let round = 0; round < ROUNDS; round += 1) {
      const [ada, eve] = await twoAdmins();
      const [first, second] = [DEEDS[names[round % 4]!]!, DEEDS[names[(round >> 2) % 4]!]!];
      const answers = await Promise.all([first(ada!, eve!.id), second(eve!, ada!.id)]);
      for (const [name, count] of Object.entries(outcome(answers))) seen[name] = (seen[name] ?? 0) + count;
      expect(await activeAdmins()).toHaveLength(1);
    }
    // Both may succeed where they come upon the same one: somebody is suspended while they delete themselves.
    expect((seen['200'] ?? 0) + (seen['204'] ?? 0)).toBeGreaterThanOrEqual(ROUNDS);
    expect(seen['409 last_administrator']).toBeGreaterThan(0);
  }, 180_000);
});
