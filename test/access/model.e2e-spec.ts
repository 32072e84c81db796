import fc from 'fast-check';

import { Access } from '../../src/access/index.js';
import { TestApp } from '../harness/app.js';
import { unique } from '../harness/people.js';

const NAMES = ['users:read', 'users:write', 'roles:read', 'roles:write', 'roles:assign', 'permissions:grant'];
const MINUTE = 60_000;
const RUNS = 60;

interface ModelRole {
  readonly gives: readonly string[];
  readonly mfaRequired: boolean;
}
interface ModelGrant {
  readonly permission: string;
  /** Minutes from the beginning; null for good. */
  readonly ends: number | null;
}
interface World {
  readonly roles: readonly ModelRole[];
  readonly grants: readonly ModelGrant[];
  /** Minutes after the beginning at which it is looked. */
  readonly looks: readonly number[];
}

const worlds: fc.Arbitrary<World> = fc.record({
  roles: fc.array(fc.record({ gives: fc.subarray(NAMES), mfaRequired: fc.boolean() }), { maxLength: 4 }),
  grants: fc.uniqueArray(
    fc.record({ permission: fc.constantFrom(...NAMES), ends: fc.option(fc.integer({ min: -2, max: 6 })) }),
    { selector: ({ permission }) => permission, maxLength: 5 },
  ),
  looks: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3 }),
});

/** What the worlds ought to be: a sentence in the plainest words. */
function model({ roles, grants }: World, minute: number) {
  const alive = grants.filter(({ ends }) => ends === null || ends > minute);
  const ends = alive.flatMap((grant) => grant.ends ?? []);
  return {
    permissions: new Set([...roles.flatMap(({ gives }) => gives), ...alive.map(({ permission }) => permission)]),
    until: ends.length === 0 ? null : Math.min(...ends),
    mfaRequired: roles.some(({ mfaRequired }) => mfaRequired),
  };
}

describe('what somebody may', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });
  afterAll(() => app.stop());

  /** Somebody who lives in this world, which begins at a moment. */
  const settle = async (world: World, beginning: number): Promise<string> => {
    const names: string[] = [];
    for (const { gives, mfaRequired } of world.roles) {
      const name = unique('r');
      await app.sql(
        `WITH made AS (INSERT INTO roster.roles (name, about, built_in, created_at, mfa_required) VALUES ($1, '', false, now(), $3))
         INSERT INTO roster.role_permissions SELECT $1, unnest($2::text[])`,
        [name, gives, mfaRequired],
      );
      names.push(name);
    }
    const { id } = await app.people.user({}, { roles: names, invited: true });
    for (const { permission, ends } of world.grants)
      await app.sql(
        'INSERT INTO roster.user_permissions (user_id, permission, granted_at, expires_at) VALUES ($1, $2, now(), $3)',
        [id, permission, ends === null ? null : new Date(beginning + ends * MINUTE)],
      );
    return id;
  };

  it(`is what a naive model says, in ${RUNS} worlds of roles, grants and their ends`, async () => {
    const access = app.get(Access);
    const property = fc.asyncProperty(worlds, async (world) => {
      const beginning = app.clock.millis();
      const id = await settle(world, beginning);
      for (const minute of world.looks) {
        // The clock is put there and back: half a minute into it, for the setting up takes a while.
        const passed = app.clock.millis() - beginning;
        const ahead = minute * MINUTE + MINUTE / 2 - passed;
        app.clock.advance(ahead);
        const { permissions, until, mfaRequired } = await access.rightsOf(id);
        const held = await access.heldBy(id);
        app.clock.advance(-ahead);
        const expected = model(world, minute + 0.5);
        const found = { permissions, until: until && (until.getTime() - beginning) / MINUTE, mfaRequired };
        expect(found).toEqual(expected);
        expect(held.map(({ permission }) => permission)).toEqual([...expected.permissions].sort());
      }
    });
    await fc.assert(property, { numRuns: RUNS, endOnFailure: true });
  }, 60_000);
});
