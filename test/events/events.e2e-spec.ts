import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

import type { cloudEventOf } from '../../src/events/index.js';
import type { CloudEvent } from '../../src/events/index.js';
import { eventFilter } from '../../src/events/event-filter.js';
import { Secrets } from '../../src/platform/crypto/secrets.js';
import { CursorCodec, cursorScope } from '../../src/platform/http/lists/cursor.js';
import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { settled } from './settled.js';

interface Page {
  readonly data: CloudEvent[];
  readonly page: { nextCursor: string; prevCursor: string | null; total?: number };
}

const LIST = '/api/v1/events';
const aboutUser = (id: string): string => `filter=${encodeURIComponent(`subject eq "users/${id}"`)}`;

describe('the feed of events', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.admin();
  });
  afterAll(() => app.stop());

  /** Somebody else of the cluster may be at work, as those are who copy the facts, and the feed wait for them. */
  const page = async (query: string): Promise<Page> => {
    await settled(app);
    return (await ada.get<Page>(`${LIST}?${query}`)).body;
  };

  /** Somebody to whom five things have happened. */
  async function withHistory(): Promise<Person> {
    const person = await app.people.person();
    const at = `/api/v1/users/${person.id}`;
    await ada.patch(at, { name: 'Grace Hopper' });
    await ada.put(`${at}/suspension`, { reason: 'a secret reason' });
    await ada.delete(`${at}/suspension`);
    await ada.put(`${at}/roles`, { roles: ['user', 'admin'] });
    return person;
  }

  it('tells what happened as CloudEvents, each with the version of its subject, and nothing private', async () => {
    const person = await withHistory();
    const { data } = await page(aboutUser(person.id));
    expect(data.map(({ type }) => type)).toEqual(await app.factsAbout(person.id));
    expect(data.map(({ type, subjectversion }) => [type, subjectversion])).toEqual(
      expect.arrayContaining([
        ['user.created', 1],
        ['user.updated', 2],
        ['user.suspended', 3],
        ['user.reinstated', 4],
        ['user.roles_changed', 5],
      ]),
    );
    const suspended = data.find(({ type }) => type === 'user.suspended')!;
    expect(suspended).toEqual({
      specversion: '1.0',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      source: 'http://127.0.0.1:3000',
      type: 'user.suspended',
      subject: `users/${person.id}`,
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      datacontenttype: 'application/json',
      data: { userId: person.id, until: null },
      subjectversion: 3,
      sequence: expect.stringMatching(/^[0-9a-f]{16}-[0-9a-f]{16}$/),
    });
    expect(data.map(({ sequence }) => sequence)).toEqual(data.map(({ sequence }) => sequence).sort());
    expect(JSON.stringify(data)).not.toMatch(/secret reason|Grace|actorId|userAgent|127\.0\.0\.1"/);
  });

  it('has the same event under its id, and none for an id that nobody has', async () => {
    const person = await app.people.person();
    const [first] = (await page(aboutUser(person.id))).data;
    expect((await ada.get(`${LIST}/${first!.id}`)).body).toEqual(first);
    const nobody = await ada.get<{ code: string }>(`${LIST}/01a1fb89-a690-7530-90c7-ac334b012900`);
    expect([nobody.status, nobody.body.code]).toEqual([404, 'event_not_found']);
  });

  it('always leads on: whoever has read everything comes again with the cursor, and is given what came since', async () => {
    const person = await app.people.person();
    const query = aboutUser(person.id);
    const seen: string[] = [];
    let { page: at, data } = await page(`${query}&limit=1`);
    for (; data.length > 0; { page: at, data } = await page(`${query}&limit=1&cursor=${at.nextCursor}`))
      seen.push(...data.map(({ type }) => type));
    expect(seen).toEqual(await app.factsAbout(person.id));
    for (let again = 0; again < 3; again += 1) {
      ({ page: at, data } = await page(`${query}&cursor=${at.nextCursor}`));
      expect([data, typeof at.nextCursor]).toEqual([[], 'string']);
    }
    await ada.patch(`/api/v1/users/${person.id}`, { name: 'Somebody Else' });
    const later = await page(`${query}&cursor=${at.nextCursor}`);
    expect(later.data.map(({ type }) => type)).toEqual(['user.updated']);
    // And back, from a page that was empty.
    const back = await page(`${query}&cursor=${later.page.prevCursor}`);
    expect(back.data.map(({ type }) => type)).toEqual(seen);
    expect(back.page.prevCursor).toBeNull();
    const forth = await page(`${query}&cursor=${back.page.nextCursor}`);
    expect(forth.data).toEqual(later.data);
  });

  it('comes to an end as NDJSON, which is that of now', async () => {
    const person = await withHistory();
    await settled(app);
    const answer = await ada.get(`${LIST}?${aboutUser(person.id)}`, { accept: 'application/x-ndjson' });
    const lines = answer.text.trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as CloudEvent).type)).toEqual(await app.factsAbout(person.id));
  });

  it.each([
    ['sort=-sequence', 'sort_invalid'],
    ['sort=time', 'sort_invalid'],
    ['filter=data.userId+eq+"x"', 'filter_attribute_unknown'],
    ['filter=type+co+"user"', 'filter_operator_unsupported'],
    ['cursor=forged', 'cursor_invalid'],
    ['fields=private', 'fields_invalid'],
  ])('refuses %s', async (query, code) => {
    const { status, body } = await ada.get<{ errors: { code: string }[] }>(`${LIST}?${query}`);
    expect([status, body.errors[0]!.code]).toEqual([400, code]);
  });

  it('refuses a cursor of another filter, and one that only a leaked key could sign (A23)', async () => {
    const { nextCursor } = (await page('limit=1')).page;
    expect((await ada.get(`${LIST}?cursor=${nextCursor}&filter=type+eq+"user.created"`)).status).toBe(400);
    const codec = new CursorCodec(new Secrets(Buffer.alloc(32, 7)).key('cursors'));
    const scope = cursorScope('events', 'sequence', undefined);
    const id = '00000000-0000-0000-0000-000000000000';
    for (const value of [
      '1.1; DROP TABLE roster.events',
      '18446744073709551616.1',
      '1.9223372036854775808',
      '1',
      null,
    ]) {
      const cursor = codec.encode({ scope, direction: 'next', value, id });
      expect((await ada.get(`${LIST}?cursor=${cursor}`)).status).toBe(400);
    }
  });

  it('is for whoever may read events', async () => {
    const grace = await app.people.person();
    expect((await grace.get(LIST)).status).toBe(403);
    expect((await grace.get(`${LIST}/types`)).status).toBe(200);
    const reader = await app.people.withPermissions('events:read');
    expect((await reader.get(LIST)).status).toBe(200);
  });

  it('counts what is asked for', async () => {
    const person = await withHistory();
    const { page: counted } = await page(`${aboutUser(person.id)}&count=exact&limit=1`);
    expect(counted.total).toBe((await app.factsAbout(person.id)).length);
  });

  it('promises a schema for each type, which every event on record obeys', async () => {
    await withHistory();
    type Types = { data: { type: string; schema: object }[] };
    const { data: types } = (await ada.get<Types>(`${LIST}/types`)).body;
    const ajv = new Ajv2020({ strict: true });
    formats.default(ajv);
    const validators = new Map(types.map(({ type, schema }) => [type, ajv.compile(schema)]));
    const recorded = await app.sql<{ type: string; data: object }>(
      "SELECT DISTINCT ON (type) type, data FROM roster.events WHERE type NOT LIKE 'test.%' ORDER BY type, xid DESC",
    );
    expect(recorded.length).toBeGreaterThan(4);
    for (const { type, data } of recorded) expect([type, validators.get(type)!(data)]).toEqual([type, true]);
  });

  it.each([
    'type eq "user.updated"',
    'type ne "user.created" and subject pr',
    'type sw "user." and not (type eq "user.suspended")',
    'subject eq null or type sw "session."',
    'subject ne null',
    'not (subject sw "users/")',
    'time ge "2026-01-01T00:00:00Z"',
    'time lt "1999-01-01T00:00:00.123456Z"',
    'TYPE EQ "user.created" or Subject sw "sess"',
  ])('has the same filter for what is in the list and for what is told: %s', async (filter) => {
    await withHistory();
    const rows = await app.sql<Parameters<typeof cloudEventOf>[0]>(
      `SELECT id, xid, seq, type, subject, subject_version AS "subjectVersion", data, occurred_at AS "occurredAt"
       FROM roster.events ORDER BY xid DESC, seq DESC LIMIT 60`,
    );
    const from = rows.at(-1)!;
    const codec = new CursorCodec(new Secrets(Buffer.alloc(32, 7)).key('cursors'));
    const scope = cursorScope('events', 'sequence', filter);
    const value = `${from.xid}.${from.seq}`;
    const cursor = codec.encode({ scope, direction: 'next', value, id: '00000000-0000-0000-0000-000000000000' });
    const { data } = await page(`limit=59&cursor=${cursor}&filter=${encodeURIComponent(filter)}`);
    const wanted = eventFilter(filter);
    const known = new Set(rows.map(({ id }) => id));
    expect(data.map(({ id }) => id).filter((id) => known.has(id))).toEqual(
      rows
        .slice(0, -1)
        .reverse()
        .filter(wanted)
        .map(({ id }) => id),
    );
  });
});
