import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { EventsRepository } from '../../src/events/events.repository.js';
import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { Reader } from './reader.js';
import { settled } from './settled.js';

const STREAM = '/api/v1/events/stream';
const MINE = '/api/v1/me/events/stream';
const UUID = /^[0-9a-f]{8}-/;

describe('a stream of events', () => {
  const sockets = new Set<Socket>();
  let app: TestApp;
  let ada: Person;
  let origin: string;
  const readers: Reader[] = [];

  beforeAll(async () => {
    app = await TestApp.start();
    app.app.fastify.server.on('connection', (socket) => sockets.add(socket));
    await app.app.fastify.listen({ port: 0, host: '127.0.0.1' });
    origin = `http://127.0.0.1:${(app.app.fastify.server.address() as AddressInfo).port}`;
    ada = await app.people.admin();
  });
  afterEach(() => readers.splice(0).forEach((reader) => reader.leave()));
  afterAll(() => app.stop());

  /** Once nobody is to be told any more of what was done before. */
  async function follow(person: Person, path: string, headers: Record<string, string> = {}): Promise<Reader> {
    await settled(app);
    const reader = await Reader.open(`${origin}${path}`, person.token, headers);
    readers.push(reader);
    return reader;
  }
  const only = (filter: string): string => `filter=${encodeURIComponent(filter)}`;
  const aboutUser = (id: string): string => only(`subject eq "users/${id}"`);
  const rename = (person: Person, name: string): Promise<unknown> => ada.patch(`/api/v1/users/${person.id}`, { name });
  const idsAbout = async ({ id }: Person): Promise<string[]> =>
    (
      await app.sql<{ id: string }>('SELECT id FROM roster.events WHERE subject = $1 ORDER BY xid, seq', [
        `users/${id}`,
      ])
    ).map((row) => row.id);

  it('tells what is committed from then on, each once, in order, under the id that it has in the list', async () => {
    const person = await app.people.person();
    const before = (await idsAbout(person)).length;
    const reader = await follow(ada, `${STREAM}?${aboutUser(person.id)}`);
    expect(reader.answer.headers.get('content-type')).toBe('text/event-stream');
    expect(reader.answer.headers.get('cache-control')).toBe('no-store');
    for (const name of ['One', 'Two', 'Three']) await rename(person, name);
    await reader.until(() => reader.events.length === 3);
    expect(reader.ids).toEqual((await idsAbout(person)).slice(before));
    expect(reader.lastEventId).toBe(reader.ids.at(-1));
    expect((await ada.get(`/api/v1/events/${reader.ids[0]}`)).body).toEqual(reader.events[0]);
  });

  it.each(['the header', 'the query', 'a cursor'])('goes on from where %s says', async (by) => {
    const person = await app.people.person();
    for (const name of ['One', 'Two', 'Three']) await rename(person, name);
    const ids = await idsAbout(person);
    const filter = aboutUser(person.id);
    type Page = { page: { nextCursor: string } };
    await settled(app);
    const { body } = await ada.get<Page>(`/api/v1/events?${filter}&limit=${ids.length - 2}`);
    const from = ids.at(-3)!;
    const reader = await (by === 'the header'
      ? follow(ada, `${STREAM}?${filter}&after=${ids[0]}`, { 'last-event-id': from })
      : follow(ada, `${STREAM}?${filter}&after=${by === 'the query' ? from : body.page.nextCursor}`));
    await rename(person, 'Four');
    await reader.until(() => reader.events.length >= 3);
    expect(reader.ids).toEqual((await idsAbout(person)).slice(ids.length - 2));
  });

  it.each(['an empty header', 'an id in capitals'])('goes on from the query beside, or by, %s', async (by) => {
    const person = await app.people.person();
    for (const name of ['One', 'Two', 'Three']) await rename(person, name);
    const ids = await idsAbout(person);
    const from = ids.at(-3)!;
    const after = by === 'an id in capitals' ? from.toUpperCase() : from;
    const reader = await follow(ada, `${STREAM}?${aboutUser(person.id)}&after=${after}`, {
      ...(by === 'an empty header' ? { 'last-event-id': '' } : {}),
    });
    await reader.until(() => reader.events.length >= 2);
    expect(reader.ids).toEqual(ids.slice(-2));
  });

  it('reads of the past of somebody only what is theirs, and says how far that was', async () => {
    const person = await app.people.person();
    const [first] = await idsAbout(person);
    for (const name of ['One', 'Two', 'Three']) await rename(person, name);
    const ids = await idsAbout(person);
    // What happened to others meanwhile, in between.
    await app.sql(
      `INSERT INTO roster.events (id, type, subject, data, occurred_at)
       SELECT gen_random_uuid(), 'test.others', 'users/' || gen_random_uuid(), '{}', now() FROM generate_series(1, 20000)`,
    );
    await rename(person, 'Four');
    // A process in which nobody else reads.
    const other = await TestApp.start({ settings: { ROLE: 'api' } });
    await other.app.fastify.listen({ port: 0, host: '127.0.0.1' });
    const at = `http://127.0.0.1:${(other.app.fastify.server.address() as AddressInfo).port}${MINE}`;
    const repository = other.get(EventsRepository);
    const [after, page] = [repository.after.bind(repository), repository.page.bind(repository)];
    let read = 0;
    repository.after = async (...given) => {
      const facts = await after(...given);
      read += facts.length;
      return facts;
    };
    repository.page = async (...given) => {
      const found = await page(...given);
      read += found.facts.length;
      return found;
    };
    const reader = await Reader.open(at, person.token, { 'last-event-id': first! });
    await reader.until(() => reader.events.length === ids.length);
    const all = [...ids.slice(1), (await idsAbout(person)).at(-1)];
    expect(reader.ids).toEqual(all);
    expect(read).toBeLessThan(100);
    // A sign of life brings it on, by a place that tells nothing of others.
    await reader.until(() => reader.beats > 0);
    const { lastEventId } = reader;
    expect(lastEventId).not.toMatch(UUID);
    reader.leave();
    await rename(person, 'Five');
    const again = await Reader.open(at, person.token, { 'last-event-id': lastEventId! });
    await again.until(() => again.events.length > 0);
    expect(again.ids).toEqual([(await idsAbout(person)).at(-1)]);
    again.leave();
    await other.stop();
  }, 180_000);

  it('tells everybody of themselves, and of nobody else', async () => {
    const [grace, alan] = [await app.people.person(), await app.people.person()];
    const reader = await follow(grace, MINE);
    await rename(alan, 'Not Grace');
    await ada.put(`/api/v1/users/${grace.id}/roles`, { roles: ['user', 'admin'] });
    await rename(grace, 'Grace');
    await reader.until(() => reader.events.length === 2);
    expect(reader.events.map(({ type, subject }) => [type, subject])).toEqual([
      ['user.roles_changed', `users/${grace.id}`],
      ['user.updated', `users/${grace.id}`],
    ]);
    expect(JSON.stringify(reader.events)).not.toContain(ada.id);
  });

  it.each([
    [`${STREAM}?after=01a1fb89-a690-7530-90c7-ac334b012900`, 410],
    [`${STREAM}?after=forged`, 400],
    [`${STREAM}?after=a&after=b`, 400],
    [`${STREAM}?nonsense=1`, 400],
    [`${STREAM}?filter=nonsense`, 400],
    [`${MINE}?filter=${encodeURIComponent('data.userId eq "x"')}`, 400],
  ])('is refused before it begins: %s', async (path, status) => {
    const { answer } = await follow(ada, path);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      status,
      'application/problem+json; charset=utf-8',
    ]);
  });

  it('is for whoever may read events, and for nobody who does not say who they are', async () => {
    const grace = await app.people.person();
    expect((await follow(grace, STREAM)).answer.status).toBe(403);
    expect((await follow({ token: 'none' } as Person, MINE)).answer.status).toBe(401);
  });

  const cuts: [string, (reader: Person) => Promise<unknown>][] = [
    ['signs out', (person) => person.post('/api/v1/auth/logout')],
    ['is suspended', (person) => ada.put(`/api/v1/users/${person.id}/suspension`, { reason: 'left' })],
    ['loses the right', (person) => ada.put(`/api/v1/users/${person.id}/roles`, { roles: ['user'] })],
  ];
  it.each(cuts)(
    'S20 S57 ends within a second under somebody who %s',
    async (_, takeAway) => {
      const took: number[] = [];
      // The quickest of three: a machine that stands still spoils one of them.
      while (took.length < 3 && Math.min(...took) >= 2000) {
        const person = await app.people.admin();
        const reader = await follow(person, STREAM);
        await sleep(1200);
        expect(reader.endedAt).toBeNull();
        expect(((await takeAway(person)) as { status: number }).status).toBeLessThan(300);
        const takenAt = performance.now();
        await reader.until(() => reader.endedAt !== null);
        took.push(reader.endedAt! - takenAt);
      }
      expect(Math.min(...took)).toBeLessThan(2000);
    },
    120_000,
  );

  it('ends with its token', async () => {
    const reader = await follow(await app.people.admin(), STREAM);
    app.clock.advance(16 * 60_000);
    await reader.until(() => reader.endedAt !== null);
    ada = await app.people.signIn(ada.user);
  });

  it('cuts off whoever does not read, and keeps little for them meanwhile', async () => {
    const { hostname, port } = new URL(origin);
    const idle = connect(Number(port), hostname);
    idle.on('error', () => undefined);
    idle.write(`GET ${STREAM} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ada.token}\r\n\r\n`);
    // Nobody reads: the client's own buffer fills, then those of the network.
    await new Promise((resolve) => idle.once('readable', resolve));
    const [taken] = [...sockets].filter(({ remotePort }) => remotePort === idle.localPort);
    const good = await follow(ada, `${STREAM}?${only('type eq "test.filled"')}`);
    // More than the buffers of both ends and what is kept here; all on one transaction, and told at once.
    const each = 2000;
    for (let round = 0; round < 10; round += 1)
      await app.sql(
        `INSERT INTO roster.events (id, type, data, occurred_at)
         SELECT gen_random_uuid(), 'test.filled', jsonb_build_object('text', repeat('x', 1000)), now() FROM generate_series(1, $1)`,
        [each],
      );
    await good.until(() => good.events.length === 10 * each);
    // Within two signs of life, of 15 s each.
    const late = performance.now() + 45_000;
    while (!taken!.destroyed && performance.now() < late) await sleep(100);
    expect([taken!.destroyed, good.endedAt]).toEqual([true, null]);
    idle.destroy();
    await app.sql("DELETE FROM roster.events WHERE type = 'test.filled'");
  }, 180_000);

  it('ends with the server, which waits for nobody', async () => {
    const other = await TestApp.start();
    await other.app.fastify.listen({ port: 0, host: '127.0.0.1' });
    const at = `http://127.0.0.1:${(other.app.fastify.server.address() as AddressInfo).port}`;
    const reader = await Reader.open(`${at}${STREAM}`, (await other.people.admin()).token);
    expect(reader.answer.status).toBe(200);
    const stoppedAt = performance.now();
    await other.stop();
    await reader.until(() => reader.endedAt !== null);
    expect(performance.now() - stoppedAt).toBeLessThan(10_000);
  });

  it('has no body for whoever asks for its head', async () => {
    const { status, text, headers } = await ada.send('HEAD', STREAM);
    expect([status, text, headers['content-type']]).toEqual([200, '', 'text/event-stream']);
  });

  it('gives signs of life, which bring a reader on who has had nothing for long', async () => {
    const person = await app.people.person();
    const reader = await follow(ada, `${STREAM}?${aboutUser('01a1fb89-a690-7530-90c7-ac334b012900')}`);
    await rename(person, 'Nothing for them');
    const last = (await idsAbout(person)).at(-1)!;
    await reader.until(() => reader.beats > 0);
    // A fact that was not final at the one sign of life is behind the next.
    await reader.until(() => reader.lastEventId! >= last);
    expect(reader.events).toEqual([]);
    const own = await follow(person, MINE);
    expect(own.lastEventId).toBeNull();
  }, 120_000);
});
