import { setTimeout as pause } from 'node:timers/promises';

import type { CloudEvent } from '../../src/events/index.js';
import { Connections } from '../../src/realtime/connections.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { Client, listening } from './clients.js';
import { frame, rawSocket } from './upgrades.js';

const NAME = 'resume';

describe('a socket that goes on', () => {
  let app: TestApp;
  let other: TestApp;
  let urls: string[];
  let root: Person;

  beforeAll(async () => {
    const database = await freshDatabase(NAME);
    const start = (): Promise<TestApp> => TestApp.start({ database });
    [app, other] = [await start(), await start()];
    urls = [await listening(app), await listening(other)];
    root = await app.people.admin();
  }, 60_000);
  afterAll(async () => {
    await app.stop();
    await other.stop();
  });

  /** Changes of the names of some users, by both processes at once. @returns the ids of the facts, in their order */
  async function change(users: readonly { id: string }[], times: number): Promise<string[]> {
    const ids = users.map(({ id }) => `users/${id}`);
    const writer = async (where: TestApp, id: string): Promise<void> => {
      for (let time = 0; time < times; time += 1) {
        const options = { token: root.token, body: { name: `Name ${time} of ${Math.random()}` } };
        const { status } = await where.send('PATCH', `/api/v1/users/${id}`, options);
        if (status !== 200) throw new Error(`PATCH answered ${status}`);
      }
    };
    await Promise.all(users.map(({ id }, at) => writer(at % 2 === 0 ? app : other, id)));
    const rows = await app.sql<{ id: string }>(
      "SELECT id FROM roster.events WHERE subject = ANY($1) AND type = 'user.updated' ORDER BY xid, seq",
      [ids],
    );
    return rows.map(({ id }) => id);
  }

  const updates = (events: readonly CloudEvent[]): string[] =>
    events.filter(({ type }) => type === 'user.updated').map(({ id }) => id);

  it('misses nothing, gets nothing twice and all in order, cut off again and again during 200 facts', async () => {
    const users = await Promise.all(Array.from({ length: 10 }, () => app.people.user()));
    const events = { types: ['user.updated'] };
    const had: CloudEvent[] = [];
    let client = await Client.ready(urls[0]!, { token: root.token, events });
    let done = false;
    const changing = change(users, 20).finally(() => (done = true));
    let cuts = 0;
    while (!done) {
      await pause(40);
      client.close();
      had.push(...client.events);
      cuts += 1;
      const lastEventId = had.at(-1)?.id ?? client.standing?.lastEventId ?? undefined;
      // At the one process and at the other in turns: the place is the same everywhere.
      client = await Client.ready(urls[cuts % 2]!, { token: root.token, events, lastEventId });
    }
    const facts = await changing;
    expect(facts).toHaveLength(200);
    await client.until(() => updates([...had, ...client.events]).length >= 200, 'all of them');
    await pause(300);
    expect(updates([...had, ...client.events])).toEqual(facts);
    expect(cuts).toBeGreaterThan(2);
    client.close();
  });

  it('is told what it missed while it was away, then what comes', async () => {
    const ada = await app.people.person();
    const first = await Client.ready(urls[0]!, { token: ada.token });
    await root.patch(`/api/v1/users/${ada.id}`, { name: 'Before' });
    const [before] = await first.toldOf('user.updated', 1);
    first.close();
    const missed = await change([ada.user], 150);
    const second = await Client.ready(urls[1]!, { token: ada.token, lastEventId: before!.id });
    await second.told(150);
    const all = await change([ada.user], 5);
    await second.told(155);
    expect(second.events.map(({ id }) => id)).toEqual(all.slice(1));
    expect(missed).toEqual(all.slice(0, 151));
    second.close();
  });

  it('goes on from where it was let in, should it have been told nothing', async () => {
    const ada = await app.people.person();
    const first = await Client.ready(urls[0]!, { token: ada.token });
    first.close();
    await root.patch(`/api/v1/users/${ada.id}`, { name: 'Ada' });
    const lastEventId = first.standing!.lastEventId!;
    const second = await Client.ready(urls[0]!, { token: ada.token, lastEventId });
    await second.until(() => updates(second.events).length === 1, 'what happened between');
    second.close();
  });

  it('is one of fifty that come back at once', async () => {
    const ada = await app.people.user();
    const before = await change([ada], 1);
    const events = { subject: `users/${ada.id}` };
    const people: Person[] = [];
    for (let made = 0; made < 50; made += 1) people.push(await app.people.withPermissions('events:read'));
    const facts = await change([ada], 20);
    const clients = await Promise.all(
      people.map(({ token }, at) => Client.ready(urls[at % 2]!, { token, events, lastEventId: before[0]! })),
    );
    const all = await change([ada], 5);
    expect(all.slice(0, facts.length)).toEqual(facts);
    for (const client of clients) {
      await client.until(() => updates(client.events).length === all.length - 1, 'all of them');
      expect(updates(client.events)).toEqual(all.slice(1));
      client.close();
    }
  }, 120_000);
});

