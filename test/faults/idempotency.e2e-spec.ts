import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { jest } from '@jest/globals';
import { Client } from 'pg';

import { TestApp } from '../harness/app.js';
import { ask, asSuperuser, freshDatabase } from '../harness/database.js';
import { unique } from '../harness/people.js';
import { patiently } from '../harness/patience.js';
import type { Person } from '../harness/people.js';
import { onDatabase, startProcess } from '../harness/process.js';
import type { RunningProcess } from '../harness/process.js';

jest.setTimeout(120_000);

interface Told {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly replayed: boolean;
  readonly body: { readonly id?: string; readonly code?: string };
}

describe('an Idempotency-Key over two processes', () => {
  let processes: RunningProcess[] = [];
  let app: TestApp;
  let ada: Person;
  let database: Awaited<ReturnType<typeof freshDatabase>>;

  beforeEach(async () => {
    database = await freshDatabase(`idempotency_${process.env['JEST_WORKER_ID']}`);
    // Only to make people and tokens for the others.
    app = await TestApp.start({ database });
    ada = await app.people.admin();
    const settings = { ...onDatabase(database), LOG_LEVEL: 'fatal', RATE_LIMITS: 'off' };
    processes = await Promise.all([startProcess(settings), startProcess(settings)]);
  });
  afterEach(async () => {
    await Promise.all(processes.map((each) => each.stop()));
    await app.stop();
  });

  const person = (): { email: string; name: string } => ({
    email: `${unique('k')}@example.com`,
    name: 'Kathleen Booth',
  });
  async function create(n: number, body: object, key: string, signal?: AbortSignal): Promise<Told> {
    const answer = await fetch(`${processes[n % 2]!.url}/api/v1/users`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ada.token}`, 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
      signal,
    });
    const replayed = answer.headers.get('idempotency-replayed') === 'true';
    const retryAfter = answer.headers.get('retry-after') ?? undefined;
    return { status: answer.status, retryAfter, replayed, body: (await answer.json()) as Told['body'] };
  }
  const createPatiently = (n: number, body: object, key: string): Promise<Told> =>
    patiently(
      () => create(n, body, key),
      ({ retryAfter }) => retryAfter,
    );
  const users = async (email: string): Promise<{ id: string }[]> =>
    ask<{ id: string }>(asSuperuser(database), 'SELECT id FROM roster.users WHERE email = $1', [email]);
  const facts = async (id: string): Promise<object[]> =>
    ask(asSuperuser(database), "SELECT 1 FROM roster.events WHERE subject = $1 AND type = 'user.created'", [
      `users/${id}`,
    ]);
  const kept = async (): Promise<number> =>
    (await ask(asSuperuser(database), 'SELECT 1 FROM roster.idempotency_keys')).length;

  it('makes one of a hundred posts at once, and one fact', async () => {
    const [body, key] = [person(), randomUUID()];
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => createPatiently(n, body, key)));
    const fresh = answers.filter(({ status, replayed }) => status === 201 && !replayed);
    expect(fresh).toHaveLength(1);
    const others = answers.filter((answer) => answer !== fresh[0]);
    for (const { status, body: told } of others)
      expect(status === 201 ? told.id : told.code).toBe(
        status === 201 ? fresh[0]!.body.id : 'idempotency_key_in_flight',
      );
    expect((await create(1, body, key)).body.id).toBe(fresh[0]!.body.id);
    const made = await users(body.email);
    expect(made).toHaveLength(1);
    expect(await facts(made[0]!.id)).toHaveLength(1);
  });

  it('gives the answer that a killed process could not give', async () => {
    const [body, key] = [person(), randomUUID()];
    const gone = new AbortController();
    const unanswered = create(0, body, key, gone.signal).catch((error: Error) => error.name);
    while ((await kept()) === 0) await pause(2);
    gone.abort();
    await processes[0]!.kill();
    await unanswered;
    const told = await create(1, body, key);
    expect(told).toMatchObject({ status: 201, replayed: true });
    expect(await users(body.email)).toEqual([{ id: told.body.id }]);
    expect(await facts(told.body.id!)).toHaveLength(1);
  });

  it('is in flight while its process works, and free when that was killed in the midst of it', async () => {
    const [body, key] = [person(), randomUUID()];
    const lock = new Client({ connectionString: asSuperuser(database) });
    await lock.connect();
    await lock.query('BEGIN');
    await lock.query('LOCK TABLE roster.user_roles IN EXCLUSIVE MODE');
    const working = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%user_roles%'";
    /** In a list, for whoever waits for it would wait for the answer. */
    const begin = async (): Promise<[Promise<unknown>]> => {
      const answer = create(0, body, key).catch(() => 'broken off');
      while ((await ask(asSuperuser(database), working)).length === 0) await pause(5);
      return [answer];
    };
    let [unanswered] = await begin();
    let second = await create(1, body, key);
    // Nobody waits for a lock for ever: on a machine that stood still the first had given up by then.
    for (let tries = 0; second.status === 503 && tries < 3; tries += 1) {
      await unanswered;
      [unanswered] = await begin();
      second = await create(1, body, key);
    }
    expect(second).toMatchObject({ status: 409, body: { code: 'idempotency_key_in_flight' } });
    await processes[0]!.kill();
    expect(await unanswered).toBe('broken off');
    await lock.query('ROLLBACK');
    await lock.end();
    let told = await createPatiently(1, body, key);
    // PostgreSQL notices only at its next word to it that the process is gone.
    for (let tries = 0; told.status === 409 && tries < 100; tries += 1) {
      await pause(50);
      told = await createPatiently(1, body, key);
    }
    expect(told).toMatchObject({ status: 201, replayed: false });
    expect(await users(body.email)).toEqual([{ id: told.body.id }]);
  });
});
