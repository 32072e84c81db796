import { Jobs } from '../../src/jobs/index.js';
import { OwnDeletion } from '../../src/users/own-deletion.service.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { PASSWORD } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { awaitThat, unhurried } from '../jobs/awaited.js';
import { awaitMail, mailTo } from '../mail/mailbox.js';
import type { Failure, Shown } from './shapes.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
type Me = Shown & { readonly deletionDueAt: string | null };

describe('an account that its owner gives up', () => {
  let app: TestApp;
  let grace: Person;

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`deletion_${process.env['JEST_WORKER_ID']}`),
    });
  });
  beforeEach(async () => {
    grace = await app.people.person();
  });
  afterAll(() => app.stop());

  const deleteDue = (): Promise<number> => app.get(OwnDeletion).deleteDue();
  const login = ({ user }: Person) =>
    app.send<{ accessToken: string } & Failure>('POST', '/api/v1/auth/login', {
      body: { identifier: user.email, password: PASSWORD },
    });
  const back = (): Promise<Person> => app.people.signIn(grace.user);
  const me = async (): Promise<Me> => (await (await back()).get<Me>('/api/v1/me')).body;
  const factsAbout = async (id: string): Promise<string[]> =>
    (await app.factsAbout(id)).filter((type) => type.startsWith('user.'));

  it('is deleted after fourteen days, and can be signed in to until then', async () => {
    const other = await back();
    const before = app.clock.millis();
    expect(await grace.delete('/api/v1/me')).toMatchObject({ status: 204, text: '' });
    for (const session of [grace, other])
      expect(await session.get<Failure>('/api/v1/me')).toMatchObject({ status: 401, body: { code: 'token_revoked' } });
    expect((await login(grace)).status).toBe(200);
    const shown = await me();
    expect(shown).toMatchObject({ status: 'active', version: 2 });
    const dueAt = Date.parse(shown.deletionDueAt!);
    expect([dueAt >= before + 14 * DAY, dueAt <= app.clock.millis() + 14 * DAY]).toEqual([true, true]);
    const ada = await app.people.admin();
    const asAdmin = await ada.get<Me>(`/api/v1/users/${grace.id}`);
    expect(asAdmin.body.deletionDueAt).toBe(shown.deletionDueAt);

    app.clock.advance(14 * DAY - MINUTE);
    expect(await deleteDue()).toBe(0);
    const late = await back();
    expect((await late.get('/api/v1/me')).status).toBe(200);
    app.clock.advance(MINUTE);
    expect([await deleteDue(), await deleteDue()]).toEqual([1, 0]);
    expect((await login(grace)).body.code).toBe('sign_in_failed');
    expect((await late.get<Failure>('/api/v1/me')).body.code).toBe('token_revoked');
    expect(await factsAbout(grace.id)).toEqual(['user.created', 'user.deletion_scheduled', 'user.deleted']);
    await app.people.user({ email: grace.user.email });
  });

  it('is told of by mail, with the day, in the language of its owner', async () => {
    const emmy = await app.people.person({ locale: 'de-AT' });
    for (const who of [grace, emmy]) await who.delete('/api/v1/me');
    const [english] = await awaitMail(app, grace.user.email);
    const [german] = await awaitMail(app, emmy.user.email);
    const dayOf = async ({ user }: Person): Promise<string> =>
      (await (await app.people.signIn(user)).get<Me>('/api/v1/me')).body.deletionDueAt!.slice(0, 10);
    expect([english!.subject, german!.subject]).toEqual(['Your account will be deleted', 'Ihr Konto wird gelöscht']);
    for (const [{ text, html }, who] of [
      [english!, grace],
      [german!, emmy],
    ] as const) {
      const day = await dayOf(who);
      expect([text.includes(day), html.includes(day)]).toEqual([true, true]);
    }
  });

  it('says in its facts who did it, and until when', async () => {
    await grace.delete('/api/v1/me');
    await (await back()).delete('/api/v1/me/deletion');
    const facts = await app.sql<{ type: string; version: number; data: object; private: object }>(
      `SELECT type, subject_version AS version, data, private FROM roster.events
       WHERE subject = $1 AND type LIKE 'user.deletion%' ORDER BY xid, seq`,
      [`users/${grace.id}`],
    );
    const dueAt = expect.any(String) as string;
    expect(facts).toMatchObject([
      {
        type: 'user.deletion_scheduled',
        version: 2,
        data: { userId: grace.id, dueAt },
        private: { actorId: grace.id, before: { deletionDueAt: null }, after: { deletionDueAt: dueAt } },
      },
      {
        type: 'user.deletion_cancelled',
        version: 3,
        data: { userId: grace.id },
        private: { actorId: grace.id, before: { deletionDueAt: dueAt }, after: { deletionDueAt: null } },
      },
    ]);
  });

  it('is kept by whoever changes their mind', async () => {
    await grace.delete('/api/v1/me');
    const again = await back();
    const stale = await again.delete<Failure>('/api/v1/me/deletion', { 'if-match': '"1.json"' });
    expect(stale).toMatchObject({ status: 412, body: { code: 'precondition_failed' } });
    const kept = await again.delete<Me>('/api/v1/me/deletion', { 'if-match': '"2.json"' });
    expect(kept).toMatchObject({ status: 200, body: { id: grace.id, deletionDueAt: null, version: 3 } });
    expect((await again.delete<Me>('/api/v1/me/deletion')).body.version).toBe(3);
    app.clock.advance(15 * DAY);
    await deleteDue();
    expect((await login(grace)).status).toBe(200);
    expect(await factsAbout(grace.id)).toEqual(['user.created', 'user.deletion_scheduled', 'user.deletion_cancelled']);
  });

  it('has one day, however often it is given up', async () => {
    await grace.delete('/api/v1/me');
    const { deletionDueAt } = await me();
    app.clock.advance(DAY);
    const again = await back();
    expect((await again.delete('/api/v1/me')).status).toBe(204);
    expect((await again.get('/api/v1/me')).status).toBe(401);
    expect(await me()).toMatchObject({ deletionDueAt, version: 2 });
    expect(await awaitMail(app, grace.user.email)).toHaveLength(1);
    expect(await factsAbout(grace.id)).toEqual(['user.created', 'user.deletion_scheduled']);
  });

  it('S16 is given up only by whoever has just shown who they are', async () => {
    app.clock.advance(5 * MINUTE + 1000);
    const refused = await grace.delete<Failure>('/api/v1/me');
    expect(refused).toMatchObject({ status: 403, body: { code: 'reauthentication_required' } });
    expect(refused.headers['www-authenticate']).toContain('max_age="300"');
    expect(await me()).toMatchObject({ deletionDueAt: null, version: 1 });
    expect(await factsAbout(grace.id)).toEqual(['user.created']);
    expect((await (await back()).delete('/api/v1/me')).status).toBe(204);
  });

  it('is not deleted once more when it is restored', async () => {
    await grace.delete('/api/v1/me');
    const ada = await app.people.admin();
    await ada.delete(`/api/v1/users/${grace.id}`);
    const restored = await ada.post<Me>(`/api/v1/users/${grace.id}/restoration`);
    expect(restored.body).toMatchObject({ status: 'active', deletionDueAt: null });
    app.clock.advance(15 * DAY);
    await deleteDue();
    expect((await login(grace)).status).toBe(200);
  });

  it('is deleted once by jobs that run side by side, and many of them in one run', async () => {
    const people = await Promise.all(unhurried(() => Array.from({ length: 120 }, () => app.people.user())));
    const dueAt = new Date(app.clock.millis());
    await app.sql('UPDATE roster.users SET deletion_due_at = $2 WHERE id = ANY($1)', [
      people.map(({ id }) => id),
      dueAt,
    ]);
    const counted = await Promise.all([deleteDue(), deleteDue(), deleteDue()]);
    expect(counted.reduce((sum, each) => sum + each)).toBe(120);
    const facts = await app.sql<{ count: number }>(
      `SELECT count(*)::int AS count FROM roster.events WHERE type = 'user.deleted' AND data->>'userId' = ANY($1::text[])`,
      [people.map(({ id }) => id)],
    );
    expect(facts[0]!.count).toBe(120);
  });

  it('is not that of the last administrator; one who is about to leave is none to rely upon', async () => {
    const [ada, eve] = [await app.people.admin(), await app.people.admin()];
    await app.sql("DELETE FROM roster.user_roles WHERE role = 'admin' AND user_id <> ALL($1)", [[ada.id, eve.id]]);
    expect((await ada.delete('/api/v1/me')).status).toBe(204);
    for (const refused of [
      await eve.delete<Failure>('/api/v1/me'),
      await eve.delete<Failure>(`/api/v1/users/${eve.id}`),
    ])
      expect(refused).toMatchObject({ status: 409, body: { code: 'last_administrator' } });
    // Whatever is in the rows, nobody who is the last goes, and others do.
    await app.sql('UPDATE roster.users SET deletion_due_at = $2 WHERE id = ANY($1)', [
      [ada.id, eve.id, grace.id],
      new Date(app.clock.millis()),
    ]);
    expect(await deleteDue()).toBe(1);
    expect(await factsAbout(grace.id)).toContain('user.deleted');
    await app.people.admin();
    expect(await deleteDue()).toBe(2);
  });
});

