import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import { jest } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

import { STREAM } from '../../src/broker/event-stream.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { Indicators } from '../../src/platform/telemetry/indicators.js';
import { TestApp } from '../harness/app.js';
import { AwakeClock } from '../harness/awake.js';
import { eventMessages } from '../contract/asyncapi.js';
import { freshDatabase } from '../harness/database.js';
import { onDatabase, startProcess } from '../harness/process.js';
import { DebianNats } from './debian-nats.js';
import { awaitPublished, idsOfFacts, publishedOn } from './published.js';
import { until } from './until.js';

// NATS is killed, frozen and waited for, on a machine that may be busy.
jest.setTimeout(300_000);

const AT_ONCE = 6;
/** Whatever waited for NATS would take longer. Milliseconds. */
const NATS_IS_WAITED_FOR = 2500;
const clock = new AwakeClock();

describe('events on NATS, as Debian ships it', () => {
  const open: (() => Promise<unknown>)[] = [];
  // What was opened last is closed first.
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  async function startNats(): Promise<DebianNats> {
    const nats = await DebianNats.start('a-token-of-nats');
    open.push(() => nats.stop());
    return nats;
  }

  async function startApp(database: DatabaseAddress, nats: DebianNats, more = {}): Promise<TestApp> {
    const app = await TestApp.start({ database, settings: { NATS_URL: nats.url }, ...more });
    open.push(() => app.stop());
    return app;
  }

  async function listen(nats: DebianNats): Promise<NatsConnection> {
    const connection = await nats.connect();
    open.push(() => connection.close());
    return connection;
  }

  const findingOf = async (app: TestApp) => (await app.get(Indicators).ask(1000))['broker']!;
  const healthOf = async (app: TestApp) => (await app.send<{ status: string }>('GET', '/health')).body.status;
  /** An indicator that is not heard in time fails: on a busy machine it is asked again. */
  const awaitHealth = (app: TestApp, finding: object, health: string): Promise<void> =>
    until(`health says ${health}`, async () =>
      isDeepStrictEqual([await findingOf(app), await healthOf(app)], [finding, health]),
    );

  /** Every fact is on the stream once, in the order of the commits: so are those of each subject. */
  async function expectAll(app: TestApp, connection: NatsConnection): Promise<string[]> {
    const messages = await publishedOn(connection);
    const ids = messages.map(({ event }) => event.id);
    expect(messages.map(({ messageId }) => messageId)).toEqual(ids);
    expect(ids).toEqual(await idsOfFacts(app));
    return ids;
  }

  /** Several users, each changed several times, by all of these applications at once. @returns how long the slowest took */
  async function writeFacts(apps: readonly TestApp[], users: number, changes: number): Promise<number> {
    const admins = await Promise.all(apps.map((app) => app.people.admin()));
    const left = Array.from({ length: users }, (_, number) => number);
    let slowest = 0;
    const writeOn = async (): Promise<void> => {
      for (let number = left.shift(); number !== undefined; number = left.shift()) {
        const { id } = await apps[number % apps.length]!.people.user();
        for (let change = 0; change < changes; change += 1) {
          const since = clock.now();
          const admin = admins[(number + change) % admins.length]!;
          const { status } = await admin.patch(`/api/v1/users/${id}`, { name: `Name ${change}` });
          expect(status).toBe(200);
          slowest = Math.max(slowest, clock.now() - since);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, writeOn));
    return slowest;
  }

  it('are CloudEvents as the contract says, once each, in the order of the feed, and tell nothing private', async () => {
    const nats = await startNats();
    const app = await startApp(await freshDatabase('broker_events'), nats);
    const connection = await listen(nats);
    const ada = await app.people.admin();
    const { id } = await app.people.user();
    await ada.patch(`/api/v1/users/${id}`, { name: 'Another name' });
    await ada.put(`/api/v1/users/${id}/suspension`, { reason: 'a reason that is private' });
    await ada.delete(`/api/v1/users/${id}`);
    await awaitPublished(app);
    await expectAll(app, connection);
    const messages = await publishedOn(connection);
    const ofUser = messages.filter(
      ({ event: { subject, type } }) => subject === `users/${id}` && type.startsWith('user.'),
    );
    expect(ofUser.map(({ subject }) => subject)).toEqual(
      ['created', 'updated', 'suspended', 'deleted'].map((what) => `roster.events.user.${what}`),
    );
    expect(ofUser.map(({ event }) => event.subjectversion)).toEqual([1, 2, 3, 4]);
    const schemas = new Map(eventMessages().map(({ name, payload }) => [name, payload]));
    const ajv = new Ajv2020({ strict: false });
    formats.default(ajv);
    for (const { subject, event, contentType } of messages) {
      expect([subject, contentType]).toEqual([
        `roster.events.${event.type}`,
        'application/cloudevents+json; charset=utf-8',
      ]);
      expect([event, ajv.validate(schemas.get(event.type)!, event), ajv.errors]).toEqual([event, true, null]);
    }
    const text = JSON.stringify(messages);
    for (const secret of ['a reason that is private', 'Another name', '@example.com', 'actorId'])
      expect(text).not.toContain(secret);
    await awaitHealth(app, { status: 'pass' }, 'pass');
  });

  it('miss nothing and come in order when NATS is killed and started again while two applications write', async () => {
    const nats = await startNats();
    const database = await freshDatabase('broker_killed');
    const [one, other] = [await startApp(database, nats), await startApp(database, nats)];
    const writing = writeFacts([one, other], 40, 5);
    for (let kill = 0; kill < 3; kill += 1) {
      await pause(300);
      await nats.kill();
      await pause(300);
      await nats.run();
    }
    expect(await writing).toBeLessThan(NATS_IS_WAITED_FOR);
    await awaitPublished(one);
    const connection = await listen(nats);
    const ids = await expectAll(one, connection);
    expect(ids.length).toBeGreaterThanOrEqual(240);
    const duplicates = async (): Promise<number> => {
      const metrics = [await one.ground.metrics.text(), await other.ground.metrics.text()].join('\n');
      const found = [...metrics.matchAll(/broker_events_total\{result="duplicate"\} (\d+)/g)];
      return found.reduce((sum, [, count]) => sum + Number(count), 0);
    };
    // The same ids once more: JetStream has them already. Whoever has just connected looks first, and sends none of them.
    await until('all were sent once more', async () => {
      await one.sql("DELETE FROM roster.event_cursors WHERE reader = 'broker'");
      await awaitPublished(one);
      return (await duplicates()) >= ids.length;
    });
    expect(await expectAll(one, connection)).toEqual(ids);
  });

  it('are sent by one process at a time: another does not send them again', async () => {
    const nats = await startNats();
    const database = await freshDatabase('broker_two');
    const apps = [await startApp(database, nats), await startApp(database, nats)];
    const connection = await listen(nats);
    await writeFacts(apps, 20, 5);
    await awaitPublished(apps[0]!);
    await expectAll(apps[0]!, connection);
    for (const app of apps) expect(await app.ground.metrics.text()).not.toContain('result="duplicate"');
  });

  it('wait when NATS is away at the start, and are all there when it comes', async () => {
    const nats = await DebianNats.away('a-token-of-nats');
    open.push(() => nats.stop());
    const lines: string[] = [];
    const database = await freshDatabase('broker_away');
    const since = clock.now();
    const app = await startApp(database, nats, { onLog: (line: string) => lines.push(line) });
    expect(clock.now() - since).toBeLessThan(10_000);
    expect(await writeFacts([app], 10, 3)).toBeLessThan(NATS_IS_WAITED_FOR);
    await awaitHealth(app, { status: 'warn', output: 'NATS is away: events wait in the database' }, 'warn');
    await until('it is ready', async () => (await app.send('GET', '/health/ready')).status === 200);
    await nats.run();
    await awaitPublished(app);
    await expectAll(app, await listen(nats));
    await awaitHealth(app, { status: 'pass' }, 'pass');
    const said = (words: string): number => lines.filter((line) => line.includes(words)).length;
    // Whoever does not answer for a second and a half is left, and another connection made.
    const losses = said('The connection to NATS is lost');
    expect([said('NATS is away'), said('NATS is there again') - losses, said('a-token-of-nats')]).toEqual([1, 1, 0]);
  });

  it('wait while NATS is frozen, which is noticed, and no request is slower', async () => {
    const nats = await startNats();
    const app = await startApp(await freshDatabase('broker_frozen'), nats);
    await writeFacts([app], 2, 2);
    await awaitPublished(app);
    nats.freeze();
    expect(await writeFacts([app], 10, 5)).toBeLessThan(NATS_IS_WAITED_FOR);
    await until('health tells of it', async () => (await findingOf(app)).status === 'warn');
    nats.thaw();
    await awaitPublished(app);
    await expectAll(app, await listen(nats));
    await until('health is well', async () => (await findingOf(app)).status === 'pass');
  });

  it('do not hold up a stop while NATS is frozen', async () => {
    const nats = await startNats();
    const app = await TestApp.start({
      database: await freshDatabase('broker_stop'),
      settings: { NATS_URL: nats.url },
    });
    await app.people.user();
    await awaitPublished(app);
    nats.freeze();
    await app.people.user();
    await pause(200);
    const since = clock.now();
    await app.stop();
    expect(clock.now() - since).toBeLessThan(6000);
  });

  it('miss nothing when the process that publishes is killed, again and again', async () => {
    const nats = await startNats();
    const database = await freshDatabase('broker_process');
    const writer = await TestApp.start({ database });
    open.push(() => writer.stop());
    const connection = await listen(nats);
    const start = () => startProcess({ ...onDatabase(database), NATS_URL: nats.url, ROLE: 'worker' });
    let publisher = await start();
    for (let kill = 0; kill < 3; kill += 1) {
      const writing = writeFacts([writer], 12, 10);
      await until(
        'it publishes what is written',
        async () => (await publishedOn(connection).catch(() => [])).length > kill * 132,
      );
      await publisher.kill();
      await writing;
      publisher = await start();
    }
    open.push(() => publisher.stop());
    await awaitPublished(writer);
    expect((await expectAll(writer, connection)).length).toBeGreaterThanOrEqual(3 * 132);
  });

  it('go into the stream as operators have set it, but for what is ours to say', async () => {
    const nats = await startNats();
    const connection = await listen(nats);
    const { streams } = await jetstreamManager(connection);
    const theirs = {
      max_bytes: 50_000_000,
      description: 'Ours',
      max_age: nanos(3_600_000),
      subjects: ['roster.events.x'],
    };
    await streams.add({ name: STREAM, ...theirs });
    const app = await startApp(await freshDatabase('broker_stream'), nats, {
      settings: { NATS_URL: nats.url, NATS_EVENTS_KEPT: '2d' },
    });
    await app.people.user();
    await awaitPublished(app);
    await expectAll(app, connection);
    expect((await streams.info(STREAM)).config).toMatchObject({
      max_bytes: 50_000_000,
      description: 'Ours',
      subjects: ['roster.events.>'],
      max_age: nanos(2 * 86_400_000),
      duplicate_window: nanos(600_000),
    });
  });

  it('wait while JetStream refuses them, and health says why', async () => {
    const nats = await startNats();
    const connection = await listen(nats);
    const { streams } = await jetstreamManager(connection);
    const app = await startApp(await freshDatabase('broker_full'), nats);
    await app.people.user();
    await awaitPublished(app);
    const { config, state } = await streams.info(STREAM);
    await streams.update(STREAM, { ...config, max_msgs: state.messages, discard: 'new' as typeof config.discard });
    expect(await writeFacts([app], 3, 3)).toBeLessThan(NATS_IS_WAITED_FOR);
    await until('health tells of it', async () => (await findingOf(app)).status === 'warn');
    expect((await findingOf(app)).output).toMatch(/^Events wait in the database: /);
    await streams.update(STREAM, { ...config, max_msgs: -1 });
    await awaitPublished(app);
    await expectAll(app, connection);
  });

  it('leave their reference in the place of what NATS does not carry, and those behind them go on', async () => {
    const nats = await startNats();
    const connection = await listen(nats);
    const { streams } = await jetstreamManager(connection);
    const lines: string[] = [];
    const app = await startApp(await freshDatabase('broker_large'), nats, {
      onLog: (line: string) => lines.push(line),
    });
    const large = async (length: number): Promise<string> => {
      const [{ id }] = (await app.sql<{ id: string }>(
        `INSERT INTO roster.events (id, type, subject, subject_version, data, private, occurred_at)
         VALUES (gen_random_uuid(), 'user.updated', 'users/' || gen_random_uuid(), 1,
           jsonb_build_object('members', repeat('x', $1)), '{}', now()) RETURNING id`,
        [length],
      )) as [{ id: string }];
      await app.people.user();
      return id;
    };
    // No server takes it as NATS is set by itself.
    const ids = [await large(1024 * 1024)];
    await awaitPublished(app);
    // And what one stream takes may be made smaller at any time.
    await streams.update(STREAM, { ...(await streams.info(STREAM)).config, max_msg_size: 4000 });
    ids.push(await large(5000));
    await awaitPublished(app);
    await expectAll(app, connection);
    const stubs = (await publishedOn(connection)).filter(({ event }) => ids.includes(event.id));
    expect(stubs.map(({ event }) => event)).toEqual(
      ids.map((id) => ({
        specversion: '1.0',
        id,
        source: 'http://127.0.0.1:3000',
        type: 'user.updated',
        subject: expect.stringMatching(/^users\//) as string,
        time: expect.any(String) as string,
        subjectversion: 1,
        sequence: expect.any(String) as string,
        dataref: `http://127.0.0.1:3000/api/v1/events/${id}`,
      })),
    );
    const schema = eventMessages().find(({ name }) => name === 'user.updated')!.payload;
    const ajv = new Ajv2020({ strict: false });
    formats.default(ajv);
    for (const { event } of stubs) expect([ajv.validate(schema, event), ajv.errors]).toEqual([true, null]);
    expect(await app.ground.metrics.text()).toContain('broker_events_total{result="too_large"} 2');
    expect(lines.filter((line) => line.includes('too large for NATS'))).toHaveLength(2);
    await until('health is well', async () => (await findingOf(app)).status === 'pass');
  });

  it('are not in the stream twice after an outage that JetStream has forgotten the ids of', async () => {
    const nats = await startNats();
    const connection = await listen(nats);
    const { streams } = await jetstreamManager(connection);
    const database = await freshDatabase('broker_outage');
    const writer = await TestApp.start({ database });
    open.push(() => writer.stop());
    const first = await TestApp.start({ database, settings: { NATS_URL: nats.url } });
    await writeFacts([writer], 3, 3);
    await awaitPublished(writer);
    await first.stop();
    // All of it was stored, and nobody came to know.
    await writer.sql("DELETE FROM roster.event_cursors WHERE reader = 'broker'");
    await streams.update(STREAM, { ...(await streams.info(STREAM)).config, duplicate_window: nanos(100) });
    await pause(500);
    await writeFacts([writer], 2, 2);
    await startApp(database, nats);
    await awaitPublished(writer);
    await expectAll(writer, connection);
  });

  it('are not published by ROLE=api, nor is anything connected where NATS_URL is not set', async () => {
    const nats = await startNats();
    const connection = await listen(nats);
    const database = await freshDatabase('broker_roles');
    const api = await startApp(database, nats, { settings: { NATS_URL: nats.url, ROLE: 'api' } });
    const plain = await TestApp.start({ database });
    open.push(() => plain.stop());
    await api.people.user();
    await pause(1500);
    const { streams } = await jetstreamManager(connection);
    await expect(streams.info(STREAM)).rejects.toThrow('stream not found');
    expect(await plain.get(Indicators).ask(1000)).not.toHaveProperty('broker');
    await startApp(database, nats, { settings: { NATS_URL: nats.url, ROLE: 'worker' } });
    await awaitPublished(plain);
    await expectAll(plain, connection);
  });
});
