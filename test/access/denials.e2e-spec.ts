import { setTimeout as sleep } from 'node:timers/promises';

import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';

interface Fact {
  readonly permission: string;
  readonly method: string;
  readonly route: string;
  readonly times: number;
}

describe('somebody who is refused', () => {
  const lines: string[] = [];
  let app: TestApp;
  let grace: Person;

  beforeAll(async () => {
    app = await TestApp.start({ onLog: (line) => lines.push(line) });
  });
  beforeEach(async () => {
    grace = await app.people.person();
  });
  afterAll(() => app.stop());

  const denialsOf = async (who: Person): Promise<Fact[]> => {
    const rows = await app.sql<{ data: Fact }>(
      "SELECT data FROM roster.events WHERE type = 'access.denied' AND subject = $1 ORDER BY xid, seq",
      [`users/${who.id}`],
    );
    return rows.map(({ data }) => data);
  };
  const users = '/api/v1/users';
  const told = (times: number, method = 'GET', permission = 'users:read'): object => ({
    userId: grace.id,
    permission,
    method,
    route: users,
    times,
  });

  it('is recorded at once, and repeats are told of together after a minute', async () => {
    for (let n = 0; n < 5; n += 1) expect((await grace.get(`${users}?limit=${n + 1}`)).status).toBe(403);
    expect(await denialsOf(grace)).toEqual([told(1)]);
    app.clock.advance(60_000);
    await sleep(1500);
    expect(await denialsOf(grace)).toEqual([told(1), told(4)]);
    const [{ private: circumstances }] = (await app.sql(
      'SELECT private FROM roster.events WHERE subject = $1 ORDER BY xid DESC, seq DESC LIMIT 1',
      [`users/${grace.id}`],
    )) as [{ private: object }];
    expect(circumstances).toMatchObject({ actorId: grace.id, ip: '127.0.0.1' });
  });

  it('is recorded for each thing that they wanted, and again after a minute', async () => {
    await grace.get(users);
    await grace.post(users, { email: 'a@example.com', name: 'A' });
    expect(await denialsOf(grace)).toEqual([told(1), told(1, 'POST', 'users:write')]);
    app.clock.advance(60_000);
    await sleep(1500);
    // Nothing was repeated: there is nothing to tell.
    expect(await denialsOf(grace)).toHaveLength(2);
    // The minute outlasts no token: signed in again, for the clock of this test has gone on.
    const again = await app.people.signIn(grace.user);
    await again.get(users);
    expect(await denialsOf(grace)).toHaveLength(3);
  });

  it('is answered though it cannot be recorded, and the log tells of it', async () => {
    await app.sql('ALTER TABLE roster.events ADD CONSTRAINT no_denials CHECK (type <> $$access.denied$$) NOT VALID');
    const { status } = await grace.get(users);
    await app.sql('ALTER TABLE roster.events DROP CONSTRAINT no_denials');
    expect(status).toBe(403);
    expect(lines.filter((line) => line.includes('Refusals could not be recorded'))).toHaveLength(1);
  });

  it('leaves what was repeated on record when the application stops', async () => {
    const other = await TestApp.start();
    const mary = await other.people.person();
    for (let n = 0; n < 3; n += 1) await mary.get(users);
    await other.stop();
    expect((await denialsOf(mary)).map(({ times }) => times)).toEqual([1, 2]);
  });
});
