import { setTimeout as pause } from 'node:timers/promises';

import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

import { REALTIME_MESSAGES } from '../../src/realtime/realtime.contract.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { Client, listening } from './clients.js';
import type { Shown } from './clients.js';

describe('a socket', () => {
  let app: TestApp;
  let url: string;
  let root: Person;
  const clients: Client[] = [];

  beforeAll(async () => {
    app = await TestApp.start({ database: await freshDatabase('sockets') });
    url = await listening(app);
    root = await app.people.admin();
  }, 60_000);
  afterEach(() => clients.splice(0).forEach((client) => client.close()));
  afterAll(() => app.stop());

  async function connect(shown: Shown): Promise<Client> {
    const client = await Client.ready(url, shown);
    clients.push(client);
    return client;
  }

  const rename = async ({ id }: { id: string }, name: string): Promise<void> =>
    expect((await root.patch(`/api/v1/users/${id}`, { name })).status).toBe(200) as void;

  async function newest(): Promise<string> {
    const [fact] = await app.sql<{ id: string }>('SELECT id FROM roster.events ORDER BY xid DESC, seq DESC LIMIT 1');
    return fact!.id;
  }

  it('tells people what happens to their own account, and nothing else', async () => {
    const [ada, grace] = [await app.people.person(), await app.people.person()];
    const client = await connect({ token: ada.token });
    expect(client.standing).toMatchObject({ userId: ada.id, own: true, events: null });
    await rename(grace, 'Grace');
    await rename(ada, 'Ada');
    const told = await client.toldOf('user.updated', 1);
    const facts = await app.sql<{ id: string }>(
      "SELECT id FROM roster.events WHERE subject = $1 AND type = 'user.updated'",
      [`users/${ada.id}`],
    );
    expect(told.map(({ id }) => id)).toEqual(facts.map(({ id }) => id));
    expect(new Set(client.events.map(({ subject }) => subject))).toEqual(new Set([`users/${ada.id}`]));
    // What only the audit may know is not in it.
    expect(JSON.stringify(client.events)).not.toMatch(/"Ada"|"ip"|private|actor/);
  });

  it('tells everything to whoever holds the permission, each event once, in the order of commits', async () => {
    const auditor = await app.people.withPermissions('events:read');
    const client = await connect({ token: auditor.token, events: true });
    const others = await Promise.all([1, 2, 3].map(() => app.people.user()));
    for (const name of ['One', 'Two', 'Three']) await Promise.all(others.map((other) => rename(other, name)));
    await rename(auditor, 'Somebody Else');
    await client.until(() => client.events.some(({ subject }) => subject === `users/${auditor.id}`), 'their own');
    const sequences = client.events.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort());
    for (const { id } of others) {
      const versions = client.events.filter(({ subject }) => subject === `users/${id}`);
      expect(versions.map(({ type }) => type).slice(-3)).toEqual(['user.updated', 'user.updated', 'user.updated']);
      const numbers = versions.flatMap(({ subjectversion = [] }) => subjectversion);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
  });

  it('tells those who filter what they asked for, by type, by group and by subject', async () => {
    const [ada, grace] = [await app.people.person(), await app.people.person()];
    const [first, second] = [`user.updated users/${ada.id}`, `user.updated users/${grace.id}`];
    const third = `user.suspended users/${grace.id}`;
    const lastEventId = await newest();
    const of = (events: unknown): Promise<Client> => connect({ token: root.token, events, lastEventId });
    const suspended = await of({ types: ['user.suspended'] });
    const users = await of({ types: ['user.*'], subject: 'users/*' });
    const graces = await of({ subject: `users/${grace.id}` });
    await rename(ada, 'Ada');
    await rename(grace, 'Grace');
    await root.put(`/api/v1/users/${grace.id}/suspension`, { reason: 'left' });
    for (const client of [suspended, users, graces])
      await client.until(() => client.events.some(({ subject, type }) => `${type} ${subject}` === third), 'the last');
    const told = ({ events }: Client): string[] => events.map(({ type, subject }) => `${type} ${subject}`);
    expect(told(suspended)).toEqual([third]);
    expect(told(users).filter((line) => line.includes(ada.id) || line.includes(grace.id))).toEqual([
      first,
      second,
      third,
    ]);
    expect(told(graces).filter((line) => line.startsWith('user.'))).toEqual([second, third]);
  });

  it('takes another filter, or none, while it is open, and says what is wrong with one', async () => {
    const ada = await app.people.user();
    const client = await connect({ token: root.token });
    const witness = await connect({ token: root.token, events: { types: ['user.updated'] } });
    await rename(ada, 'Nobody Listens');
    // What was committed a moment ago is read a moment later.
    await witness.toldOf('user.updated', 1);
    await pause(100);
    expect(await client.say('subscribe', { types: ['user.updated'] })).toMatchObject({
      ok: true,
      events: { types: ['user.updated'], subject: null },
    });
    await rename(ada, 'Ada');
    await client.toldOf('user.updated', 1);
    expect(await client.say('subscribe', { types: ['user.flew'] })).toMatchObject({
      ok: false,
      problem: { status: 422, code: 'subscription_invalid' },
    });
    expect(await client.say('subscribe', null)).toMatchObject({ ok: true, events: null });
    await rename(ada, 'Nobody Listens Again');
    await rename(root, 'Root');
    const told = await client.toldOf('user.updated', 2);
    expect(told.map(({ subject }) => subject)).toEqual([`users/${ada.id}`, `users/${root.id}`]);
    const modest = await connect({ token: (await app.people.person()).token });
    expect(await modest.say('subscribe', true)).toMatchObject({ ok: false, problem: { code: 'permission_denied' } });
  });

  it('says only what is promised, in the form that is promised', async () => {
    const ajv = addFormats.default(new Ajv2020({ strict: false }));
    const checks = Object.fromEntries(REALTIME_MESSAGES.map(({ name, payload }) => [name, ajv.compile(payload)]));
    const answers = Object.fromEntries(
      REALTIME_MESSAGES.flatMap(({ name, answer }) => (answer ? [[name, ajv.compile(answer)]] : [])),
    );
    for (const { name, example } of REALTIME_MESSAGES) expect([name, checks[name]!(example)]).toEqual([name, true]);
    const ada = await app.people.person();
    const client = await connect({ token: ada.token });
    const heard: string[] = [];
    client.socket.onAny((name: string, payload: unknown) => {
      heard.push(name);
      expect([name, checks[name]?.(payload), checks[name]?.errors]).toEqual([name, true, null]);
    });
    expect(checks['ready']!(client.standing)).toBe(true);
    expect(answers['subscribe']!(await client.say('subscribe', { subject: 5 }))).toBe(true);
    expect(answers['authenticate']!(await client.say('authenticate', { token: ada.token }))).toBe(true);
    await rename(ada, 'Ada');
    await client.toldOf('user.updated', 1);
    await ada.post('/api/v1/auth/logout');
    await client.ended();
    expect([...new Set(heard)].sort()).toEqual(['closing', 'event']);
  });

  it('is one of a hundred that are opened at once, and each is told once', async () => {
    const people: Person[] = [];
    for (let made = 0; made < 100; made += 1) people.push(await app.people.person());
    const all = await Promise.all(people.map(({ token }) => connect({ token })));
    for (const person of people) await rename(person, 'Somebody Else');
    const told = await Promise.all(all.map((client) => client.toldOf('user.updated', 1)));
    expect(told.map((events) => events.map(({ subject }) => subject))).toEqual(people.map(({ id }) => [`users/${id}`]));
  }, 120_000);

  it('is counted', async () => {
    await connect({ token: root.token, events: true });
    await rename(root, 'Counted');
    const metrics = await app.ground.metrics.text();
    expect(metrics).toMatch(/^realtime_sockets [1-9]/m);
    expect(metrics).toMatch(/^realtime_events_total [1-9]/m);
    expect(metrics).toMatch(/^realtime_handshakes_total\{result="accepted"\} [1-9]/m);
    expect(metrics).toMatch(/^realtime_closed_total\{reason="token_revoked"\} 1$/m);
  });
});
