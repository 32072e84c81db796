import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { factsAbout } from './shapes.js';
import type { ShownRole } from './shapes.js';

const MANY = 100;
const ROUNDS = 20;
const NAMES = ['users:read', 'users:write', 'roles:read', 'roles:write', 'roles:assign', 'permissions:grant'];

describe('two processes', () => {
  let apps: TestApp[];
  let people: Person[];

  beforeAll(async () => {
    const database = await freshDatabase(`access_races_${process.env['JEST_WORKER_ID']}`);
    apps = [await TestApp.start({ database }), await TestApp.start({ database })];
    people = [await apps[0]!.people.admin(), await apps[1]!.people.admin()];
  });
  afterAll(() => Promise.all(apps.map((app) => app.stop())));

  /** The n-th list differs from every other: which permissions, and why. */
  const listOf = (n: number): { permission: string; reason: string }[] =>
    NAMES.filter((_, bit) => ((n + 1) >> bit) & 1).map((permission) => ({ permission, reason: `Number ${n}` }));
  const rowsOf = (id: string) =>
    apps[0]!.sql<{ permission: string; reason: string }>(
      'SELECT permission, reason FROM roster.user_permissions WHERE user_id = $1 ORDER BY permission',
      [id],
    );

  it(`lose and double no row when ${MANY} lists of grants are put at once: the last one is there, whole`, async () => {
    const { id } = await apps[0]!.people.user({}, { invited: true });
    const puts = Array.from({ length: MANY }, (_, n) =>
      people[n % 2]!.put(`/api/v1/users/${id}/permissions`, { grants: listOf(n) }),
    );
    expect((await Promise.all(puts)).filter(({ status }) => status !== 200)).toEqual([]);
    const recorded = (await factsAbout(apps[0]!, `users/${id}`)).slice(1);
    const facts = recorded.sort((one, other) => one.version - other.version);
    // 64 apart the lists name the same permissions, with another reason: each of them changed something, in its turn.
    expect(facts.map(({ version }) => version)).toEqual(Array.from({ length: facts.length }, (_, n) => n + 2));
    const told = facts.map(({ private: { before, after } }) => [before, after] as { grants: object[] }[]);
    told.slice(1).forEach(([before], n) => expect(sorted(before!.grants)).toEqual(sorted(told[n]![1]!.grants)));
    const rows = await rowsOf(id);
    expect(sorted(told.at(-1)![1]!.grants).map(({ permission, reason }) => ({ permission, reason }))).toEqual(rows);
    const lists = Array.from({ length: MANY }, (_, n) => JSON.stringify(sorted(listOf(n))));
    expect(lists).toContain(JSON.stringify(rows));
    // A list of no grants may follow another.
    expect(facts.length).toBeGreaterThanOrEqual(MANY - 2);
  }, 60_000);

  it('let one of many who put grants on the same version at once', async () => {
    const { id } = await apps[0]!.people.user({}, { invited: true });
    const puts = Array.from({ length: 20 }, (_, n) =>
      people[n % 2]!.put(`/api/v1/users/${id}/permissions`, { grants: listOf(n) }, { 'if-match': '"1.json"' }),
    );
    const statuses = (await Promise.all(puts)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array<number>(19).fill(412)]);
    expect(await apps[0]!.factsAbout(id)).toEqual(['user.created', 'user.permissions_changed']);
  });

  it('let one of many who change the same version of a role at once', async () => {
    const role = (await people[0]!.post<ShownRole>('/api/v1/roles', { name: unique('r') })).body;
    const patches = Array.from({ length: 20 }, (_, n) =>
      people[n % 2]!.patch(`/api/v1/roles/${role.id}`, { permissions: [NAMES[n % 6]!] }, { 'if-match': '"1.json"' }),
    );
    const statuses = (await Promise.all(patches)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array<number>(19).fill(412)]);
    expect(await factsAbout(apps[0]!, `roles/${role.id}`)).toHaveLength(2);
  });

  it(`never delete a role under whoever is given it, in ${ROUNDS} rounds`, async () => {
    const seen = new Set<string>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const role = (await people[0]!.post<ShownRole>('/api/v1/roles', { name: unique('r') })).body;
      const { id } = await apps[0]!.people.user({}, { invited: true });
      const [deleted, assigned] = await Promise.all([
        people[round % 2]!.delete(`/api/v1/roles/${role.id}`),
        people[(round + 1) % 2]!.put(`/api/v1/users/${id}/roles`, { roles: ['user', role.name] }),
      ]);
      const outcome = `${deleted.status} ${assigned.status}`;
      seen.add(outcome);
      const holders = await apps[0]!.sql('SELECT FROM roster.user_roles WHERE role = $1', [role.name]);
      expect([outcome, holders.length]).toEqual(deleted.status === 204 ? ['204 422', 0] : ['409 200', 1]);
    }
    process.stdout.write(`\n${[...seen].join(', ')}\n`);
  }, 60_000);
});

function sorted<T extends object>(grants: readonly T[]): (T & { permission: string; reason: string })[] {
  const named = grants as readonly (T & { permission: string; reason: string })[];
  return [...named].sort((one, other) => (one.permission < other.permission ? -1 : 1));
}
