import { Events } from '../../src/events/index.js';
import { Jobs, defineJob } from '../../src/jobs/index.js';
import { Revocations } from '../../src/platform/cache/revocations.js';
import { defineEvent } from '../../src/platform/contract/event.js';
import { newId } from '../../src/platform/crypto/tokens.js';
import { Database } from '../../src/platform/database/database.js';
import { User } from '../../src/users/user.entity.js';
import { TestApp } from '../harness/app.js';

const Tried = defineEvent('test.tried', 'Somebody tried', { userId: 'uuid' });
/** Nobody works on it: it stays where it was put. */
const Owed = defineJob<{ userId: string }>('test.owed', { maxAttempts: 1 });

describe('a transaction', () => {
  let app: TestApp;
  let db: Database;
  let told: string[];

  beforeAll(async () => {
    app = await TestApp.start();
    db = app.get(Database);
    told = [];
    app.get(Revocations).onRevoked((_, subject) => told.push(subject));
  });
  afterAll(() => app.stop());

  /** A change of a user with all that goes with it. */
  async function tryWith(userId: string, locale: string): Promise<void> {
    await db.repository(User).update({ id: userId }, { locale });
    app.get(Events).record(Tried, { userId }, { subject: `users/${userId}` });
    await app.get(Revocations).revoke('user', [userId]);
    await app.get(Jobs).enqueue(Owed, { userId });
    db.afterCommit(() => void told.push(`after ${userId}`));
  }

  /** What is there of it, as another connection sees it. */
  async function traces(userId: string): Promise<object> {
    const [row] = await app.sql<object>(
      `SELECT (SELECT locale FROM roster.users WHERE id = $1::text::uuid) AS locale,
         (SELECT count(*)::int FROM roster.events WHERE subject = 'users/' || $1 AND type = 'test.tried') AS facts,
         (SELECT count(*)::int FROM roster.revocations WHERE subject = $1) AS revocations,
         (SELECT count(*)::int FROM roster.jobs j JOIN graphile_worker._private_jobs t ON t.key = j.id::text
           WHERE j.payload ->> 'userId' = $1) AS jobs`,
      [userId],
    );
    return row!;
  }

  it('that commits leaves the row, the fact, the revocation and the job, and then tells of it', async () => {
    const { id } = await app.people.user();
    await db.transaction(async () => {
      await tryWith(id, 'fr');
      expect(await traces(id)).toEqual({ locale: 'en', facts: 0, revocations: 0, jobs: 0 });
      expect(told).not.toContain(id);
    });
    expect(await traces(id)).toEqual({ locale: 'fr', facts: 1, revocations: 1, jobs: 1 });
    expect(told).toEqual(expect.arrayContaining([id, `after ${id}`]));
  });

  it.each([
    ['whose work fails', () => Promise.reject(new Error('no'))],
    ['whose statement fails', () => db.change('SELECT 1 / 0').then(() => undefined)],
    [
      'whose last hook fails',
      () => {
        db.beforeCommit(() => Promise.reject(new Error('no')));
        return Promise.resolve();
      },
    ],
    [
      'that COMMIT refuses',
      // Deferred constraints speak at COMMIT: a foreign key that is made for this, on tables that go with it.
      () =>
        db
          .change(
            `CREATE TEMPORARY TABLE asked (id int PRIMARY KEY, other int REFERENCES asked DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP;
             INSERT INTO asked VALUES (1, 2)`,
          )
          .then(() => undefined),
    ],
  ])('%s leaves none of them', async (_, trouble) => {
    const { id } = await app.people.user();
    const deed = db.transaction(async () => {
      await tryWith(id, 'fr');
      await trouble();
    });
    await expect(deed).rejects.toThrow();
    expect(await traces(id)).toEqual({ locale: 'en', facts: 0, revocations: 0, jobs: 0 });
    expect(told).not.toContain(id);
    expect(told).not.toContain(`after ${id}`);
  });

  it('inside another is part of it', async () => {
    const { id } = await app.people.user();
    const deed = db.transaction(async () => {
      await db.transaction(() => tryWith(id, 'fr'));
      throw new Error('no');
    });
    await expect(deed).rejects.toThrow('no');
    expect(await traces(id)).toEqual({ locale: 'en', facts: 0, revocations: 0, jobs: 0 });
  });

  it('starts again after a deadlock, without the facts of the first try', async () => {
    const [one, two] = [await app.people.user(), await app.people.user()];
    let meet!: () => void;
    const met = new Promise<void>((resolve) => (meet = resolve));
    let tries = 0;
    let holding = 0;
    const change = (first: string, second: string): Promise<void> =>
      db.transaction(async () => {
        tries += 1;
        app.get(Events).record(Tried, { userId: first }, { subject: `users/${first}` });
        await db.change('UPDATE roster.users SET version = version + 1 WHERE id = $1', [first]);
        holding += 1;
        if (holding === 2) meet();
        await met;
        await db.change('UPDATE roster.users SET version = version + 1 WHERE id = $1', [second]);
      });
    await Promise.all([change(one.id, two.id), change(two.id, one.id)]);
    expect(tries).toBe(3);
    expect(await traces(one.id)).toMatchObject({ facts: 1 });
    expect(await traces(two.id)).toMatchObject({ facts: 1 });
  });

  it('is needed for repositories and for what waits for a commit', () => {
    expect(() => db.repository(User)).toThrow('needs a transaction');
    expect(() => app.get(Events).record(Tried, { userId: newId() })).toThrow('needs a transaction');
    expect(() => db.afterCommit(() => undefined)).toThrow('needs a transaction');
  });
});