describe('a socket that does not read', () => {
  let app: TestApp;
  let url: string;
  let root: Person;

  beforeAll(async () => {
    app = await TestApp.start({ database: await freshDatabase('slow_reader') });
    url = await listening(app);
    root = await app.people.admin();
  }, 60_000);
  afterAll(() => app.stop());

  const gauge = async (name: string): Promise<number> =>
    Number(new RegExp(`^${name} (\\d+)`, 'm').exec(await app.ground.metrics.text())?.[1]);

  /** As many facts at once as a busy import makes, of some 5 KB. */
  const plant = (count: number, members = 120): Promise<unknown> =>
    app.sql(
      `INSERT INTO roster.events (id, type, subject, subject_version, data, private, occurred_at)
       SELECT gen_random_uuid(), 'user.updated', 'users/' || gen_random_uuid(), 1,
         jsonb_build_object('userId', gen_random_uuid(), 'members', array_agg(md5(n::text || m))), '{}', now()
       FROM generate_series(1, $1) AS n, generate_series(1, $2) AS m GROUP BY n`,
      [count, members],
    );

  it('is dropped before it costs much memory, and the others go on', async () => {
    const socket = await rawSocket(url);
    socket.write(frame(`40${JSON.stringify({ token: root.token, events: true })}`));
    await new Promise((resolve) => socket.once('data', resolve));
    const healthy = await Client.ready(url, { token: (await app.people.admin()).token, events: true });
    socket.pause();
    const gone = new Promise((resolve) => socket.once('close', resolve));
    const before = process.memoryUsage().external + process.memoryUsage().heapUsed;
    for (let round = 0; (await app.ground.metrics.text()).includes('reason="slow_reader"') === false; round += 1) {
      if (round > 60) throw new Error('It was never dropped');
      await plant(200);
      await pause(100);
    }
    const grown = process.memoryUsage().external + process.memoryUsage().heapUsed - before;
    process.stdout.write(
      `A reader that stopped was dropped after ${healthy.events.length} events of 5 KB, ${Math.round(grown / 2 ** 20)} MiB more\n`,
    );
    socket.resume();
    await gone;
    await healthy.until(() => healthy.gone === null && healthy.events.length > 1000, 'what the other missed');
    expect(await gauge('realtime_sockets')).toBe(1);
    healthy.close();
  }, 60_000);

  it('is dropped while it goes on from long ago, too', async () => {
    const [{ id }] = (await app.sql<{ id: string }>('SELECT id FROM roster.events ORDER BY xid, seq LIMIT 1')) as [
      { id: string },
    ];
    await plant(3000);
    const closed = async (): Promise<Record<string, number>> =>
      Object.fromEntries(
        [...(await app.ground.metrics.text()).matchAll(/^realtime_closed_total\{reason="(\w+)"\} (\d+)/gm)].map(
          ([, reason, count]) => [reason, Number(count)],
        ),
      );
    const { slow_reader: before = 0 } = await closed();
    const sockets = await Promise.all(Array.from({ length: 10 }, () => rawSocket(url)));
    for (const socket of sockets) {
      socket.write(frame(`40${JSON.stringify({ token: root.token, events: true, lastEventId: id })}`));
      await new Promise((resolve) => socket.once('data', resolve));
      socket.pause();
    }
    // Ten who wait keep nobody from reading.
    const quick = await Client.ready(url, { token: root.token, events: true, lastEventId: id });
    await quick.told(3000);
    await quick.until(() => app.get(Connections).size === 1, 'an end of those who do not read');
    expect(await closed()).toEqual({ slow_reader: before + 10 });
    // There are more than 3000: the quick one may be at the last of them.
    while ((await gauge('realtime_catching_up')) > 0) await pause(10);
    for (const socket of sockets) socket.destroy();
    quick.close();
    await quick.until(() => app.get(Connections).size === 0, 'an end');
  }, 120_000);

  it('is neither read ahead for nor dropped at once, when it goes on from long ago, however large the facts', async () => {
    const [{ id }] = (await app.sql<{ id: string }>(
      'SELECT id FROM roster.events ORDER BY xid DESC, seq DESC LIMIT 1',
    )) as [{ id: string }];
    // One page is more than may wait for those who are told what happens now; all are more than the kernel holds.
    await plant(1000, 600);
    const socket = await rawSocket(url);
    socket.write(frame(`40${JSON.stringify({ token: root.token, events: true, lastEventId: id })}`));
    await new Promise((resolve) => socket.once('data', resolve));
    socket.pause();
    while ((await gauge('realtime_catching_up')) === 0) await pause(10);
    // Looks of four times a second.
    await pause(1500);
    // It waits for its client, keeps nobody else from reading, and holds no more than a little.
    expect(await gauge('realtime_catching_up')).toBe(1);
    const quick = await Client.ready(url, { token: root.token, events: true, lastEventId: id });
    await quick.told(1000);
    expect(await gauge('realtime_sockets')).toBe(2);
    socket.destroy();
    quick.close();
    await quick.until(() => app.get(Connections).size === 0, 'an end');
    // A page may be under way.
    while ((await gauge('realtime_catching_up')) > 0) await pause(10);
    expect(await gauge('realtime_sockets')).toBe(0);
  }, 60_000);
});

