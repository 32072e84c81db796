import { setTimeout as pause } from 'node:timers/promises';

import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';

interface ExportBody {
  readonly id: string;
  readonly state: string;
  readonly rows: number;
  readonly bytes: number;
  readonly problem: string | null;
  readonly jobId: string | null;
}

describe('exports', () => {
  let app: TestApp;
  let admin: Person;

  beforeAll(async () => {
    app = await TestApp.start({ database: await freshDatabase(`exports_${process.env['JEST_WORKER_ID']}`) });
    admin = await app.people.admin();
    await app.sql(
      `INSERT INTO roster.users (id, email, email_key, name, name_key, locale, metadata, app_metadata, created_at, updated_at, version)
       SELECT gen_random_uuid(), 'e' || n || '@example.com', 'e' || n || '@example.com', '=' || n, '=' || n, 'en', '{"n":1}', '{}',
         now() - n * interval '1 second', now(), 1 FROM generate_series(1, 1300) n`,
    );
  });
  afterAll(() => app.stop());

  async function written(person: Person, id: string): Promise<ExportBody> {
    for (;;) {
      const { body } = await person.get<ExportBody>(`/api/v1/exports/${id}`);
      if (['completed', 'cancelled', 'failed'].includes(body.state)) return body;
      await pause(50);
    }
  }

  it.each([
    ['csv', 'text/csv'],
    ['ndjson', 'application/x-ndjson'],
  ])('writes as %s, byte by byte, what the list of users answers', async (format, type) => {
    const { status, headers, body } = await admin.post<ExportBody>('/api/v1/exports', { format });
    expect([status, headers.location]).toEqual([202, `/api/v1/exports/${body.id}`]);
    const done = await written(admin, body.id);
    expect(done).toMatchObject({ state: 'completed', rows: 1301 });
    const file = await admin.get(`/api/v1/exports/${body.id}/file`);
    expect(file.headers['content-type']).toBe(`${type}; charset=utf-8`);
    expect(file.headers['content-disposition']).toBe(`attachment; filename="users-${body.id}.${format}"`);
    expect(Buffer.byteLength(file.text)).toBe(done.bytes);
    const list = await admin.get('/api/v1/users?sort=createdAt', { accept: type });
    expect(file.text).toBe(list.text);
    const facts = await app.sql<{ type: string; actor: string }>(
      "SELECT type, private ->> 'actorId' AS actor FROM roster.events WHERE subject = $1 ORDER BY xid, seq",
      [`exports/${body.id}`],
    );
    expect(facts.map(({ type: each }) => each)).toEqual(['export.started', 'export.finished', 'export.fetched']);
    expect(facts.at(-1)!.actor).toBe(admin.id);
  });

  it('writes only whom the filter finds, and refuses one that means nothing', async () => {
    const { body } = await admin.post<ExportBody>('/api/v1/exports', { format: 'csv', filter: 'email sw "e12"' });
    expect(await written(admin, body.id)).toMatchObject({ rows: 111 });
    type Refusal = { code: string; errors: { pointer: string }[] };
    const refused = await admin.post<Refusal>('/api/v1/exports', { format: 'csv', filter: 'nothing eq 1' });
    expect([refused.status, refused.body.code, refused.body.errors[0]!.pointer]).toEqual([
      422,
      'validation_failed',
      '/filter',
    ]);
  });

  it('does not give a file before it is written, nor to whoever may not have it', async () => {
    const { body } = await admin.post<ExportBody>('/api/v1/exports', { format: 'csv' });
    await written(admin, body.id);
    await app.sql("UPDATE roster.exports SET state = 'running' WHERE id = $1", [body.id]);
    const early = await admin.get<{ code: string }>(`/api/v1/exports/${body.id}/file`);
    expect([early.status, early.body.code]).toEqual([409, 'export_not_ready']);
    const reader = await app.people.withPermissions('users:read', 'users:import');
    expect((await reader.get(`/api/v1/exports/${body.id}/file`)).status).toBe(403);
    await app.sql("UPDATE roster.exports SET state = 'completed' WHERE id = $1", [body.id]);
  });

  it('is cancelled with its job', async () => {
    const { body } = await admin.post<ExportBody>('/api/v1/exports', { format: 'csv' });
    await written(admin, body.id);
    await app.sql(
      `UPDATE roster.exports SET state = 'running', finished_at = NULL, updated_at = now() - interval '1 hour' WHERE id = $1`,
      [body.id],
    );
    await app.sql("UPDATE roster.jobs SET state = 'cancelled' WHERE id = $1", [body.jobId]);
    await sweep();
    expect(await written(admin, body.id)).toMatchObject({ state: 'cancelled', problem: null });
    expect((await admin.get(`/api/v1/exports/${body.id}/file`)).status).toBe(409);
  });

  it.each<[string, string]>([
    ['the right to export', 'DELETE FROM roster.user_roles WHERE user_id = $1'],
    ['the suspension of the one who asked', 'UPDATE roster.users SET suspended_at = now() WHERE id = $1'],
    ['the one who asked, of whom nothing is left', 'DELETE FROM roster.users WHERE id = $1'],
  ])('ends with %s', async (_, deed) => {
    const exporter = await app.people.withPermissions('users:export');
    const id = await begunAgain(exporter);
    await app.sql(deed, [exporter.id]);
    await sweep();
    expect(await written(admin, id)).toMatchObject({ state: 'failed', problem: expect.any(String) });
  });

  it('ends with the suspension of the one who acted for another', async () => {
    const acting = await app.people.admin();
    const other = await app.people.withPermissions('users:export');
    const { body: token } = await acting.post<{ accessToken: string }>(`/api/v1/users/${other.id}/impersonation`, {
      reason: 'Support',
    });
    const id = await begunAgain(other, token.accessToken);
    const [found] = await app.sql('SELECT actor_id AS actor, on_behalf_of AS "for" FROM roster.exports WHERE id = $1', [
      id,
    ]);
    expect(found).toEqual({ actor: acting.id, for: other.id });
    await app.sql('UPDATE roster.users SET suspended_at = now() WHERE id = $1', [acting.id]);
    await sweep();
    expect(await written(admin, id)).toMatchObject({ state: 'failed', problem: expect.any(String) });
  });

  /** An export that is under way, and that nobody works at. */
  async function begunAgain(person: Person, token = person.token): Promise<string> {
    const { body } = await app.send<ExportBody>('POST', '/api/v1/exports', { token, body: { format: 'csv' } });
    await written(admin, body.id);
    await app.sql(
      "UPDATE roster.exports SET state = 'queued', finished_at = NULL, updated_at = now() - interval '1 hour' WHERE id = $1",
      [body.id],
    );
    return body.id;
  }

  async function sweep(): Promise<void> {
    const { Housekeeping } = await import('../../src/imports/housekeeping.service.js');
    await app.get(Housekeeping).sweep();
  }
});
