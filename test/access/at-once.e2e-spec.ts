import { setTimeout as pause } from 'node:timers/promises';

import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { timeOf, timeUntil } from '../harness/awake.js';
import type { ShownRole } from './shapes.js';

/** Milliseconds: the promise. */
const BOUND = 1000;
const ROUNDS = 3;

interface Deed {
  readonly before: 200 | 403;
  readonly grants: readonly string[];
  readonly gives: readonly string[];
  /** What changes `users:read` for somebody with these grants and a role that gives these. */
  readonly act: (somebody: Person, role: ShownRole) => Promise<{ status: number }>;
}

describe('S57 a right', () => {
  let app: TestApp;
  let other: TestApp;
  let root: Person;
  const took: Record<string, number[]> = {};

  beforeAll(async () => {
    const database = await freshDatabase(`at_once_${process.env['JEST_WORKER_ID']}`);
    [app, other] = [await TestApp.start({ database }), await TestApp.start({ database })];
    root = await app.people.admin();
  });
  afterAll(async () => {
    await app.stop();
    await other.stop();
    const lines = Object.entries(took).map(
      ([deed, times]) => `${deed}: ${times.map((time) => Math.round(time)).join(', ')} ms`,
    );
    process.stdout.write(`\n${lines.join('\n')}\n`);
  });

  const status = async (where: TestApp, { token }: Person): Promise<number> =>
    (await where.send('GET', '/api/v1/users?limit=1', { token })).status;
  const grant = (id: string, permissions: readonly string[]) =>
    root.put(`/api/v1/users/${id}/permissions`, { grants: permissions.map((permission) => ({ permission })) });
  const change = (role: ShownRole, permissions: readonly string[]) =>
    root.patch(`/api/v1/roles/${role.id}`, { permissions });

  const DEEDS: Record<string, Deed> = {
    'that is no longer granted': { before: 200, grants: ['users:read'], gives: [], act: ({ id }) => grant(id, []) },
    'that is granted': { before: 403, grants: [], gives: [], act: ({ id }) => grant(id, ['users:read']) },
    'that a role gives no longer': {
      before: 200,
      grants: [],
      gives: ['users:read'],
      act: (_, role) => change(role, []),
    },
    'that a role gives now': { before: 403, grants: [], gives: [], act: (_, role) => change(role, ['users:read']) },
    'of a role that is taken away': {
      before: 200,
      grants: [],
      gives: ['users:read'],
      act: ({ id }) => root.put(`/api/v1/users/${id}/roles`, { roles: ['user'] }),
    },
  };

  it.each(Object.keys(DEEDS))('%s is so within a second on another process, and at once here', async (name) => {
    const { before, grants, gives, act } = DEEDS[name]!;
    for (let round = 0; round < ROUNDS; round += 1) {
      const role = (await root.post<ShownRole>('/api/v1/roles', { name: unique('r'), permissions: gives })).body;
      const somebody = await app.people.person({}, ['user', role.name]);
      await grant(somebody.id, grants);
      // Both have the principal in their memory when the clock starts.
      await pause(100);
      for (const where of [app, other, app, other]) expect(await status(where, somebody)).toBe(before);
      expect((await act(somebody, role)).status).toBe(200);
      const time = await timeOf(async () => {
        expect(await status(app, somebody)).not.toBe(before);
        await timeUntil(async () => (await status(other, somebody)) !== before);
      });
      (took[name] ??= []).push(time);
    }
    expect(Math.max(...took[name]!)).toBeLessThanOrEqual(BOUND);
  });
});
