import { setTimeout as pause } from 'node:timers/promises';

import { jest } from '@jest/globals';

import { Jobs } from '../../src/jobs/index.js';
import { Housekeeping } from '../../src/imports/housekeeping.service.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { listening } from '../realtime/clients.js';
import { CSV, NDJSON, csv, handIn, ndjson, over, reportOf, summaryOf, taken, userAt } from './files.js';
import type { ImportBody } from './files.js';

jest.setTimeout(120_000);

interface JobBody {
  readonly id: string;
  readonly state: string;
  readonly progress: object | null;
}

describe('imports', () => {
  let app: TestApp;
  let admin: Person;

  beforeAll(async () => {
    app = await TestApp.start({ database: await freshDatabase(`imports_${process.env['JEST_WORKER_ID']}`) });
    admin = await app.people.admin();
  });
  afterAll(() => app.stop());

  const fresh = (): string => `${unique('i')}@example.com`;
  const factsOf = async (id: string): Promise<string[]> => {
    const text = 'SELECT type FROM roster.events WHERE subject = $1 ORDER BY xid, seq';
    return (await app.sql<{ type: string }>(text, [`imports/${id}`])).map(({ type }) => type);
  };

  const jobOver = async (id: string): Promise<JobBody> => {
    for (;;) {
      const { body } = await admin.get<JobBody>(`/api/v1/jobs/${id}`);
      if (body.state !== 'queued' && body.state !== 'running') return body;
      await pause(50);
    }
  };

  it('takes a CSV over, tells what became of each row, and records a fact for each user', async () => {
    const [ada, alan] = [fresh(), fresh()];
    const dark = '"{""theme"":""dark""}"';
    const lines = [`${ada},Ada,true,${dark}`, 'nobody,Nobody,,', `${alan},Alan,,`];
    const answer = await handIn(admin, csv('email,name,emailVerified,metadata', ...lines));
    expect(answer.status).toBe(202);
    expect(answer.headers.location).toBe(`/api/v1/imports/${answer.body.id}`);
    const done = await over(admin, answer.body.id);
    expect(done).toMatchObject({ state: 'completed', format: 'roster', rows: 3, position: 3, created: 2, failed: 1 });
    expect(await summaryOf(admin, done.id)).toEqual(['2 created', '3 failed email_invalid /email', '4 created']);
    const user = await userAt(admin, ada);
    expect(user).toMatchObject({ name: 'Ada', emailVerified: true, status: 'invited', roles: ['user'], version: 1 });
    expect(user!.metadata).toEqual({ theme: 'dark' });
    expect((await reportOf(admin, done.id))[0]!.userId).toBe(user!.id);
    expect(await app.factsAbout(user!.id)).toEqual(['user.created']);
    const [fact] = await app.sql<{ actor: string; version: number }>(
      "SELECT private ->> 'actorId' AS actor, subject_version AS version FROM roster.events WHERE subject = $1",
      [`users/${user!.id}`],
    );
    expect(fact).toEqual({ actor: admin.id, version: 1 });
    expect(await factsOf(done.id)).toEqual(['import.started', 'import.finished']);
    const failed = await reportOf(admin, done.id, `filter=${encodeURIComponent('status eq "failed"')}`);
    expect(failed.map(({ line }) => line)).toEqual([3]);
  });

  it('holds each row to the rules of POST /users', async () => {
    const rows: [object, string][] = [
      [{ email: fresh(), name: 'A', locale: 'Mars/Olympus' }, 'failed locale_invalid /locale'],
      [{ email: fresh(), name: 'A', timezone: 'Mars/Olympus' }, 'failed timezone_invalid /timezone'],
      [{ email: fresh(), name: 'A', username: 'a@b' }, 'failed username_invalid /username'],
      [{ email: fresh(), name: ' A' }, 'failed format_invalid /name'],
      [{ email: fresh() }, 'failed required /name'],
      [{ name: 'A' }, 'failed required /email'],
      [{ email: fresh(), name: 'A', metadata: { a: 'x'.repeat(17_000) } }, 'failed too_large /metadata'],
      [{ email: fresh(), name: 'A', isAdmin: true }, 'failed unknown_member /isAdmin'],
      [{ email: fresh(), name: 'A', password: PASSWORD }, 'failed unknown_member /password'],
      [
        { email: fresh(), name: 'A', passwordHash: '5f4dcc3b5aa765d61d8327deb882cf99' },
        'failed hash_unknown /passwordHash',
      ],
      [{ email: fresh(), name: 'A', roles: ['nobody-has-this'] }, 'failed role_unknown /roles'],
      [{ email: fresh(), name: 'A', constructor: 1 }, 'failed unknown_member /constructor'],
      [{ email: fresh(), name: 'A', phone: '+493090182', locale: 'de', timezone: 'Europe/Berlin' }, 'created'],
    ];
    const done = await taken(admin, ndjson(...rows.map(([row]) => row)), NDJSON, '?format=roster');
    expect(await summaryOf(admin, done.id)).toEqual(rows.map(([, became], at) => `${at + 1} ${became}`));
  });

  it('takes its own exports back', async () => {
    const { body: user } = await admin.post<{ id: string; email: string }>('/api/v1/users', {
      email: fresh(),
      name: '=1+1',
      phone: '+442071838750',
      metadata: { theme: 'dark' },
      externalId: unique('hr-'),
    });
    const filter = encodeURIComponent(`email eq "${user.email}"`);
    const { text } = await admin.get(`/api/v1/users?filter=${filter}`, { accept: 'text/csv' });
    const done = await taken(admin, text, CSV, '?onConflict=update');
    expect(await summaryOf(admin, done.id)).toEqual(['2 skipped unchanged']);
    await admin.delete(`/api/v1/users/${user.id}`);
    await taken(admin, text);
    const again = await userAt(admin, user.email);
    expect(again).toMatchObject({ name: '=1+1', phone: '+442071838750', metadata: { theme: 'dark' } });
    expect(again!.id).not.toBe(user.id);
  });

  describe('by the rule for conflicts', () => {
    const shapes = ['skip', 'update', 'fail'] as const;
    it.each([
      ['skip', 'skipped', 'email_taken', 'Before', 1],
      ['fail', 'failed', 'email_taken', 'Before', 1],
      ['update', 'updated', null, 'After', 2],
    ] as const)('%s: whoever is there', async (rule, status, code, name, version) => {
      expect(shapes).toContain(rule);
      const user = await app.people.user({ name: 'Before', metadata: { kept: 1, gone: 1 } });
      const row = { email: user.email.toUpperCase(), name: 'After', metadata: { gone: null, fresh: 1 } };
      const done = await taken(admin, ndjson(row), NDJSON, `?onConflict=${rule}`);
      const [reported] = await reportOf(admin, done.id);
      expect(reported).toMatchObject({ status, code });
      const after = await userAt(admin, user.email);
      expect(after).toMatchObject({ id: user.id, name, version });
      if (rule === 'update') expect(after!.metadata).toEqual({ kept: 1, fresh: 1 });
      const facts = await app.factsAbout(user.id);
      expect(facts.filter((type) => type === 'user.updated')).toHaveLength(rule === 'update' ? 1 : 0);
    });

    it('tells who stands in the way of a user name or an external id', async () => {
      const [one, other] = [
        await app.people.user({ username: unique('u'), externalId: unique('x') }),
        await app.people.user({ username: unique('u') }),
      ];
      const rows = [
        { email: fresh(), name: 'A', username: one.username },
        { email: fresh(), name: 'A', externalId: one.externalId },
        { email: other.email, name: 'A', externalId: one.externalId },
        { email: other.email, name: 'A', username: one.username },
      ];
      const skipped = await taken(admin, ndjson(...rows.slice(0, 2)), NDJSON);
      expect(await summaryOf(admin, skipped.id)).toEqual([
        '1 skipped username_taken /username',
        '2 skipped external_id_taken /externalId',
      ]);
      const done = await taken(admin, ndjson(rows[0]!, rows[2]!, rows[3]!), NDJSON, '?onConflict=update');
      expect(await summaryOf(admin, done.id)).toEqual([
        '1 failed username_taken /username',
        '2 failed external_id_taken /externalId',
        '3 failed username_taken /username',
      ]);
    });

    it('gives nobody another address: whoever is known by their external id alone stays as they are', async () => {
      const user = await app.people.user({ name: 'Before', externalId: unique('x') });
      const moved = { email: fresh(), name: 'After', externalId: user.externalId };
      const own = { email: fresh(), name: 'Me', externalId: unique('x') };
      await admin.patch(`/api/v1/users/${admin.id}`, { externalId: own.externalId });
      for (const query of ['?onConflict=update', '?onConflict=update&dryRun=true']) {
        const done = await taken(admin, ndjson(moved, own), NDJSON, query);
        expect(await summaryOf(admin, done.id)).toEqual([
          '1 failed email_differs /email',
          '2 failed email_differs /email',
        ]);
      }
      expect(await userAt(admin, user.email)).toMatchObject({ id: user.id, name: 'Before', version: 1 });
      expect(await userAt(admin, moved.email)).toBeUndefined();
      expect((await app.factsAbout(user.id)).includes('user.updated')).toBe(false);
    });

    it('changes more people than one transaction may: each once, and each by a fact of its own', async () => {
      const rows = Array.from({ length: 250 }, (_, at) => ({ email: fresh(), name: `Before ${at}` }));
      await taken(admin, ndjson(...rows), NDJSON);
      const changed = rows.map(({ email }, at) => ({ email, name: `After ${at}` }));
      const done = await taken(admin, ndjson(...changed), NDJSON, '?onConflict=update');
      expect(done).toMatchObject({ updated: 250, failed: 0, skipped: 0 });
      const [versions] = await app.sql(
        `SELECT count(*)::int AS people, min(version) AS least, max(version) AS most FROM roster.users WHERE email_key = ANY($1)`,
        [rows.map(({ email }) => email)],
      );
      expect(versions).toEqual({ people: 250, least: 2, most: 2 });
    });

    it('takes rows that name the same one after the other', async () => {
      const email = fresh();
      const rows = [
        { email, name: 'First' },
        { email: email.toUpperCase(), name: 'Second' },
        { email, name: 'Third' },
      ];
      const skipping = await taken(admin, ndjson(...rows), NDJSON);
      expect(await summaryOf(admin, skipping.id)).toEqual([
        '1 created',
        '2 skipped email_taken /email',
        '3 skipped email_taken /email',
      ]);
      await taken(admin, ndjson(...rows), NDJSON, '?onConflict=update');
      const user = await userAt(admin, email);
      expect(user).toMatchObject({ name: 'Third', version: 3 });
      expect(await app.factsAbout(user!.id)).toEqual(['user.created', 'user.updated', 'user.updated']);
    });

    it('gives a password only to whoever is still invited, and never takes a role away', async () => {
      const invited = await app.people.user({}, { invited: true });
      const active = await app.people.user();
      const passwordHash = '$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS';
      const rows = [invited, active].map(({ email }) => ({ email, passwordHash, roles: ['user'] }));
      const done = await taken(admin, ndjson(...rows), NDJSON, '?onConflict=update');
      expect(await summaryOf(admin, done.id)).toEqual(['1 updated', '2 skipped password_kept /passwordHash']);
      const signIn = (identifier: string, password: string): Promise<{ status: number }> =>
        app.send('POST', '/api/v1/auth/login', { body: { identifier, password } });
      expect((await signIn(invited.email, 'correct horse battery staple')).status).toBe(200);
      expect((await signIn(active.email, 'correct horse battery staple')).status).toBe(401);
      expect((await signIn(active.email, PASSWORD)).status).toBe(200);
    });
  });

  describe('what the sender may', () => {
    it('bounds roles: they need roles:assign, and nobody gives what they do not hold', async () => {
      const importer = await app.people.withPermissions('users:import', 'users:read');
      const assigner = await app.people.withPermissions('users:import', 'users:read', 'roles:assign');
      const rows = (): object[] => [
        { email: fresh(), name: 'A', roles: ['admin'] },
        { email: fresh(), name: 'A', roles: ['user'] },
      ];
      for (const person of [importer, assigner]) {
        const done = await taken(person, ndjson(...rows()), NDJSON);
        expect(await summaryOf(person, done.id)).toEqual(['1 failed privilege_ceiling /roles', '2 created']);
      }
      const file = rows();
      const done = await taken(admin, ndjson(...file), NDJSON);
      expect(done.created).toBe(2);
      expect((await userAt(admin, (file[0] as { email: string }).email))!.roles).toEqual(['admin']);
    });

    it('bounds whom an update may change, and ends with the right to import', async () => {
      const importer = await app.people.withPermissions('users:import', 'users:read');
      const boss = await app.people.user({ name: 'Boss' }, { roles: ['admin', 'user'] });
      const update = ndjson({ email: boss.email, name: 'Mine' });
      const done = await taken(importer, update, NDJSON, '?onConflict=update');
      expect(await summaryOf(importer, done.id)).toEqual(['1 failed privilege_ceiling']);
      expect((await userAt(admin, boss.email))!.name).toBe('Boss');
      const held = await holdJobs(app);
      const { body } = await handIn(importer, ndjson({ email: fresh(), name: 'A' }), NDJSON);
      await app.sql('DELETE FROM roster.user_roles WHERE user_id = $1', [importer.id]);
      await held.release();
      expect(await over(admin, body.id)).toMatchObject({ state: 'failed', created: 0, problem: expect.any(String) });
      expect(await factsOf(body.id)).toEqual(['import.started', 'import.finished']);
    });

    it('adds roles in an update as a fact of its own, at once', async () => {
      const user = await app.people.user();
      const role = unique('role_');
      await admin.post('/api/v1/roles', { name: role, permissions: ['users:read'] });
      await taken(admin, ndjson({ email: user.email, roles: [role] }), NDJSON, '?onConflict=update');
      expect((await userAt(admin, user.email))!.roles).toEqual([role, 'user'].sort());
      expect((await app.factsAbout(user.id)).at(-1)).toBe('user.roles_changed');
    });
  });

  it('changes nothing in a dry run, and tells what would become of each row', async () => {
    const there = await app.people.user({ name: 'Before' });
    const [ada, alan] = [fresh(), fresh()];
    const rows = [
      { email: ada, name: 'Ada' },
      { email: there.email, name: 'After' },
      { email: ada, name: 'Ada again' },
      { email: alan, name: 'A', username: 'no@name' },
    ];
    const before = await app.factsAbout(there.id);
    for (const [rule, second, third] of [
      ['skip', 'skipped email_taken /email', 'skipped row_twice /email'],
      ['fail', 'failed email_taken /email', 'failed row_twice /email'],
      ['update', 'updated', 'updated row_twice /email'],
    ]) {
      const done = await taken(admin, ndjson(...rows), NDJSON, `?dryRun=true&onConflict=${rule}`);
      const expected = ['1 created', `2 ${second}`, `3 ${third}`, '4 failed username_invalid /username'];
      expect(await summaryOf(admin, done.id)).toEqual(expected);
      expect(done.dryRun).toBe(true);
      const left = await app.sql('SELECT 1 FROM roster.import_claims WHERE import_id = $1', [done.id]);
      expect(left).toEqual([]);
    }
    expect(await userAt(admin, ada)).toBeUndefined();
    expect(await userAt(admin, there.email)).toMatchObject({ name: 'Before', version: 1 });
    expect(await app.factsAbout(there.id)).toEqual(before);
  });

  it('stops between two batches when it is cancelled, and keeps what is done', async () => {
    const prefix = unique('c');
    const rows = Array.from({ length: 4000 }, (_, at) => ({
      email: `${prefix}${at}@example.com`,
      name: `Person ${at}`,
    }));
    const { body } = await handIn(admin, ndjson(...rows), NDJSON);
    let found = body;
    while (found.position === 0) found = (await admin.get<ImportBody>(`/api/v1/imports/${body.id}`)).body;
    const cancelled = await admin.put<ImportBody>(`/api/v1/imports/${body.id}/cancellation`);
    expect(cancelled).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    const { position } = cancelled.body;
    expect(position).toBeLessThan(4000);
    await over(admin, body.id);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const [made] = await app.sql<{ count: number }>(
      'SELECT count(*)::int AS count FROM roster.users WHERE email_key LIKE $1',
      [`${prefix}%`],
    );
    expect(made!.count).toBe(position);
    expect((await admin.get<ImportBody>(`/api/v1/imports/${body.id}`)).body).toMatchObject({
      position,
      created: position,
    });
    expect(await factsOf(body.id)).toEqual(['import.started', 'import.cancelled']);
    expect((await admin.put<ImportBody>(`/api/v1/imports/${body.id}/cancellation`)).status).toBe(200);
    const done = await taken(admin, ndjson({ email: fresh(), name: 'A' }), NDJSON);
    const late = await admin.put<{ code: string }>(`/api/v1/imports/${done.id}/cancellation`);
    expect([late.status, late.body.code]).toEqual([409, 'import_over']);
  });

  it('is a job that people see, with how far it is', async () => {
    const rows = Array.from({ length: 1200 }, (_, at) => ({ email: fresh(), name: `Person ${at}` }));
    const { jobId } = await taken(admin, ndjson(...rows), NDJSON);
    const job = await jobOver(jobId!);
    expect(job).toMatchObject({ id: jobId, name: 'imports.run', state: 'succeeded', actorId: admin.id });
    expect(job.progress).toEqual({ done: 1200, total: 1200 });
  });

  it('is cancelled with its job, while it runs and while it waits', async () => {
    const prefix = unique('j');
    const rows = Array.from({ length: 6000 }, (_, at) => ({
      email: `${prefix}${at}@example.com`,
      name: `Person ${at}`,
    }));
    const { body } = await handIn(admin, ndjson(...rows), NDJSON);
    let found = body;
    while (found.position === 0) found = (await admin.get<ImportBody>(`/api/v1/imports/${body.id}`)).body;
    expect((await admin.put(`/api/v1/jobs/${body.jobId}/cancellation`)).status).toBe(200);
    const done = await over(admin, body.id);
    expect(done.state).toBe('cancelled');
    expect(done.position).toBeLessThan(6000);
    expect((await jobOver(body.jobId!)).state).toBe('cancelled');
    expect(await factsOf(body.id)).toEqual(['import.started', 'import.cancelled']);
    const held = await holdJobs(app);
    const waiting = (await handIn(admin, ndjson({ email: fresh(), name: 'A' }), NDJSON)).body;
    expect((await admin.put(`/api/v1/jobs/${waiting.jobId}/cancellation`)).status).toBe(200);
    await held.release();
    await app.sql("UPDATE roster.imports SET updated_at = now() - interval '1 hour' WHERE id = $1", [waiting.id]);
    await app.get(Housekeeping).sweep();
    expect(await over(admin, waiting.id)).toMatchObject({ state: 'cancelled', created: 0 });
  });

  it('fails when its job was given up, and is not owed twice while its job waits', async () => {
    const held = await holdJobs(app);
    const [waiting, lost] = [
      (await handIn(admin, ndjson({ email: fresh(), name: 'A' }), NDJSON)).body,
      (await handIn(admin, ndjson({ email: fresh(), name: 'A' }), NDJSON)).body,
    ];
    await app.sql("UPDATE roster.jobs SET state = 'dead', finished_at = now() WHERE id = $1", [lost.jobId]);
    await app.sql("UPDATE roster.imports SET updated_at = now() - interval '1 hour' WHERE id = ANY($1)", [
      [waiting.id, lost.id],
    ]);
    await app.get(Housekeeping).sweep();
    expect((await admin.get<ImportBody>(`/api/v1/imports/${waiting.id}`)).body).toMatchObject({
      state: 'queued',
      jobId: waiting.jobId,
    });
    expect(await over(admin, lost.id)).toMatchObject({ state: 'failed', problem: expect.any(String) });
    expect(await factsOf(lost.id)).toEqual(['import.started', 'import.finished']);
    await held.release();
    expect(await over(admin, waiting.id)).toMatchObject({ state: 'completed', created: 1 });
  });

  it('is looked after however many wait before it', async () => {
    const held = await holdJobs(app);
    const [waiting, lost] = [
      (await handIn(admin, ndjson({ email: fresh(), name: 'A' }), NDJSON)).body,
      (await handIn(admin, ndjson({ email: fresh(), name: 'A' }), NDJSON)).body,
    ];
    await app.sql(
      `INSERT INTO roster.imports
       SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, state, format, on_conflict, dry_run, actor_id, on_behalf_of,
         permissions, 0, 0, 0, 0, 0, 0, 0, NULL, job_id, created_at, now() - interval '2 hours', NULL, 1
       FROM roster.imports, generate_series(1, 101) n WHERE id = $1`,
      [waiting.id],
    );
    await app.sql("UPDATE roster.jobs SET state = 'dead', finished_at = now() WHERE id = $1", [lost.jobId]);
    await app.sql("UPDATE roster.imports SET updated_at = now() - interval '1 hour' WHERE id = $1", [lost.id]);
    await app.get(Housekeeping).sweep();
    expect(await over(admin, lost.id)).toMatchObject({ state: 'failed' });
    await app.sql("DELETE FROM roster.imports WHERE id::text LIKE '00000000-%'");
    await held.release();
    expect(await over(admin, waiting.id)).toMatchObject({ state: 'completed' });
  });

  it('is one of ten that somebody may have at a time', async () => {
    const [one, other] = [
      await app.people.withPermissions('users:import'),
      await app.people.withPermissions('users:import'),
    ];
    const held = await holdJobs(app);
    const file = (): string => ndjson({ email: fresh(), name: 'A' });
    const answers = await Promise.all(Array.from({ length: 12 }, () => handIn(one, file(), NDJSON)));
    const accepted = answers.filter(({ status }) => status === 202).map(({ body }) => body.id);
    expect(accepted).toHaveLength(10);
    // Before it is read: this file would be refused for what it is.
    const more = await handIn<{ code: string }>(one, 'no file of users', CSV);
    expect([more.status, more.body.code]).toEqual([409, 'too_many_imports']);
    expect((await handIn(other, file(), NDJSON)).status).toBe(202);
    for (const id of accepted) expect((await one.put(`/api/v1/imports/${id}/cancellation`)).status).toBe(200);
    expect((await handIn(one, file(), NDJSON)).status).toBe(202);
    await held.release();
  });

  it('answers a repeated file by the import that the first one made', async () => {
    const file = ndjson({ email: fresh(), name: 'A' });
    const headers = { ...NDJSON, 'idempotency-key': unique('key-') };
    const [first, again] = [await handIn(admin, file, headers), await handIn(admin, file, headers)];
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(again.body.id).toBe(first.body.id);
    expect(again.headers.location).toBe(first.headers.location);
    const other = await handIn<{ code: string }>(admin, ndjson({ email: fresh(), name: 'B' }), headers);
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
    await over(admin, first.body.id);
    const [left] = await app.sql<{ count: number }>(
      "SELECT count(*)::int AS count FROM roster.imports WHERE state = 'uploading'",
    );
    expect(left!.count).toBe(0);
  });

  it('tells how far it is by events', async () => {
    const rows = Array.from({ length: 1500 }, (_, at) => ({
      email: `${unique('s')}@example.com`,
      name: `Person ${at}`,
    }));
    // It is begun when somebody follows it: a quick one would be over before.
    const held = await holdJobs(app);
    const { body } = await handIn(admin, ndjson(...rows), NDJSON);
    const headers = { authorization: `Bearer ${admin.token}`, accept: 'text/event-stream' };
    const url = `${await listening(app)}/api/v1/imports/${body.id}/stream`;
    let text = '';
    // A stream that is cut off on a busy machine is asked for again, as a browser does.
    while (!text.includes('event: finished')) {
      const answer = await fetch(url, { headers });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
      await held.release();
      text += await answer.text();
    }
    const last = JSON.parse(/event: finished\ndata: (.*)\n/.exec(text)![1]!) as ImportBody;
    expect(last).toMatchObject({ id: body.id, state: 'completed', position: 1500, created: 1500 });
    expect(text.match(/^event: progress$/gm)!.length).toBeGreaterThan(0);
  });

  it('lists imports and rows, as CSV too', async () => {
    const done = await taken(admin, ndjson({ email: fresh(), name: 'A' }, { email: 'x', name: 'B' }), NDJSON);
    const { body } = await admin.get<{ data: ImportBody[] }>(
      '/api/v1/imports?limit=1&filter=state%20eq%20%22completed%22',
    );
    expect(body.data[0]!.id).toBe(done.id);
    for (const [status, line] of [
      ['created', 1],
      ['failed', 2],
      ['skipped', null],
    ]) {
      const rows = await reportOf(admin, done.id, `filter=${encodeURIComponent(`status eq "${status}"`)}`);
      expect(rows.map((row) => row.line)).toEqual(line === null ? [] : [line]);
    }
    const { text } = await admin.get(`/api/v1/imports/${done.id}/rows?fields=line,code`, { accept: 'text/csv' });
    expect(text.split('\r\n').slice(0, 3)).toEqual([
      'id,line,code',
      expect.stringMatching(/,1,$/),
      expect.stringMatching(/,2,email_invalid$/),
    ]);
  });

  it('goes on with what a process left undone, and takes old reports away', async () => {
    const { id } = await taken(admin, ndjson({ email: fresh(), name: 'A' }), NDJSON);
    const stuck = await handIn(admin, ndjson({ email: fresh(), name: 'B' }), NDJSON);
    await over(admin, stuck.body.id);
    await app.sql(
      `UPDATE roster.imports SET state = 'running', finished_at = NULL, updated_at = now() - interval '1 hour' WHERE id = $1`,
      [stuck.body.id],
    );
    await app.sql(
      `INSERT INTO roster.imports SELECT gen_random_uuid(), 'uploading', format, on_conflict, dry_run, actor_id, on_behalf_of,
         permissions, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, created_at, now() - interval '2 hours', NULL, 1 FROM roster.imports WHERE id = $1`,
      [id],
    );
    await app.get(Housekeeping).sweep();
    expect(await over(admin, stuck.body.id)).toMatchObject({ state: 'completed', created: 1 });
    const [abandoned] = await app.sql("SELECT 1 FROM roster.imports WHERE state = 'uploading'");
    expect(abandoned).toBeUndefined();
    await app.sql("UPDATE roster.imports SET finished_at = now() - interval '8 days' WHERE id = $1", [id]);
    const prune = app.get(Jobs).known().get('imports.prune')!.handler as unknown as () => Promise<void>;
    await prune();
    expect((await admin.get(`/api/v1/imports/${id}`)).status).toBe(404);
    expect(await app.sql('SELECT 1 FROM roster.import_rows WHERE import_id = $1', [id])).toEqual([]);
    expect((await admin.get(`/api/v1/imports/${stuck.body.id}`)).status).toBe(200);
  });
});

/** Nobody takes a job until it is released. */
async function holdJobs(app: TestApp): Promise<{ release: () => Promise<void> }> {
  const until = "UPDATE graphile_worker._private_jobs SET run_at = now() WHERE run_at > now() + interval '1 hour'";
  await app.sql(`
    CREATE OR REPLACE FUNCTION public.delayed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN NEW.run_at := now() + interval '1 day'; RETURN NEW; END $$;
    CREATE TRIGGER delayed BEFORE INSERT ON graphile_worker._private_jobs FOR EACH ROW EXECUTE FUNCTION public.delayed()`);
  return {
    release: async () => {
      await app.sql('DROP TRIGGER IF EXISTS delayed ON graphile_worker._private_jobs');
      await app.sql(until);
    },
  };
}
