import { verifyExport } from '../../src/audit/index.js';
import { checkpointKeys } from '../../src/audit/index.js';
import type { ChainEntry } from '../../src/audit/chain.js';
import { newId } from '../../src/platform/crypto/tokens.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import type { Failure, PageOf } from '../users/shapes.js';
import { everythingCopied } from './copied.js';

interface OwnEntry {
  readonly id: string;
  readonly type: string;
  readonly outcome: string;
  readonly byYourself: boolean;
  readonly ip: string | null;
  readonly userAgent: string | null;
}

const NASTY = 'left\r\n{"id":"forged","type":"user.deleted"}\r\u001b[2J\u2028\u2029"},{';

describe('the audit log', () => {
  let app: TestApp;
  let ada: Person;
  let grace: Person;

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`audit_${process.env['JEST_WORKER_ID']}`),
    });
    ada = await app.people.admin();
    grace = await app.people.person();
  });
  afterAll(() => app.stop());

  const list = async (query: Record<string, string>): Promise<ChainEntry[]> => {
    await everythingCopied(app);
    const answer = await ada.get<PageOf<ChainEntry>>(`/api/v1/audit?${new URLSearchParams(query).toString()}`);
    expect(answer).toMatchObject({ status: 200 });
    return answer.body.data;
  };
  const typesBy = async (filter: string): Promise<string[]> =>
    (await list({ filter, sort: 'occurredAt', limit: '200' })).map(({ type }) => type);
  const login = (identifier: string, password: string): Promise<{ status: number }> =>
    app.send('POST', '/api/v1/auth/login', {
      body: { identifier, password },
      headers: { 'user-agent': 'Mosaic/1.0', 'x-request-id': 'sign-in-of-alan' },
    });

  it('tells who did what to whom, from where, in which request, and what was before and after', async () => {
    const { id, name } = await app.people.user();
    const headers = { 'x-request-id': 'renamed-in-this', 'user-agent': 'Mosaic/1.0' };
    await ada.patch(`/api/v1/users/${id}`, { name: 'Renamed' }, headers);
    const [entry] = await list({ filter: `subject eq "users/${id}" and type eq "user.updated"` });
    expect(entry).toMatchObject({
      type: 'user.updated',
      subject: `users/${id}`,
      subjectVersion: 2,
      data: { userId: id, members: ['name'] },
      actorId: ada.id,
      onBehalfOf: null,
      requestId: 'renamed-in-this',
      outcome: 'success',
      details: { ip: '127.0.0.1', userAgent: 'Mosaic/1.0', before: { name }, after: { name: 'Renamed' } },
    });
    const one = await ada.get<ChainEntry>(`/api/v1/audit/${entry!.id}`);
    expect([one.status, one.body]).toEqual([200, entry]);
  });

  it('tells of refusals as such', async () => {
    const alan = await app.people.user();
    expect((await login(alan.email, 'not the password at all')).status).toBe(401);
    expect((await grace.delete(`/api/v1/users/${alan.id}`)).status).toBe(403);
    const about = await list({ filter: `outcome eq "refused" and requestId eq "sign-in-of-alan"` });
    expect(about).toHaveLength(1);
    expect(about[0]).toMatchObject({
      type: 'sign_in.refused',
      actorId: null,
      data: { userId: alan.id, reason: 'password' },
    });
    const [denied] = await list({ filter: `type eq "access.denied" and actorId eq "${grace.id}"` });
    expect(denied).toMatchObject({
      outcome: 'refused',
      subject: `users/${grace.id}`,
      data: { userId: grace.id, permission: 'users:write', method: 'DELETE', route: '/api/v1/users/:id', times: 1 },
    });
  });

  it('tells of a refusal as such, also where whoever copies it does not know this kind of fact', async () => {
    // Regressed: during a rolling upgrade an older process chained refusals of new kinds as done, for ever.
    const alan = await app.people.user();
    await login(alan.email, 'not the password at all');
    const refused =
      "SELECT private ->> 'outcome' AS outcome FROM roster.events WHERE type = 'sign_in.refused' AND data ->> 'userId' = $1";
    expect(await app.sql(refused, [alan.id])).toEqual([{ outcome: 'refused' }]);
    const requestId = unique('newer-');
    await app.sql(
      `INSERT INTO roster.events (id, type, data, private, occurred_at)
       VALUES (gen_random_uuid(), 'test.of_a_newer_version', '{}', $1, now())`,
      [{ outcome: 'refused', requestId, ip: '192.0.2.9' }],
    );
    await everythingCopied(app);
    const [entry] = await list({ filter: `requestId eq "${requestId}"` });
    expect(entry).toMatchObject({ outcome: 'refused', details: { ip: '192.0.2.9' } });
    expect(entry!.details).not.toHaveProperty('outcome');
  });

  it('is filtered by every attribute, and sorted both ways by the order of the chain', async () => {
    const alan = await app.people.user();
    await ada.put(`/api/v1/users/${alan.id}/suspension`, { reason: 'left' }, { 'x-request-id': 'suspends-alan' });
    const subject = `subject eq "users/${alan.id}"`;
    expect(await typesBy(subject)).toEqual(['user.created', 'password.changed', 'user.suspended']);
    const [suspended] = await list({ filter: `${subject} and type sw "user.s"` });
    const { occurredAt } = suspended!;
    for (const filter of [
      'type eq "user.suspended"',
      `actorId eq "${ada.id.toUpperCase()}"`,
      'actorId pr and onBehalfOf eq null',
      'actorId ne null and outcome ne "refused"',
      'requestId eq "suspends-alan"',
      `occurredAt ge "${occurredAt}" and occurredAt le "${occurredAt}"`,
      'ip eq "127.0.0.1"',
    ])
      expect([filter, await typesBy(`${subject} and ${filter}`)]).toEqual([filter, ['user.suspended']]);
    const [forth, back] = [await list({ sort: 'occurredAt' }), await list({ sort: '-occurredAt', limit: '200' })];
    expect(forth.map(({ seq }) => seq)).toEqual(forth.map((_, at) => at + 1));
    expect(back.map(({ seq }) => seq)).toEqual(back.map((_, at) => back[0]!.seq - at));
  });

  it('is read in pages that hold together while it grows', async () => {
    const seen: number[] = [];
    let cursor: string | null = '';
    for (let page = 0; page < 4 && cursor !== null; page += 1) {
      const at: string = cursor && `&cursor=${cursor}`;
      const { body } = await ada.get<PageOf<ChainEntry>>(`/api/v1/audit?limit=3${at}`);
      seen.push(...body.data.map(({ seq }) => seq));
      cursor = body.page.nextCursor;
      await app.people.user();
      await everythingCopied(app);
    }
    expect(seen).toEqual(seen.map((_, at) => seen[0]! - at));
    const forged = await ada.get<Failure>(`/api/v1/audit?limit=3&cursor=${cursor}&sort=occurredAt`);
    expect([forged.status, forged.body.errors?.[0]?.code]).toEqual([400, 'cursor_invalid']);
  });

  it('counts, and shows only the fields that are asked for', async () => {
    const url = `/api/v1/audit?filter=${encodeURIComponent('type eq "user.created"')}&fields=type`;
    const exact = await ada.get<PageOf<object>>(`${url}&count=exact`);
    const [{ count }] = (await app.sql(
      "SELECT count(*)::int AS count FROM roster.audit_entries WHERE type = 'user.created'",
    )) as [{ count: number }];
    expect(exact.body.page).toMatchObject({ total: count, totalIsEstimate: false });
    expect(Object.keys(exact.body.data[0]!).sort()).toEqual(['id', 'type']);
    expect((await ada.get<PageOf<object>>(`${url}&count=estimated`)).body.page.totalIsEstimate).toBe(true);
  });

  it.each([
    ['filter=actor eq "x"', 'filter_attribute_unknown'],
    ['filter=ip co "127"', 'filter_operator_unsupported'],
    ['filter=outcome eq "maybe"', 'filter_value_invalid'],
    ['sort=seq', 'sort_invalid'],
    ['fields=password', 'fields_invalid'],
  ])('refuses %s', async (query, code) => {
    const { status, body } = await ada.get<Failure>(`/api/v1/audit?${query}`);
    expect([status, body.errors?.[0]?.code]).toEqual([400, code]);
  });

  it('does not know what is not there', async () => {
    const { status, body } = await ada.get<Failure>(`/api/v1/audit/${newId()}`);
    expect([status, body.code]).toEqual([404, 'audit_entry_not_found']);
  });

  it('cannot be changed over HTTP', async () => {
    const [entry] = await list({ limit: '1' });
    for (const method of ['PUT', 'PATCH', 'DELETE', 'POST'])
      for (const url of ['/api/v1/audit', `/api/v1/audit/${entry!.id}`])
        expect([method, url, (await ada.send(method, url)).status]).toEqual([method, url, 405]);
  });

  describe('of one’s own account', () => {
    const own = async (who: Person, query = ''): Promise<OwnEntry[]> => {
      await everythingCopied(app);
      const answer = await who.get<PageOf<OwnEntry>>(`/api/v1/me/security-log?sort=occurredAt${query}`);
      expect(answer).toMatchObject({ status: 200 });
      return answer.body.data;
    };

    it('shows what happened to oneself and to nobody else, and not from where others did it', async () => {
      const [mary, other] = [await app.people.person(), await app.people.person()];
      await mary.patch('/api/v1/me', { name: 'Mary' }, { 'user-agent': 'Mosaic/1.0' });
      await login(mary.user.email, 'not the password at all');
      await ada.put(`/api/v1/users/${mary.id}/roles`, { roles: ['user', 'admin'] });
      await other.patch('/api/v1/me', { name: 'Somebody else' });
      const entries = (await own(mary)).map(({ type, outcome, byYourself, ip, userAgent }) => ({
        what: `${type} ${outcome}`,
        byYourself,
        from: `${ip} ${userAgent}`,
      }));
      expect(entries).toEqual([
        { what: 'user.created success', byYourself: false, from: 'null null' },
        { what: 'password.changed success', byYourself: false, from: 'null null' },
        { what: 'session.started success', byYourself: true, from: 'null null' },
        { what: 'user.updated success', byYourself: true, from: '127.0.0.1 Mosaic/1.0' },
        { what: 'sign_in.refused refused', byYourself: false, from: '127.0.0.1 Mosaic/1.0' },
        { what: 'user.roles_changed success', byYourself: false, from: 'null null' },
      ]);
    });

    it('tells no more than it documents, whatever is asked for', async () => {
      const [entry] = await own(grace, '&limit=1');
      const members = ['byYourself', 'id', 'ip', 'occurredAt', 'outcome', 'type', 'userAgent'];
      expect(Object.keys(entry!).sort()).toEqual(members);
      for (const query of ['fields=details', 'filter=actorId pr', 'filter=ip eq "127.0.0.1"'])
        expect([query, (await grace.get(`/api/v1/me/security-log?${query}`)).status]).toEqual([query, 400]);
      const { body } = await grace.get<PageOf<OwnEntry>>('/api/v1/me/security-log?limit=1');
      const stolen = await ada.get(`/api/v1/me/security-log?limit=1&cursor=${body.page.nextCursor}`);
      expect(stolen.status).toBe(400);
    });
  });

  describe('is verified over HTTP', () => {
    it('as a whole and in parts', async () => {
      await everythingCopied(app);
      const { body } = await ada.get<{ verified: boolean; lastSeq: number; checkpoints: number }>(
        '/api/v1/audit/verify',
      );
      expect(body).toMatchObject({ verified: true, firstSeq: 1, faults: [] });
      expect(body.checkpoints).toBeGreaterThan(0);
      const part = await ada.get('/api/v1/audit/verify?from=3&to=7');
      expect(part.body).toMatchObject({ verified: true, entries: 5, firstSeq: 3, lastSeq: 7 });
    });

    it.each([
      ['from=0', 'from', 'seq_invalid'],
      ['from=1.5', 'from', 'seq_invalid'],
      ['to=1&to=2', 'to', 'seq_invalid'],
      ['from=9&to=8', 'to', 'range_invalid'],
      ['from=1&to=2001', 'to', 'range_invalid'],
    ])('but not for %s', async (query, parameter, code) => {
      const { status, body } = await ada.get<Failure>(`/api/v1/audit/verify?${query}`);
      expect([status, body.errors?.[0]]).toEqual([400, expect.objectContaining({ parameter, code })]);
    });
  });

  describe('S64: every security event, once, and not to be forged', () => {
    it('has an entry for each deed of a person’s life, with who, what, when and where', async () => {
      const { email, id } = await app.people.user();
      const at = Date.now();
      const signedIn = await app.send<{ accessToken: string; refreshToken: string }>('POST', '/api/v1/auth/login', {
        body: { identifier: email, password: PASSWORD },
        headers: { 'user-agent': 'Mosaic/1.0' },
      });
      const token = signedIn.body.accessToken;
      const headers = { 'user-agent': 'Mosaic/1.0' };
      const passwords = { currentPassword: PASSWORD, newPassword: 'seven bridges over a quiet river' };
      await app.send('GET', '/api/v1/users', { token, headers });
      await app.send('POST', '/api/v1/me/password', {
        token,
        headers,
        body: { ...passwords, currentPassword: 'wrong' },
      });
      await app.send('POST', '/api/v1/me/password', { token, headers, body: passwords });
      await app.send('DELETE', '/api/v1/me', { token, headers });
      const entries = (await list({ filter: `actorId eq "${id}"`, sort: 'occurredAt' })).filter(
        ({ data }) => (data as { userId?: string }).userId === id,
      );
      expect(entries.map(({ type, outcome }) => `${type} ${outcome}`)).toEqual([
        'session.started success',
        'access.denied refused',
        'password.change_refused refused',
        'password.changed success',
        'user.deletion_scheduled success',
        'session.ended success',
      ]);
      for (const { occurredAt, details, requestId } of entries) {
        expect(Math.abs(Date.parse(occurredAt) - at)).toBeLessThan(60_000);
        expect(details).toMatchObject({ ip: '127.0.0.1', userAgent: 'Mosaic/1.0' });
        expect(requestId).not.toBeNull();
      }
      expect(new Set(entries.map((entry) => entry.id)).size).toBe(entries.length);
    });

    it('keeps one line for one entry, whatever people write of themselves', async () => {
      const victim = await app.people.user();
      await ada.patch(`/api/v1/users/${victim.id}`, { metadata: { [NASTY]: NASTY } });
      await ada.put(`/api/v1/users/${victim.id}/suspension`, { reason: 'left' }, { 'user-agent': 'a\u2028b' });
      await everythingCopied(app);
      const filter = `subject eq "users/${victim.id}"`;
      const accept = 'application/x-ndjson';
      const url = `/api/v1/audit?sort=occurredAt&filter=${encodeURIComponent(filter)}`;
      const { text } = await ada.get(url, { accept });
      const lines = text.trimEnd().split('\n');
      expect(lines.map((line) => (JSON.parse(line) as ChainEntry).type)).toEqual([
        'user.created',
        'password.changed',
        'user.updated',
        'user.suspended',
      ]);
      expect(text).not.toMatch(/[\r\u001b]/);
      const csv = await ada.get(url, { accept: 'text/csv' });
      expect(csv.text).not.toContain('\u001b');
      expect(csv.text.match(/\r\n/g)).toHaveLength(5);
      expect(await list({ filter: `subject eq "users/${victim.id}" and type eq "user.deleted"` })).toEqual([]);
    });

    it('is verified with such texts in it, as a whole and exported', async () => {
      const { text } = await ada.get('/api/v1/audit?sort=occurredAt', { accept: 'application/x-ndjson' });
      const { body } = await ada.get<{ publicKey: string; lastSeq: number }>('/api/v1/audit/verify');
      expect(body).toMatchObject({ verified: true, faults: [] });
      const bytes = Buffer.from(text);
      const chunks = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, at) =>
        bytes.subarray(at * 1000, at * 1000 + 1000),
      );
      const report = await verifyExport(
        (async function* () {
          yield* chunks;
        })(),
        { keys: checkpointKeys([body.publicKey])!, firstSeq: 1, lastSeq: body.lastSeq },
        () => undefined,
      );
      expect(report).toMatchObject({ verified: true, entries: body.lastSeq, faults: [] });
    });
  });
});
