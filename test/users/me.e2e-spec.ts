import { TestApp } from '../harness/app.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import type { Failure, Shown } from './shapes.js';

describe('me', () => {
  let app: TestApp;
  let grace: Person;

  beforeAll(async () => {
    app = await TestApp.start();
  });
  beforeEach(async () => {
    grace = await app.people.person({ appMetadata: { plan: 'secret' }, metadata: { theme: { dark: true, size: 2 } } });
  });
  afterAll(() => app.stop());

  it('shows what people may see of themselves: not what administrators keep about them', async () => {
    const me = await grace.get<Shown>('/api/v1/me');
    // Whose it is stands in the tag: everybody's `me` has one address.
    const tag = `"1.json-${grace.id.slice(-12)}"`;
    expect([me.status, me.headers.etag, me.headers['cache-control']]).toEqual([200, tag, 'private, no-cache']);
    expect(me.body).toMatchObject({ id: grace.id, email: grace.user.email, status: 'active', roles: ['user'] });
    expect(me.text).not.toContain('secret');
    expect(me.body).not.toHaveProperty('appMetadata');
    expect((await grace.get('/api/v1/me', { 'if-none-match': tag })).status).toBe(304);
  });

  it('changes what is one’s own, merges the metadata, and leaves the rest', async () => {
    const username = unique('Me');
    const patch = {
      name: 'Grace',
      username,
      locale: 'fr',
      timezone: 'America/New_York',
      metadata: { theme: { size: null } },
    };
    const me = await grace.patch<Shown>('/api/v1/me', patch, { 'if-match': '"1.json"' });
    expect([me.status, me.headers.etag]).toEqual([200, `"2.json-${grace.id.slice(-12)}"`]);
    expect(me.body).toMatchObject({
      ...patch,
      metadata: { theme: { dark: true } },
      email: grace.user.email,
      version: 2,
    });
    expect(me.text).not.toContain('secret');
    const [row] = await app.sql('SELECT app_metadata FROM roster.users WHERE id = $1', [grace.id]);
    expect(row).toEqual({ app_metadata: { plan: 'secret' } });
  });

  it.each([
    'id',
    'email',
    'emailVerified',
    'status',
    'suspension',
    'deletionDueAt',
    'roles',
    'appMetadata',
    'externalId',
    'createdAt',
    'version',
    'password',
    'passwordHash',
    'permissions',
    'constructor',
  ])('does not let anybody write their own %s', async (member) => {
    const refused = await grace.patch<Failure>('/api/v1/me', { name: 'X', [member]: 'x' });
    expect([refused.status, refused.body.errors?.map(({ pointer, code }) => [pointer, code])]).toEqual([
      422,
      [[`/${member}`, 'unknown_member']],
    ]);
    const [row] = await app.sql<{ version: number }>('SELECT version FROM roster.users WHERE id = $1', [grace.id]);
    expect(row!.version).toBe(1);
  });

  it('refuses __proto__ wherever it stands', async () => {
    for (const body of ['{"__proto__":{"admin":true}}', '{"metadata":{"a":{"__proto__":1}}}']) {
      const refused = await grace.send<Failure>('PATCH', '/api/v1/me', { body });
      expect([refused.status, refused.body.code]).toEqual([400, 'malformed_request']);
    }
  });

  it.each(['PATCH', 'DELETE'])('refuses %s of a stale version', async (method) => {
    await grace.patch('/api/v1/me', { name: 'Changed' });
    const refused = await grace.send<Failure>(method, '/api/v1/me', {
      body: method === 'PATCH' ? { name: 'X' } : undefined,
      headers: { 'if-match': '"1.json"' },
    });
    expect([refused.status, refused.body.code]).toEqual([412, 'precondition_failed']);
  });

  it('refuses a user name of somebody else', async () => {
    const username = unique('taken');
    await app.people.user({ username });
    const refused = await grace.patch<Failure>('/api/v1/me', { username: username.toUpperCase() });
    expect([refused.status, refused.body.code]).toEqual([409, 'username_taken']);
  });
});
