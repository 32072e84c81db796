import { setTimeout as pause } from 'node:timers/promises';

import { Access } from '../../src/access/index.js';
import { Administrators } from '../../src/auth/index.js';
import { Jobs } from '../../src/jobs/index.js';
import { Listener } from '../../src/platform/cache/listener.js';
import { Revocations } from '../../src/platform/cache/revocations.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { TestApp } from '../harness/app.js';
import { asSuperuser, ask, freshDatabase, run } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { PASSWORD } from '../harness/people.js';
import { timeUntil } from '../harness/awake.js';
import { awaitThat } from '../jobs/awaited.js';
import { Statements } from './statements.js';

/** The promise is one second; the rest is for a machine that is busy with other tests. */
const BOUND = 1500;
const NAME = 'revocation';

describe('what is taken away', () => {
  let address: DatabaseAddress;
  let app: TestApp;
  let other: TestApp;
  let root: Person;
  let worst = 0;
  let statements: Statements;

  beforeAll(async () => {
    statements = new Statements();
    address = await freshDatabase(NAME);
    [app, other] = [await TestApp.start({ database: address }), await TestApp.start({ database: address })];
    root = await app.people.admin();
  });
  afterAll(async () => {
    await app.stop();
    await other.stop();
    statements.restore();
    process.stdout.write(`The slowest revocation took ${Math.round(worst)} ms\n`);
  });

  const at = (where: TestApp, url: string, token: string) => where.send<{ code: string }>('GET', url, { token });

  /** Milliseconds until the other process answers so; it has the principal in its memory when the clock starts. */
  async function timeUntilThere(
    url: string,
    token: string,
    status: number,
    act: () => Promise<unknown>,
  ): Promise<number> {
    for (const where of [app, other]) expect((await at(where, url, token)).status).toBe(200);
    await act();
    const took = await timeUntil(async () => (await at(other, url, token)).status === status);
    worst = Math.max(worst, took);
    // Here it holds at once.
    expect((await at(app, url, token)).status).toBe(status);
    return took;
  }

  /** Until the other process has looked at what was taken away, from now on. */
  async function looked(): Promise<void> {
    const hearing = other.get(Revocations) as unknown as { polledAt: number };
    for (const since = performance.now(); hearing.polledAt < since;) await pause(5);
  }

  const deeds: [string, string, number, (somebody: Person) => Promise<{ status: number }>][] = [
    ['S19 signing out', '/api/v1/me', 401, (somebody) => somebody.post('/api/v1/auth/logout')],
    ['S20 a suspension', '/api/v1/me', 401, ({ id }) => root.put(`/api/v1/users/${id}/suspension`, { reason: 'left' })],
    ['S20 a deletion', '/api/v1/me', 401, ({ id }) => root.delete(`/api/v1/users/${id}`)],
    ['S20 deleting oneself', '/api/v1/me', 401, (somebody) => somebody.delete('/api/v1/me')],
    [
      'S57 a role taken away',
      '/api/v1/users',
      403,
      ({ id }) => root.put(`/api/v1/users/${id}/roles`, { roles: ['user'] }),
    ],
    [
      'S7 a change of password',
      '/api/v1/me',
      401,
      async ({ user }) =>
        (await app.people.signIn(user)).post('/api/v1/me/password', {
          currentPassword: PASSWORD,
          newPassword: 'two green lamps behind the harbour',
        }),
    ],
  ];

  it.each(deeds)('%s is known to another process within a second', async (_what, url, status, act) => {
    for (let round = 0; round < 3; round += 1) {
      const somebody = await app.people.admin();
      const took = await timeUntilThere(url, somebody.token, status, async () =>
        expect((await act(somebody)).status).toBeLessThan(300),
      );
      expect(took).toBeLessThan(BOUND);
    }
  });

  it('reaches a process whose listening connection was ended', async () => {
    for (let round = 0; round < 3; round += 1) {
      const somebody = await app.people.person();
      const took = await timeUntilThere('/api/v1/me', somebody.token, 401, async () => {
        await ask(
          run.superUrl,
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'roster-listener'",
          [NAME],
        );
        await somebody.post('/api/v1/auth/logout');
      });
      expect(took).toBeLessThan(BOUND);
    }
  });

  it('reaches a process whose listening connection has silently died', async () => {
    // Half-open, as a firewall leaves it: nothing arrives, and nobody says so.
    const deaf = other.get(Listener) as unknown as { client: { connection: { stream: NodeJS.ReadableStream } } };
    for (let waits = 0; !deaf.client?.connection; waits += 1) await pause(waits < 100 ? 50 : 0);
    deaf.client.connection.stream.pause();
    for (let round = 0; round < 5; round += 1) {
      const somebody = await app.people.person();
      const took = await timeUntilThere('/api/v1/me', somebody.token, 401, () => somebody.post('/api/v1/auth/logout'));
      expect(took).toBeLessThan(BOUND);
    }
    deaf.client.connection.stream.resume();
  });

  it('is not remembered from before, when it is taken away while the principal is built', async () => {
    const somebody = await app.people.admin();
    const access = other.get(Access);
    const rightsOf = access.rightsOf.bind(access);
    access.rightsOf = async (userId) => {
      const stale = await rightsOf(userId);
      await root.put(`/api/v1/users/${userId}/roles`, { roles: ['user'] });
      await looked();
      return stale;
    };
    // What was read before may serve the request that read it, and no other.
    expect((await at(other, '/api/v1/users', somebody.token)).status).toBe(200);
    access.rightsOf = rightsOf;
    expect((await at(other, '/api/v1/users', somebody.token)).status).toBe(403);
  });

  it('keeps nobody who has changed a one-time password waiting, at any process', async () => {
    const { user } = await app.people.admin();
    const { oneTimePassword: password } = await app.get(Administrators).reset(user.email);
    const { body } = await app.send<{ accessToken: string }>('POST', '/api/v1/auth/login', {
      body: { identifier: user.email, password },
    });
    for (const where of [app, other]) expect((await at(where, '/api/v1/me', body.accessToken)).status).toBe(403);
    // Deaf for a moment: were the refusal remembered, it would stay.
    const hearing = other.get(Revocations) as unknown as { poll?: () => Promise<void>; areFresh?: () => boolean };
    hearing.poll = () => Promise.resolve();
    hearing.areFresh = () => true;
    const changed = await app.send('POST', '/api/v1/me/password', {
      token: body.accessToken,
      body: { currentPassword: password, newPassword: 'two green lamps behind the harbour' },
    });
    expect(changed.status).toBe(204);
    expect((await at(other, '/api/v1/me', body.accessToken)).status).toBe(200);
    delete hearing.poll;
    delete hearing.areFresh;
  });

  it('costs no statement to look up while nothing is: a principal is remembered from one look to the next', async () => {
    const somebody = await app.people.person();
    const costs: number[] = [];
    // A machine that stands still for a second remembers nothing, rightly: one of five looks is undisturbed.
    for (let look = 0; look < 5; look += 1) {
      expect((await at(other, '/api/v1/me', somebody.token)).status).toBe(200);
      await looked();
      const answer = await at(other, '/api/v1/me', somebody.token);
      costs.push(statements.of(String(answer.headers['x-request-id'])).length);
    }
    expect(Math.min(...costs)).toBe(1);
  });

  it('nobody is trusted from memory while the database cannot be asked: 503, and 200 when it is back', async () => {
    const somebody = await app.people.person();
    expect((await somebody.get('/api/v1/me')).status).toBe(200);
    // Refused by what is in the memory of this process: the principal's permissions.
    const refused = () => somebody.get<{ code: string }>('/api/v1/users');
    expect((await refused()).status).toBe(403);
    await ask(run.superUrl, `ALTER DATABASE ${NAME} CONNECTION LIMIT 0`);
    await ask(run.superUrl, 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [NAME]);
    await pause(1100);
    const answer = await refused();
    await ask(run.superUrl, `ALTER DATABASE ${NAME} CONNECTION LIMIT -1`);
    expect(answer).toMatchObject({ status: 503, body: { code: 'service_unavailable' } });
    expect(answer.headers['retry-after']).toBeDefined();
    await awaitThat(refused, ({ status }) => status === 403, 30_000);
  });

  it('is forgotten by a daily job once every process has read it', async () => {
    const somebody = await app.people.person();
    await somebody.post('/api/v1/auth/logout');
    const kept = () =>
      ask(asSuperuser(address), 'SELECT id FROM roster.revocations WHERE subject = $1', [somebody.sessionId]);
    const job = app.get(Jobs).known().get('revocations.prune')!;
    expect(job.cron).toBe('7 4 * * *');
    await job.handler(undefined as never, null as never);
    expect(await kept()).toHaveLength(1);
    await ask(asSuperuser(address), "UPDATE roster.revocations SET revoked_at = revoked_at - interval '25 hours'");
    await job.handler(undefined as never, null as never);
    expect(await kept()).toEqual([]);
  });
});
