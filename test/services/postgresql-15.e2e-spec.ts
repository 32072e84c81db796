import { createDataSource } from '../../ormconfig.js';
import { migrate } from '../../src/platform/database/migrate.js';
import { TestApp } from '../harness/app.js';
import { ask } from '../harness/database.js';
import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { startDebianPostgres } from './debian-postgres.js';
import type { DebianPostgres } from './debian-postgres.js';

interface Shown {
  id: string;
  email: string;
  status: string;
  version: number;
}
interface Page {
  data: Shown[];
  page: { nextCursor: string | null; total?: number };
}
interface Tokens {
  accessToken: string;
  refreshToken: string;
}

describe('the oldest PostgreSQL that is supported, as Debian ships it', () => {
  let server: DebianPostgres;
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    server = await startDebianPostgres();
    const owner = createDataSource({
      url: server.address.ownerUrl,
      poolMax: 1,
      applicationName: 'roster-migrate',
      patience: 60_000,
    });
    await migrate(owner, server.address.ownerUrl, server.address.applicationRole);
    app = await TestApp.start({ database: server.address });
    ada = await app.people.admin();
  }, 180_000);

  afterAll(async () => {
    await app?.stop();
    await server?.stop();
  });

  it('is version 15', async () => {
    const [row] = await ask<{ version: string }>(
      server.address.ownerUrl,
      "SELECT current_setting('server_version') AS version",
    );
    expect(row!.version).toMatch(/^15\./);
  });

  it('carries a user from creation to deletion', async () => {
    const email = `${unique('old')}@example.com`;
    const { body: made } = await ada.post<Shown>('/api/v1/users', { email, name: 'Старый друг', password: PASSWORD });
    const path = `/api/v1/users/${made.id}`;
    expect((await ada.patch<Shown>(path, { name: 'New friend' }, { 'if-match': '"1.json"' })).body.version).toBe(2);
    expect((await ada.put<Shown>(`${path}/suspension`, { reason: 'away' })).body.status).toBe('suspended');
    expect((await ada.delete<Shown>(`${path}/suspension`)).body.status).toBe('active');
    expect((await ada.delete(path)).status).toBe(204);
    expect((await ada.post<Shown>(`${path}/restoration`)).body.status).toBe('active');
    const facts = await ask<{ type: string }>(
      asSuperuserOf(server),
      'SELECT type FROM roster.events WHERE subject = $1 ORDER BY xid, seq',
      [`users/${made.id}`],
    );
    expect(facts.map(({ type }) => type)).toEqual([
      'user.created',
      'password.changed',
      'user.updated',
      'user.suspended',
      'user.reinstated',
      'user.deleted',
      'user.restored',
    ]);
  });

  it('signs in, refreshes and signs out', async () => {
    const { email } = await app.people.user();
    const { body } = await app.send<Tokens>('POST', '/api/v1/auth/login', {
      body: { identifier: email, password: PASSWORD },
    });
    const refreshed = await app.send<Tokens>('POST', '/api/v1/auth/refresh', {
      body: { refreshToken: body.refreshToken },
    });
    expect((await app.send('POST', '/api/v1/auth/logout', { token: refreshed.body.accessToken })).status).toBe(204);
    expect((await app.send('GET', '/api/v1/me', { token: refreshed.body.accessToken })).status).toBe(401);
  });

  it.each([
    ['createdAt', 'name co "КНИГ"'],
    ['-email', 'email sw "shelf-"'],
    ['username', 'status eq "active" and roles eq "user" and name co "книг"'],
    ['-lastSignInAt', 'lastSignInAt pr or name co "книга"'],
  ])('pages by %s through %s, with the same rows both ways', async (sort, filter) => {
    for (let index = 0; index < 5; index += 1)
      await app.people.user({ name: `Книга ${unique('')}`, email: `shelf-${unique('')}@example.com` });
    const query = `sort=${encodeURIComponent(sort)}&filter=${encodeURIComponent(filter)}&limit=3&count=exact`;
    const first = await ada.get<Page>(`/api/v1/users?${query}`);
    const second = await ada.get<Page>(`/api/v1/users?${query}&cursor=${first.body.page.nextCursor}`);
    expect(first.body.data).toHaveLength(3);
    expect(second.body.data.length).toBeGreaterThan(0);
    expect(first.body.page.total).toBeGreaterThanOrEqual(5);
    const back = await ada.get<Page & { page: { prevCursor: string } }>(
      `/api/v1/users?${query}&cursor=${(second.body as Page & { page: { prevCursor: string } }).page.prevCursor}`,
    );
    expect(back.body.data.map(({ id }) => id)).toEqual(first.body.data.map(({ id }) => id));
  });

  it('keeps the application out of what it may not touch', async () => {
    await expect(ask(server.address.url, 'UPDATE roster.events SET type = type')).rejects.toThrow('permission denied');
    await expect(ask(server.address.url, 'CREATE TABLE roster.mine (id int)')).rejects.toThrow('permission denied');
    const [row] = await ask<{ count: number }>(
      asSuperuserOf(server),
      'SELECT count(*)::int AS count FROM roster.events',
    );
    expect(row!.count).toBeGreaterThan(0);
  });
});

function asSuperuserOf({ address }: DebianPostgres): string {
  return address.ownerUrl.replace('roster_owner@', 'postgres@');
}
