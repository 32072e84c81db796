import { TestApp } from '../harness/app.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { CSV, NDJSON, csv, handIn, over, reportOf, summaryOf, taken } from './files.js';

interface UserBody {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly emailVerified: boolean;
  readonly status: string;
  readonly roles: string[];
  readonly metadata: object;
  readonly version: number;
}

describe('imports', () => {
  let app: TestApp;
  let admin: Person;

  beforeAll(async () => {
    app = await TestApp.start(
      process.env['SHOW_LOG'] ? { onLog: (line) => line.includes('"err"') && process.stderr.write(line) } : {},
    );
    admin = await app.people.admin();
  });
  afterAll(() => app.stop());

  const fresh = (): string => `${unique('i')}@example.com`;
  const userAt = async (email: string): Promise<UserBody | undefined> => {
    const filter = encodeURIComponent(`email eq "${email}"`);
    return (await admin.get<{ data: UserBody[] }>(`/api/v1/users?filter=${filter}`)).body.data[0];
  };

  it('takes a CSV over, tells what became of each row, and records a fact for each user', async () => {
    const [ada, alan] = [fresh(), fresh()];
    const file = csv(
      'email,name,emailVerified,metadata',
      `${ada},Ada,true,"{""theme"":""dark""}"`,
      'nobody,Nobody,,',
      `${alan},Alan,,`,
    );
    const answer = await handIn(admin, file);
    expect(answer.status).toBe(202);
    expect(answer.headers.location).toBe(`/api/v1/imports/${answer.body.id}`);
    const done = await over(admin, answer.body.id);
    expect(done).toMatchObject({ state: 'completed', format: 'roster', rows: 3, position: 3, created: 2, failed: 1 });
    const report = await reportOf(admin, done.id);
    expect(report.map(({ line, status, code, pointer }) => ({ line, status, code, pointer }))).toEqual([
      { line: 2, status: 'created', code: null, pointer: null },
      { line: 3, status: 'failed', code: 'email_invalid', pointer: '/email' },
      { line: 4, status: 'created', code: null, pointer: null },
    ]);
    const user = await userAt(ada);
    expect(user).toMatchObject({
      name: 'Ada',
      emailVerified: true,
      status: 'invited',
      roles: ['user'],
      version: 1,
      metadata: { theme: 'dark' },
    });
    expect(report[0]!.userId).toBe(user!.id);
    expect(await app.factsAbout(user!.id)).toEqual(['user.created']);
    const [fact] = await app.sql<{ actor: string }>(
      "SELECT private ->> 'actorId' AS actor FROM roster.events WHERE subject = $1",
      [`users/${user!.id}`],
    );
    expect(fact!.actor).toBe(admin.id);
    const facts = await app.sql<{ type: string }>(
      'SELECT type FROM roster.events WHERE subject = $1 ORDER BY xid, seq',
      [`imports/${done.id}`],
    );
    expect(facts.map(({ type }) => type)).toEqual(['import.started', 'import.finished']);
    const failed = await reportOf(admin, done.id, `filter=${encodeURIComponent('status eq "failed"')}`);
    expect(failed).toHaveLength(1);
  });

  it('takes NDJSON over, and the second of two rows that name the same by the rule for conflicts', async () => {
    const email = fresh();
    const lines = [
      { email, name: 'First' },
      { email: email.toUpperCase(), name: 'Second' },
    ];
    const file = lines.map((line) => JSON.stringify(line)).join('\n');
    const done = await taken(admin, file, NDJSON);
    expect(await summaryOf(admin, done.id)).toEqual(['1 created', '2 skipped email_taken /email']);
    expect((await userAt(email))!.name).toBe('First');
    expect(CSV).toBeDefined();
  });
});
