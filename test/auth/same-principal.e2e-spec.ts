import { createHash } from 'node:crypto';

import { jest } from '@jest/globals';
import fc from 'fast-check';

import { Principals } from '../../src/auth/principals.js';
import { permissions } from '../../src/platform/contract/permission.js';
import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';

jest.setTimeout(300_000);

/** Whatever the way in, the same person may do the same: one builder makes every principal. */
describe('a principal', () => {
  let app: TestApp;
  let victim: Person;

  beforeAll(async () => {
    app = await TestApp.start();
    victim = await app.people.person();
  });
  afterAll(() => app.stop());

  /** Reads, and deeds that are refused or change nothing that the next one would notice. */
  const SAMPLE: readonly (readonly [method: string, url: (id: string) => string, body?: object])[] = [
    ['GET', () => '/api/v1/me'],
    ['GET', () => '/api/v1/me/sessions'],
    ['GET', () => '/api/v1/me/tokens'],
    ['GET', () => '/api/v1/users?limit=1'],
    ['GET', (id) => `/api/v1/users/${id}`],
    ['GET', (id) => `/api/v1/users/${id}/sessions`],
    ['GET', () => '/api/v1/api-keys?limit=1'],
    ['PATCH', (id) => `/api/v1/users/${id}`, { name: 'Grace Hopper' }],
    ['PUT', (id) => `/api/v1/users/${id}/roles`, { roles: ['user'] }],
    ['PUT', (id) => `/api/v1/users/${id}/roles`, { roles: ['admin'] }],
    ['POST', (id) => `/api/v1/users/${id}/restoration`],
    ['DELETE', () => '/api/v1/users/01a1fb89-a690-7530-90c7-ac334b012900'],
    ['DELETE', () => '/api/v1/api-keys/01a1fb89-a690-7530-90c7-ac334b012900'],
  ];

  async function answersTo(token: string): Promise<string[]> {
    const answers: string[] = [];
    for (const [method, url, body] of SAMPLE) {
      const answer = await app.send<{ code?: string } | null>(method, url(victim.id), { token, body });
      answers.push(`${method} ${url('{id}')} ${answer.status} ${answer.body?.code ?? ''}`);
    }
    return answers;
  }

  async function rightsOf(token: string): Promise<string[]> {
    for (;;) {
      const principal = app.get(Principals).remembered(createHash('sha256').update(token).digest('base64'));
      if (principal) return [...principal.permissions].sort();
      // A machine that stood still for a second remembers nobody, rightly.
      expect((await app.send('GET', '/api/v1/me', { token })).status).toBe(200);
    }
  }

  it('is the same by a session, after its refresh, and by a personal token with every scope', async () => {
    const all = [...permissions.keys()].sort();
    const property = fc.asyncProperty(fc.subarray(all), async (held) => {
      const somebody = await app.people.withPermissions(...held);
      const key = await app.people.byKey(somebody, ['me', ...held]);
      const expected = await answersTo(somebody.token);
      expect(await rightsOf(somebody.token)).toEqual([...held].sort());
      const { body } = await app.send<{ accessToken: string }>('POST', '/api/v1/auth/refresh', {
        body: { refreshToken: somebody.refreshToken },
      });
      for (const token of [body.accessToken, key.token]) {
        expect(await answersTo(token)).toEqual(expected);
        expect(await rightsOf(token)).toEqual([...held].sort());
      }
    });
    await fc.assert(property, { numRuns: 25, examples: [[[]], [all]] });
  });

  it('by a key has what its user holds and its scopes name, and never more', async () => {
    const all = [...permissions.keys()].sort();
    const property = fc.asyncProperty(fc.subarray(all), fc.subarray(all), async (before, after) => {
      const somebody = await app.people.withPermissions(...before);
      const scopes = before.filter((_, place) => place % 2 === 0);
      const key = await app.people.byKey(somebody, ['me', ...scopes]);
      // Their role gives other rights from now on; the key has not been used before.
      const [{ role }] = (await app.sql<{ role: string }>(
        "SELECT role FROM roster.user_roles WHERE user_id = $1 AND role <> 'user'",
        [somebody.id],
      )) as [{ role: string }];
      await app.sql('DELETE FROM roster.role_permissions WHERE role = $1', [role]);
      await app.sql('INSERT INTO roster.role_permissions (role, permission) SELECT $1, unnest($2::text[])', [
        role,
        after,
      ]);
      expect((await key.get('/api/v1/me')).status).toBe(200);
      expect(await rightsOf(key.token)).toEqual(after.filter((permission) => scopes.includes(permission)));
    });
    await fc.assert(property, { numRuns: 25 });
  });
});
