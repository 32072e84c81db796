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

  /** The n-th list differs from every other: which permissions, and why. None is empty. */
  const listOf = (n: number): Row[] =>
    NAMES.filter((_, bit) => (((n % 63) + 1) >> bit) & 1).map((permission) => ({ permission, reason: `Number ${n}` }));
  const rowsOf = (id: string) =>
    apps[0]!.sql<Row>('SELECT permission, reason FROM roster.user_permissions WHERE user_id = $1 ORDER BY permission', [
      id,
    ]);

  it(`lose and double no row when ${MANY} lists of grants are put at once: the last one is there, whole`, async () => {
    const { id } = await apps[0]!.people.user({}, { invited: true });
    const puts = Array.from({ length: MANY }, (_, n) =>
      people[n % 2]!.put(`/api/v1/users/${id}/permissions`, { grants: listOf(n) }),
    );
    const statuses = (await Promise.all(puts)).map(({ status }) => status);
    // They wait for each other, and on a machine that is busy not all have their turn within what a request may take.
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    const done = statuses.flatMap((status, n) => (status === 200 ? [textOf(listOf(n))] : []));
    expect(done.length).toBeGreaterThan(0);
    const recorded = (await factsAbout(apps[0]!, `users/${id}`)).slice(1);
    const facts = recorded.sort((one, other) => one.version - other.version);
    // Each list is another: whatever was answered well is there once, in its turn, and nothing between the turns.
    expect(facts.map(({ version }) => version)).toEqual(Array.from({ length: facts.length }, (_, n) => n + 2));
    const told = facts.map(({ private: { before, after } }) => [textOf(grantsIn(before)), textOf(grantsIn(after))]);
    expect(told.map(([before]) => before)).toEqual(['[]', ...told.slice(0, -1).map(([, after]) => after)]);
    const lists = told.map(([, after]) => after);
    expect([new Set(lists).size, done.filter((list) => !lists.includes(list))]).toEqual([lists.length, []]);
    expect(textOf(await rowsOf(id))).toBe(lists.at(-1));
    process.stdout.write(`\n${MANY} at once: ${done.length} done, ${MANY - done.length} told 503\n`);
  }, 120_000);

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
  }, 120_000);
});

interface Row {
  readonly permission: string;
  readonly reason: string;
}

function grantsIn(circumstances: object | undefined): readonly Row[] {
  return (circumstances as { grants: Row[] }).grants;
}

function textOf(grants: readonly Row[]): string {
  return JSON.stringify(grants.map(({ permission, reason }) => `${permission} ${reason}`).sort());
}