describe('an account that is given up where no days are granted (DELETION_GRACE=0)', () => {
  let app: TestApp;

  beforeAll(async () => {
    const database = await freshDatabase(`deletion_at_once_${process.env['JEST_WORKER_ID']}`);
    app = await TestApp.start({ database, settings: { DELETION_GRACE: '0' }, schedules: true });
  });
  afterAll(() => app.stop());

  it('is deleted at once: the token is worth nothing, and the address is free', async () => {
    const grace = await app.people.person();
    expect((await grace.delete('/api/v1/me')).status).toBe(204);
    expect(await grace.get<Failure>('/api/v1/me')).toMatchObject({ status: 401, body: { code: 'token_revoked' } });
    await app.people.user({ email: grace.user.email });
    expect(await app.factsAbout(grace.id)).toContain('user.deleted');
    expect(await mailTo(app, grace.user.email)).toEqual([]);
  });

  it('or, where days are granted, by the job of every minute, which the engine knows', async () => {
    expect(app.get(Jobs).known().get('users.delete_due')!.cron).toBe('* * * * *');
    const crontabs = () =>
      app.sql("SELECT FROM graphile_worker._private_known_crontabs WHERE identifier = 'users.delete_due'");
    await awaitThat(crontabs, ({ length }) => length === 1);
  });
});

describe('a suspension with an end', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });
  afterAll(() => app.stop());

  it('lifts itself: its user can sign in again', async () => {
    const grace = await app.people.user();
    const ada = await app.people.admin();
    const until = new Date(app.clock.millis() + 60 * MINUTE).toISOString();
    await ada.put(`/api/v1/users/${grace.id}/suspension`, { reason: 'on leave', until });
    const login = () =>
      app.send<Failure & { user: Shown }>('POST', '/api/v1/auth/login', {
        body: { identifier: grace.email, password: PASSWORD },
      });
    expect(await login()).toMatchObject({ status: 403, body: { code: 'account_suspended' } });
    app.clock.advance(60 * MINUTE + 1);
    expect(await login()).toMatchObject({ status: 200, body: { user: { status: 'active', suspension: null } } });
  });
});
