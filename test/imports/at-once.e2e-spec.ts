import { jest } from '@jest/globals';

import { ImportRuns } from '../../src/imports/import-runs.service.js';
import { Users } from '../../src/users/index.js';
import { TestApp } from '../harness/app.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { NDJSON, handIn, ndjson, over, reportOf, summaryOf, taken } from './files.js';

jest.setTimeout(180_000);

describe('imports at the same time', () => {
  let one: TestApp;
  let other: TestApp;
  let admin: Person;

  beforeAll(async () => {
    one = await TestApp.start();
    other = await TestApp.start();
    admin = await one.people.admin();
  });
  afterAll(async () => {
    await one.stop();
    await other.stop();
  });

  const file = (prefix: string, count: number): object[] =>
    Array.from({ length: count }, (_, at) => ({ email: `${prefix}${at}@example.com`, name: `Person ${at}` }));
  /** How many there are, how many facts made them, and how many people that are told of. */
  const madeOf = async (prefix: string): Promise<object> => {
    const [row] = await one.sql<{ users: number; facts: number }>(
      `SELECT count(DISTINCT u.id)::int AS users, count(e.id)::int AS facts FROM roster.users u
       LEFT JOIN roster.events e ON e.subject = 'users/' || u.id AND e.type = 'user.created' WHERE u.email_key LIKE $1`,
      [`${prefix}%`],
    );
    return row!;
  };

  it('two of the same file, over two processes: each user once', async () => {
    const prefix = unique('t');
    const text = ndjson(...file(prefix, 1500));
    const elsewhere = await other.people.signIn(admin.user);
    const [first, second] = await Promise.all([taken(admin, text, NDJSON), taken(elsewhere, text, NDJSON)]);
    expect(first.created + second.created).toBe(1500);
    expect(first.skipped + second.skipped).toBe(1500);
    expect(first.failed + second.failed).toBe(0);
    expect(await madeOf(prefix)).toEqual({ users: 1500, facts: 1500 });
  });

  it('in the opposite order too: nobody waits for the other for ever', async () => {
    const prefix = unique('o');
    const rows = file(prefix, 1000);
    const [first, second] = await Promise.all([
      taken(admin, ndjson(...rows), NDJSON),
      taken(await other.people.signIn(admin.user), ndjson(...rows.toReversed()), NDJSON),
    ]);
    expect([first.state, second.state]).toEqual(['completed', 'completed']);
    expect(first.created + second.created).toBe(1000);
    expect(await madeOf(prefix)).toEqual({ users: 1000, facts: 1000 });
  });

  it('one import that four runs go through at once: each row once', async () => {
    const prefix = unique('r');
    const { body } = await handIn(admin, ndjson(...file(prefix, 2000)), NDJSON);
    const runs = [one, other].flatMap((app) => Array.from({ length: 2 }, () => app.get(ImportRuns)));
    await Promise.all(runs.map((run) => run.run(body.id, undefined, () => undefined)));
    expect(await over(admin, body.id)).toMatchObject({ position: 2000, created: 2000, failed: 0, skipped: 0 });
    expect(await madeOf(prefix)).toEqual({ users: 2000, facts: 2000 });
    const report = await one.sql<{ rows: number; numbers: number }>(
      'SELECT count(*)::int AS rows, count(DISTINCT number)::int AS numbers FROM roster.import_rows WHERE import_id = $1',
      [body.id],
    );
    expect(report).toEqual([{ rows: 2000, numbers: 2000 }]);
  });

  it('beside people who register: whoever was quicker has the address', async () => {
    const prefix = unique('q');
    const rows = file(prefix, 300);
    const users = one.get(Users);
    const [done] = await Promise.all([
      taken(admin, ndjson(...rows), NDJSON),
      Promise.allSettled(rows.filter((_, at) => at % 3 === 0).map((row) => users.create(row as never))),
    ]);
    expect(done.created + done.skipped).toBe(300);
    expect(await madeOf(prefix)).toEqual({ users: 300, facts: 300 });
  });

  it('divides a batch that cannot be done as a whole: only the row that is at fault fails', async () => {
    const [a, b] = [await one.people.user({ username: unique('u') }), await one.people.user()];
    const taken2 = unique('u');
    const rows = [
      { email: a.email, username: taken2 },
      { email: b.email, username: a.username },
      { email: `${unique('n')}@example.com`, name: 'New' },
    ];
    // The second wants what the first gives up in the same batch: one at a time it may.
    const done = await taken(admin, ndjson(...rows), NDJSON, '?onConflict=update');
    const lines = await summaryOf(admin, done.id);
    expect(lines[0]).toBe('1 updated');
    expect(lines[2]).toBe('3 created');
    expect((await reportOf(admin, done.id)).map(({ number }) => number)).toEqual([1, 2, 3]);
  });
});