describe('a socket that goes on from long ago', () => {
  let app: TestApp;
  let url: string;
  let root: Person;

  beforeAll(async () => {
    app = await TestApp.start({ database: await freshDatabase('long_ago') });
    url = await listening(app);
    root = await app.people.admin();
  }, 60_000);
  afterAll(() => app.stop());

  it('is told what is its own, whatever happened to others, and is refused before too much is read', async () => {
    const ada = await app.people.person();
    const first = await Client.ready(url, { token: ada.token });
    await root.patch(`/api/v1/users/${ada.id}`, { name: 'Before' });
    const [{ id: lastEventId }] = (await first.toldOf('user.updated', 1)) as [CloudEvent];
    first.close();
    await app.sql(
      `INSERT INTO roster.events (id, type, subject, subject_version, data, private, occurred_at)
       SELECT gen_random_uuid(), 'user.updated', 'users/' || gen_random_uuid(), 1, '{}', '{}', now() FROM generate_series(1, 50001)`,
    );
    await root.patch(`/api/v1/users/${ada.id}`, { name: 'After' });
    const own = await Client.ready(url, { token: ada.token, lastEventId });
    await own.toldOf('user.updated', 1);
    await root.patch(`/api/v1/users/${ada.id}`, { name: 'Now' });
    await own.toldOf('user.updated', 2);
    expect(own.events.map(({ subject, type }) => [subject, type])).toEqual(
      [1, 2].map(() => [`users/${ada.id}`, 'user.updated']),
    );
    const everything = await Client.ready(url, { token: root.token, events: true, lastEventId });
    await everything.ended();
    expect([everything.ends[0]!.code, everything.events.length]).toEqual(['resume_too_long', 0]);
    own.close();
  }, 60_000);
});
