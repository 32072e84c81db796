import { setTimeout as pause } from 'node:timers/promises';

import { jest } from '@jest/globals';
import { ClientProxyFactory, NatsRecordBuilder, Transport } from '@nestjs/microservices';
import { jetstreamManager } from '@nats-io/jetstream';
import { createInbox, headers } from '@nats-io/transport-node';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { firstValueFrom } from 'rxjs';

import { STREAM } from '../../src/broker/event-stream.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { offsetOf } from '../../src/platform/rate-limit/limit.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { asyncApiOf } from '../contract/asyncapi.js';
import { DebianNats } from './debian-nats.js';
import { awaitPublished } from './published.js';
import { until } from './until.js';

jest.setTimeout(180_000);

interface Answer {
  readonly data?: Record<string, unknown>;
  readonly problem?: { status: number; code: string; instance: string; requestId: string; errors?: object[] };
}

const QUESTIONS = ['users.get', 'users.find', 'access.check', 'tokens.verify'] as const;
/** What somebody waits for an answer on a busy machine. Milliseconds. */
const PATIENCE = 30_000;
const HOUR = 3_600_000;
const NOBODY = '01a1fb89-a690-7530-90c7-ac334b01292e';

describe('questions over NATS, as Debian ships it', () => {
  let nats: DebianNats;
  let connection: NatsConnection;
  let app: TestApp;
  let ada: Person;
  const open: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    nats = await DebianNats.start();
    app = await start(await freshDatabase('questions'));
    connection = await nats.connect();
    ada = await app.people.admin();
    await until('questions are heard', areHeard);
  });
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });
  afterAll(async () => {
    await connection.close();
    await app.stop();
    await nats.stop();
  });

  function start(database: DatabaseAddress, settings: Record<string, string> = {}): Promise<TestApp> {
    return TestApp.start({ database, settings: { NATS_URL: nats.url, ...settings } });
  }

  async function send(
    subject: string,
    body: string | Uint8Array,
    given: Readonly<Record<string, string>> = {},
  ): Promise<Msg> {
    const all = headers();
    for (const [name, value] of Object.entries(given)) all.append(name, value);
    return connection.request(subject, body, { headers: all, timeout: PATIENCE });
  }

  async function ask(subject: string, question: unknown, token?: string): Promise<Answer> {
    const given: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return (await send(subject, JSON.stringify(question), given)).json<Answer>();
  }

  async function areHeard(): Promise<boolean> {
    try {
      return (await ask('users.get', {})).problem !== undefined;
    } catch {
      // Nobody hears them yet.
      return false;
    }
  }

  const codeOf = async (answer: Promise<Answer>): Promise<string | undefined> => (await answer).problem?.code;

  it('are answered as over HTTP, by the contract', async () => {
    const document = asyncApiOf(app.app.nest) as { components: { schemas: object; messages: Record<string, object> } };
    const ajv = new Ajv2020({ strict: false });
    formats.default(ajv);
    ajv.addFormat('idn-email', true);
    ajv.addSchema({ $id: 'https://test.invalid/', components: document.components });
    const expectContract = (subject: string, answer: Answer): void => {
      const of = `https://test.invalid/#/components/messages/${subject}.answer/payload`;
      expect([answer, ajv.validate(of, answer), ajv.errors]).toEqual([answer, true, null]);
    };
    const { id, email } = await app.people.user();
    const user = (await ada.get<Record<string, unknown>>(`/api/v1/users/${id}`)).body;
    const key = await app.people.byKey(ada, ['users:read']);
    const asked: [(typeof QUESTIONS)[number], object, object][] = [
      ['users.get', { id }, user],
      ['users.find', { filter: `email eq "${email}"` }, { users: [user], nextCursor: null }],
      [
        'users.find',
        { filter: 'email eq "nobody@example.com"', sort: 'email', limit: 5 },
        { users: [], nextCursor: null },
      ],
      ['access.check', { permission: 'users:read' }, { allowed: true }],
      ['access.check', { permission: 'users:read', userId: id }, { allowed: false }],
      ['tokens.verify', { token: key.token }, { active: true, userId: ada.id, permissions: ['users:read'] }],
      ['tokens.verify', { token: ada.token }, { active: true, userId: ada.id, sessionId: ada.sessionId, keyId: null }],
      [
        'tokens.verify',
        { token: 'nonsense' },
        { active: false, reason: 'token_invalid', userId: null, permissions: [] },
      ],
    ];
    for (const [subject, question, expected] of asked) {
      const answer = await ask(subject, question, ada.token);
      expect([subject, answer]).toEqual([subject, { data: expect.objectContaining(expected) }]);
      expectContract(subject, answer);
    }
    expectContract('users.get', await ask('users.get', { id: NOBODY }, ada.token));
    for (const subject of QUESTIONS) expectContract(subject, await ask(subject, {}));
  });

  it('go from page to page', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'].map((letter) => `Paged ${letter}`);
    for (const name of names) await app.people.user({ name });
    const found: unknown[] = [];
    let cursor: unknown;
    do {
      const question = { filter: 'name sw "Paged"', sort: 'name', limit: 2, ...(cursor ? { cursor } : {}) };
      const { data } = await ask('users.find', question, ada.token);
      const { users, nextCursor } = data as { users: { name: string }[]; nextCursor: string | null };
      found.push(...users.map(({ name }) => name));
      cursor = nextCursor;
    } while (cursor);
    expect(found).toEqual(names);
  });

  it('are answered to the clients of NestJS', async () => {
    const client = ClientProxyFactory.create({ transport: Transport.NATS, options: { servers: [nats.url] } });
    open.push(async () => client.close());
    const told = headers();
    told.set('authorization', `Bearer ${ada.token}`);
    const record = (question: object): object => new NatsRecordBuilder(question).setHeaders(told).build();
    expect(await firstValueFrom(client.send<Answer>('users.get', record({ id: ada.id })))).toMatchObject({
      data: { id: ada.id, roles: ['admin', 'user'] },
    });
    expect(await firstValueFrom(client.send<Answer>('users.get', record({ id: NOBODY })))).toMatchObject({
      problem: { status: 404, code: 'user_not_found' },
    });
  });

  it('are refused to nobody, to whoever may not, and to a key without the scope; the refusal is a fact', async () => {
    const eve = await app.people.person();
    const reader = await app.people.byKey(ada, ['users:read']);
    for (const subject of QUESTIONS) {
      expect(await codeOf(ask(subject, { id: ada.id }))).toBe('token_missing');
      expect(await codeOf(ask(subject, { id: ada.id }, 'nonsense'))).toBe('token_invalid');
    }
    for (const [subject, question] of [
      ['users.get', { id: ada.id }],
      ['users.find', {}],
      ['tokens.verify', { token: ada.token }],
    ] as const)
      expect([subject, await codeOf(ask(subject, question, eve.token))]).toEqual([subject, 'permission_denied']);
    expect(await ask('access.check', { permission: 'users:read' }, eve.token)).toEqual({ data: { allowed: false } });
    expect(await codeOf(ask('access.check', { permission: 'users:read', userId: ada.id }, eve.token))).toBe(
      'permission_denied',
    );
    expect(await codeOf(ask('tokens.verify', { token: eve.token }, reader.token))).toBe('scope_insufficient');
    expect(await codeOf(ask('access.check', { permission: 'users:read' }, reader.token))).toBe('scope_insufficient');
    const denied = await app.sql<{ data: object }>(
      "SELECT data FROM roster.events WHERE type = 'access.denied' AND subject = $1 ORDER BY xid, seq",
      [`users/${eve.id}`],
    );
    const each = { userId: eve.id, code: 'permission_denied', method: 'NATS', target: null, times: 1 };
    expect(denied.map(({ data }) => data)).toEqual([
      { ...each, permission: 'users:read', route: 'users.get' },
      { ...each, permission: 'users:read', route: 'users.find' },
      { ...each, permission: 'tokens:verify', route: 'tokens.verify' },
    ]);
  });

  it('are refused at once when the key is revoked or the user suspended', async () => {
    const eve = await app.people.withPermissions('users:read');
    const key = await app.people.byKey(eve, ['users:read']);
    expect(await codeOf(ask('users.get', { id: eve.id }, key.token))).toBeUndefined();
    const { data } = await ask('tokens.verify', { token: key.token }, ada.token);
    await eve.delete(`/api/v1/me/tokens/${String(data!['keyId'])}`);
    expect(await codeOf(ask('users.get', { id: eve.id }, key.token))).toBe('token_revoked');
    expect(await ask('tokens.verify', { token: key.token }, ada.token)).toMatchObject({
      data: { active: false, reason: 'token_revoked', userId: null, keyId: null },
    });
    await ada.put(`/api/v1/users/${eve.id}/suspension`, { reason: 'left' });
    expect(await codeOf(ask('users.get', { id: eve.id }, eve.token))).toBe('token_revoked');
  });

  it('that are hostile get a problem, and the next one is answered', async () => {
    const given = { authorization: `Bearer ${ada.token}` };
    const deep = '['.repeat(5000) + ']'.repeat(5000);
    const hostile: [string, string | Uint8Array, string][] = [
      ['users.get', '', 'malformed_request'],
      ['users.get', '{', 'malformed_request'],
      ['users.get', deep, 'malformed_request'],
      ['users.get', `{"pattern":"users.get","id":"x","data":${deep}}`, 'malformed_request'],
      ['users.get', '{"pattern":"users.get","id":{"$ne":1},"data":{}}', 'malformed_request'],
      ['users.get', '{"__proto__":{"x":1}}', 'malformed_request'],
      ['users.get', '{"id":"x","id":"y"}', 'malformed_request'],
      ['users.get', '{"id":"\\u0000"}', 'malformed_request'],
      ['users.get', '{"id":"\\ud800"}', 'malformed_request'],
      ['users.get', new Uint8Array([0xff, 0xfe, 0x00]), 'malformed_request'],
      ['users.get', JSON.stringify({ id: 'x'.repeat(100_000) }), 'payload_too_large'],
      ['users.get', 'null', 'validation_failed'],
      ['users.get', '[]', 'validation_failed'],
      ['users.get', '{"id":null}', 'validation_failed'],
      ['users.get', '{"id":{"$ne":null}}', 'validation_failed'],
      ['users.get', `{"id":"${ada.id}","constructor":1}`, 'validation_failed'],
      ['users.get', `{"id":"${ada.id}","roles":["admin"]}`, 'validation_failed'],
      ['users.get', `{"pattern":"users.get","id":"x"}`, 'validation_failed'],
      ['users.find', '{"limit":1000}', 'validation_failed'],
      ['users.find', `{"filter":"email eq \\"x' OR 1=1 --"}`, 'parameter_invalid'],
      ['users.find', '{"sort":"passwordHash"}', 'parameter_invalid'],
      ['users.find', '{"cursor":"forged"}', 'parameter_invalid'],
      ['users.find', '{"query":1}', 'validation_failed'],
      ['access.check', '{"permission":"no:such"}', 'permission_unknown'],
      ['tokens.verify', '{"token":{}}', 'validation_failed'],
    ];
    for (const [subject, body, code] of hostile) {
      const text = (await send(subject, body, given)).string();
      const packed = JSON.parse(text) as Answer & { response?: Answer };
      const { problem } = packed.response ?? packed;
      expect([subject, String(body).slice(0, 60), problem?.code]).toEqual([subject, String(body).slice(0, 60), code]);
      expect(text).not.toMatch(/node_modules|SELECT|\.ts:/);
    }
    expect(await ask('users.get', { id: ada.id }, ada.token)).toHaveProperty('data');
  });

  it('carry their request id, and one authorization only', async () => {
    const asked = await send('users.get', '{}', { 'X-Request-Id': 'a-request-of-mine', Authorization: 'Bearer x' });
    expect(asked.json<Answer>().problem).toMatchObject({ requestId: 'a-request-of-mine', instance: 'users.get' });
    const twice = headers();
    twice.append('authorization', 'Bearer x');
    twice.append('authorization', `Bearer ${ada.token}`);
    const answer = await connection.request('users.get', '{}', { headers: twice, timeout: PATIENCE });
    expect(answer.json<Answer>().problem!.code).toBe('token_invalid');
    const basic = await send('users.get', '{}', { authorization: 'Basic YWRhOnNlY3JldA==' });
    expect(basic.json<Answer>().problem!.code).toBe('token_invalid');
  });

  it('are answered to an inbox alone: whoever asks cannot have us publish where they may not', async () => {
    await app.people.user();
    const { streams } = await jetstreamManager(connection, { timeout: PATIENCE });
    await awaitPublished(app);
    const { messages } = (await streams.info(STREAM)).state;
    for (const reply of [`$JS.API.STREAM.DELETE.${STREAM}`, 'roster.events.user.created', 'tokens.verify'])
      connection.publish('users.get', '{}', { reply });
    connection.publish('users.get', '{}');
    expect(await codeOf(ask('users.get', {}))).toBe('token_missing');
    await pause(300);
    expect((await streams.info(STREAM)).state.messages).toBe(messages);
  });

  it('that would be answered with more than a message holds are told so', async () => {
    const metadata = { theme: 'x'.repeat(16_000) };
    for (let one = 0; one < 40; one += 1)
      await app.people.user({ name: `Heavy ${one}`, metadata, appMetadata: metadata });
    const question = { filter: 'name sw "Heavy"', limit: 100 };
    expect(await codeOf(ask('users.find', question, ada.token))).toBe('answer_too_large');
    expect(await ask('users.find', { ...question, limit: 10 }, ada.token)).toHaveProperty('data');
  });

  /** The window of their limits does not end while a test goes on. */
  async function someoneWhoseHourLasts({ people }: TestApp): Promise<Person> {
    for (;;) {
      const admin = await people.admin();
      if ((Date.now() + offsetOf(admin.id)) % HOUR < HOUR / 2) return admin;
    }
  }

  it('are counted with what their account reads', async () => {
    const limited = await start(await freshDatabase('questions_limited'), {
      RATE_LIMITS: 'on',
      RATE_LIMIT_READ: '5/3600s',
    });
    open.push(() => limited.stop());
    // Both hear questions; only of this one's people it can be told who they are.
    const eve = await someoneWhoseHourLasts(limited);
    await until('it hears questions', async () => {
      await ask('users.get', {});
      return (await limited.ground.metrics.text()).includes('broker_questions_total{');
    });
    const codes: (string | undefined)[] = [];
    for (let asked = 0; asked < 60; asked += 1) codes.push(await codeOf(ask('users.get', { id: eve.id }, eve.token)));
    const known = codes.filter((code) => code !== 'token_invalid' && code !== 'token_revoked');
    expect(known.filter((code) => code === undefined)).toHaveLength(5);
    expect(new Set(known)).toEqual(new Set([undefined, 'rate_limited']));
  });

  it('are shared by replicas, and each is answered once', async () => {
    const other = await start(app.ground.address);
    open.push(() => other.stop());
    const servedBy = async (one: TestApp): Promise<number> => {
      const text = await one.ground.metrics.text();
      return [...text.matchAll(/broker_questions_total\{question="users.get",code=""\} (\d+)/g)].reduce(
        (sum, [, count]) => sum + Number(count),
        0,
      );
    };
    const before = await servedBy(app);
    const inbox = createInbox();
    let answers = 0;
    connection.subscribe(inbox, { callback: () => void (answers += 1) });
    const told = headers();
    told.set('authorization', `Bearer ${ada.token}`);
    await until('the other one hears questions', async () => {
      await ask('users.get', { id: ada.id }, ada.token);
      return (await servedBy(other)) > 0;
    });
    const asked = (await servedBy(app)) - before + (await servedBy(other));
    for (let question = 0; question < 100; question += 1)
      connection.publish('users.get', JSON.stringify({ id: ada.id }), { reply: inbox, headers: told });
    await until('all are answered', () => Promise.resolve(answers >= 100));
    await pause(200);
    expect(answers).toBe(100);
    expect((await servedBy(app)) - before + (await servedBy(other)) - asked).toBe(100);
  });

  it('are answered again when NATS was away, and not by ROLE=worker', async () => {
    await nats.kill();
    await pause(300);
    await nats.run();
    await until('questions are heard again', areHeard);
    const database = await freshDatabase('questions_worker');
    const second = await DebianNats.start();
    open.push(() => second.stop());
    const worker = await TestApp.start({ database, settings: { NATS_URL: second.url, ROLE: 'worker' } });
    open.push(() => worker.stop());
    await pause(1000);
    const lonely = await second.connect();
    open.push(() => lonely.close());
    await expect(lonely.request('users.get', '{}', { timeout: PATIENCE })).rejects.toThrow(/no responders/);
  });
});
