import { isKeySecret, newKeySecret } from '../../src/auth/keys/api-key-secret.js';
import { KeyUses } from '../../src/auth/keys/key-uses.service.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { timeUntil } from '../harness/awake.js';
import { awaitMail } from '../mail/mailbox.js';
import { Statements } from '../security/statements.js';

interface Key {
  id: string;
  userId: string;
  kind: string;
  name: string;
  prefix: string;
  scopes: string[];
  createdBy: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
  lastUsedIp: string | null;
  replacedBy: string | null;
  overlapUntil: string | null;
  version: number;
  secret: string;
  code: string;
}

const TOKENS = '/api/v1/me/tokens';
const KEYS = '/api/v1/api-keys';
const MINUTE = 60_000;
/** The promise is one second; the rest is for a machine that is busy with other tests. */
const BOUND = 1500;

describe('keys', () => {
  let address: DatabaseAddress;
  let app: TestApp;
  let other: TestApp;
  let admin: Person;
  let ada: Person;
  let statements: Statements;

  beforeAll(async () => {
    statements = new Statements();
    address = await freshDatabase('api_keys');
    [app, other] = [await TestApp.start({ database: address }), await TestApp.start({ database: address })];
  });
  afterAll(async () => {
    await app.stop();
    await other.stop();
    statements.restore();
  });
  beforeEach(async () => {
    [admin, ada] = [await app.people.admin(), await app.people.person()];
  });

  const make = async (somebody: Person, scopes: string[], more: object = {}, url = TOKENS): Promise<Key> => {
    const { status, body } = await somebody.post<Key>(url, { name: unique('Key '), scopes, ...more });
    expect(status).toBe(201);
    return body;
  };
  const ask = (token: string, url = '/api/v1/me', at = app) =>
    at.send<{ code: string; id: string }>('GET', url, { token });
  /** Both processes have the same time. */
  const advance = (milliseconds: number): void => {
    for (const { clock } of [app, other]) clock.advance(milliseconds);
  };
  const factsAbout = (userId: string) =>
    app.sql<{ type: string; data: object; private: object }>(
      "SELECT type, data, private FROM roster.events WHERE subject = $1 AND type LIKE 'api_key.%' ORDER BY xid, seq",
      [`users/${userId}`],
    );
  const typesAbout = async (userId: string) => (await factsAbout(userId)).map(({ type }) => type);

  describe('a personal token', () => {
    it('S23 is shown once, and kept as its SHA-256 only', async () => {
      const answer = await ada.post<Key>(TOKENS, { name: 'Backup', scopes: ['me'] });
      expect([answer.status, answer.headers['cache-control']]).toEqual([201, 'no-store']);
      const { secret, ...shown } = answer.body;
      expect(isKeySecret(secret)).toBe(true);
      expect(shown).toMatchObject({ kind: 'personal', name: 'Backup', scopes: ['me'], userId: ada.id, version: 1 });
      expect(shown).toMatchObject({
        createdBy: ada.id,
        expiresAt: null,
        lastUsedAt: null,
        prefix: secret.slice(0, 15),
      });
      expect(answer.headers['location']).toBe(`${TOKENS}/${shown.id}`);
      expect((await ada.get(`${TOKENS}/${shown.id}`)).body).toEqual(shown);
      expect((await ada.get(TOKENS)).body).toEqual({ data: [shown] });
      const kept = await app.sql<{ text: string }>('SELECT to_jsonb(k)::text AS text FROM roster.api_keys k');
      const events = await app.sql<{ text: string }>('SELECT to_jsonb(e)::text AS text FROM roster.events e');
      for (const { text } of [...kept, ...events]) expect(text).not.toContain(secret.slice(15));
      const [fact] = await factsAbout(ada.id);
      expect(fact).toMatchObject({
        type: 'api_key.created',
        data: { keyId: shown.id, userId: ada.id, kind: 'personal', scopes: ['me'], expiresAt: null },
        private: { actorId: ada.id, after: { name: 'Backup' } },
      });
    });

    it('does what its scopes say of what its user may, and tells which scope it lacks', async () => {
      const wide = await make(admin, ['me', 'users:read']);
      const narrow = await make(admin, ['users:read']);
      const own = await make(admin, ['me']);
      expect((await ask(wide.secret)).body.id).toBe(admin.id);
      for (const { secret } of [wide, narrow]) expect((await ask(secret, '/api/v1/users?limit=1')).status).toBe(200);
      const noAccount = await ask(narrow.secret);
      expect(noAccount).toMatchObject({ status: 403, body: { code: 'scope_insufficient' } });
      expect(noAccount.headers['www-authenticate']).toBe(
        'Bearer realm="roster", error="insufficient_scope", error_description="The key lacks a scope", scope="me"',
      );
      const noUsers = await ask(own.secret, '/api/v1/users');
      expect(noUsers).toMatchObject({ status: 403, body: { code: 'scope_insufficient' } });
      expect(noUsers.headers['www-authenticate']).toContain('scope="users:read"');
      // What its user may not do either is told as it is told to the user.
      const hers = await make(ada, ['me']);
      expect(await ask(hers.secret, '/api/v1/users')).toMatchObject({
        status: 403,
        body: { code: 'permission_denied' },
      });
    });

    it('never has more scopes than its maker holds, nor one that does not exist', async () => {
      const refuse = (scopes: unknown) => ada.post<Key>(TOKENS, { name: 'Too much', scopes });
      expect(await refuse(['users:read'])).toMatchObject({ status: 403, body: { code: 'privilege_ceiling' } });
      expect(await refuse(['users:dance'])).toMatchObject({
        status: 422,
        body: { code: 'scope_unknown', errors: [{ pointer: '/scopes', code: 'scope_unknown' }] },
      });
      expect(await refuse(['*'])).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
      expect((await refuse(['constructor'])).status).toBe(422);
      const clerk = await app.people.withPermissions('users:read');
      const key = await make(clerk, ['me', 'users:read']);
      await app.sql('DELETE FROM roster.user_roles WHERE user_id = $1', [clerk.id]);
      // What is read afresh, here, and elsewhere once the roles are known to have changed.
      expect(await ask(key.secret, '/api/v1/users', other)).toMatchObject({ status: 403 });
      expect(await typesAbout(ada.id)).toEqual([]);
    });

    it.each<[string, object]>([
      ['no scope', { name: 'x', scopes: [] }],
      ['a scope twice', { name: 'x', scopes: ['me', 'me'] }],
      ['a text for scopes', { name: 'x', scopes: 'me' }],
      ['null for scopes', { name: 'x', scopes: null }],
      ['an object for scopes', { name: 'x', scopes: { $ne: null } }],
      ['no name', { scopes: ['me'] }],
      ['an empty name', { name: '', scopes: ['me'] }],
      ['a list for a name', { name: ['x'], scopes: ['me'] }],
      ['an end that has passed', { name: 'x', scopes: ['me'], expiresAt: '2020-01-01T00:00:00Z' }],
      ['an end of no form', { name: 'x', scopes: ['me'], expiresAt: 'tomorrow' }],
      ['another user', { name: 'x', scopes: ['me'], userId: '01a1fb89-a690-7530-90c7-ac334b01292e' }],
      ['a kind', { name: 'x', scopes: ['me'], kind: 'service' }],
    ])('A21 is refused with %s', async (_what, body) => {
      expect((await ada.post(TOKENS, body)).status).toBe(422);
      expect((await ada.get(TOKENS)).body).toEqual({ data: [] });
    });

    it('A21 is never that of somebody else, whatever is given for its id', async () => {
      const key = await make(ada, ['me']);
      const grace = await app.people.person();
      for (const send of [
        () => grace.get(`${TOKENS}/${key.id}`),
        () => grace.patch(`${TOKENS}/${key.id}`, { name: 'Mine' }),
        () => grace.delete(`${TOKENS}/${key.id}`),
        () => grace.post(`${TOKENS}/${key.id}/rotation`, { overlapSeconds: 0 }),
      ])
        expect(await send()).toMatchObject({ status: 404, body: { code: 'api_key_not_found' } });
      for (const id of ['null', 'undefined', '{}', '[]', '%7B%22$ne%22:null%7D', '0', `${key.id},${key.id}`])
        expect((await ada.get(`${TOKENS}/${encodeURIComponent(id)}`)).status).toBe(400);
      expect((await ask(key.secret)).status).toBe(200);
    });

    it('is renamed in the version that was seen', async () => {
      const { id } = await make(ada, ['me'], { name: 'Before' });
      const rename = (name: string, headers = {}) => ada.patch<Key>(`${TOKENS}/${id}`, { name }, headers);
      expect(await rename('After', { 'if-match': '"1.json"' })).toMatchObject({ status: 200, body: { version: 2 } });
      expect((await rename('Late', { 'if-match': '"1.json"' })).status).toBe(412);
      expect((await rename('After')).body.version).toBe(2);
      expect((await factsAbout(ada.id)).at(-1)).toMatchObject({
        type: 'api_key.renamed',
        data: { keyId: id, userId: ada.id },
        private: { before: { name: 'Before' }, after: { name: 'After' } },
      });
      expect(await typesAbout(ada.id)).toEqual(['api_key.created', 'api_key.renamed']);
    });

    it('ends at its time', async () => {
      const expiresAt = new Date(app.clock.millis() + 2 * MINUTE).toISOString();
      const key = await make(ada, ['me'], { expiresAt });
      expect((await ask(key.secret)).status).toBe(200);
      advance(2 * MINUTE);
      const late = await ask(key.secret);
      expect(late).toMatchObject({ status: 401, body: { code: 'token_expired' } });
      expect(late.headers['www-authenticate']).toContain('error="invalid_token"');
      // A process that never saw it says the same.
      expect((await ask(key.secret, '/api/v1/me', other)).body.code).toBe('token_expired');
      const again = await app.people.signIn(ada.user);
      expect(await again.post(`${TOKENS}/${key.id}/rotation`, { overlapSeconds: 0 })).toMatchObject({
        status: 409,
        body: { code: 'api_key_ended' },
      });
      expect((await again.get(`${TOKENS}/${key.id}`)).status).toBe(200);
    });

    it('is for programs: it makes no keys, proves nothing recent, and cannot sign out', async () => {
      const key = await make(admin, ['me', 'api-keys:read', 'api-keys:write', 'users:read']);
      const send = (method: string, url: string, body?: object) =>
        app.send<{ code: string }>(method, url, { token: key.secret, body });
      for (const [url, body] of [
        [TOKENS, { name: 'x', scopes: ['me'] }],
        [KEYS, { name: 'x', scopes: ['me'] }],
        [`${TOKENS}/${key.id}/rotation`, { overlapSeconds: 0 }],
        [`${KEYS}/${key.id}/rotation`, { overlapSeconds: 0 }],
      ] as const) {
        const answer = await send('POST', url, body);
        expect(answer).toMatchObject({ status: 403, body: { code: 'reauthentication_required' } });
        expect(answer.headers['www-authenticate']).toContain('insufficient_user_authentication');
      }
      expect(await send('POST', '/api/v1/auth/logout')).toMatchObject({ status: 403 });
      expect(await typesAbout(admin.id)).toEqual(['api_key.created']);
      expect((await send('DELETE', `${TOKENS}/${key.id}`)).status).toBe(204);
    });

    it('wants a recent sign-in to be made, or rotated', async () => {
      const key = await make(ada, ['me']);
      advance(5 * MINUTE + 1000);
      const refused = { status: 403, body: { code: 'reauthentication_required' } };
      expect(await ada.post(TOKENS, { name: 'x', scopes: ['me'] })).toMatchObject(refused);
      expect(await ada.post(`${TOKENS}/${key.id}/rotation`, { overlapSeconds: 0 })).toMatchObject(refused);
      expect((await ada.delete(`${TOKENS}/${key.id}`)).status).toBe(204);
    });

    it('is one of a hundred at most; the one too many leaves nothing behind', async () => {
      for (let count = 0; count < 100; count += 10)
        await Promise.all(Array.from({ length: 10 }, () => make(ada, ['me'])));
      const tries = Array.from({ length: 5 }, () => ada.post<Key>(TOKENS, { name: 'x', scopes: ['me'] }));
      for (const answer of await Promise.all(tries))
        expect(answer).toMatchObject({ status: 409, body: { code: 'too_many_api_keys' } });
      const { body } = await ada.get<{ data: Key[] }>(TOKENS);
      expect(body.data).toHaveLength(100);
      expect(await typesAbout(ada.id)).toHaveLength(100);
      // One may be replaced at once, and after one was revoked there is room for another.
      const url = `${TOKENS}/${body.data[0]!.id}`;
      expect((await ada.post(`${url}/rotation`, { overlapSeconds: 60 })).status).toBe(409);
      expect((await ada.post(`${url}/rotation`, { overlapSeconds: 0 })).status).toBe(201);
      await ada.delete(`${TOKENS}/${body.data[1]!.id}`);
      await make(ada, ['me']);
    });
  });

  describe('a secret', () => {
    it.each<[string, () => string]>([
      ['that nobody has', () => newKeySecret('personal')],
      ['with a typo', () => `${newKeySecret('service').slice(0, -1)}-`.replace('-', '_')],
      ['without an end', () => newKeySecret('personal').slice(0, 40)],
      ['in capitals', () => newKeySecret('personal').toUpperCase()],
    ])('%s is no token', async (_what, secret) => {
      const answer = await ask(secret());
      expect(answer).toMatchObject({ status: 401, body: { code: 'token_invalid' } });
      expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
    });

    it('S29 counts in the header only', async () => {
      const { secret } = await make(ada, ['me']);
      expect((await app.send('GET', `/api/v1/me?access_token=${secret}`)).status).toBe(401);
      for (const authorization of [`Basic ${secret}`, secret, `Bearer  ${secret}`, `Bearer ${secret},x`])
        expect((await app.send('GET', '/api/v1/me', { headers: { authorization } })).status).toBe(401);
    });

    it('with a typo costs no statement, a good one few, and a remembered one none but its own', async () => {
      const key = await make(ada, ['me']);
      const count = async (secret: string) => statements.of(String((await ask(secret)).headers['x-request-id'])).length;
      const typo = key.secret.replace(/.$/, (last) => (last === 'x' ? 'y' : 'x'));
      expect(await count(typo)).toBe(0);
      // The key, the user, their permissions; and the user once more, for the answer.
      expect(await count(key.secret)).toBe(4);
      const remembered: number[] = [];
      // A machine that stands still for a second remembers nothing, rightly: one of five is undisturbed.
      for (let turn = 0; turn < 5; turn += 1) remembered.push(await count(key.secret));
      expect(Math.min(...remembered)).toBe(1);
    });
  });

  describe('the last use', () => {
    it('is written at most once a minute, with the address, and not by the request', async () => {
      const key = await make(ada, ['me']);
      const shown = async () => (await ada.get<Key>(`${TOKENS}/${key.id}`)).body;
      const uses = app.get(KeyUses);
      expect((await shown()).lastUsedAt).toBeNull();
      await ask(key.secret);
      await uses.write();
      const first = await shown();
      expect(first).toMatchObject({ lastUsedIp: '127.0.0.1', version: 1 });
      advance(30_000);
      await ask(key.secret);
      await uses.write();
      expect((await shown()).lastUsedAt).toBe(first.lastUsedAt);
      advance(31_000);
      await ask(key.secret);
      await uses.write();
      expect(Date.parse((await shown()).lastUsedAt!) - Date.parse(first.lastUsedAt!)).toBeGreaterThanOrEqual(MINUTE);
    });

    it('is not lost when the process stops', async () => {
      const key = await make(ada, ['me']);
      const brief = await TestApp.start({ database: address });
      expect((await ask(key.secret, '/api/v1/me', brief)).status).toBe(200);
      await brief.stop();
      expect((await ada.get<Key>(`${TOKENS}/${key.id}`)).body.lastUsedAt).not.toBeNull();
    });
  });

  describe('a rotation', () => {
    const rotate = (somebody: Person, id: string, overlapSeconds: number, url = TOKENS) =>
      somebody.post<Key>(`${url}/${id}/rotation`, { overlapSeconds });

    it('gives a key like it, that lives as long; the old one works until the overlap ends', async () => {
      const expiresAt = new Date(app.clock.millis() + 60 * MINUTE).toISOString();
      const old = await make(ada, ['me'], { name: 'Nightly', expiresAt });
      expect((await ask(old.secret)).status).toBe(200);
      advance(MINUTE);
      const answer = await rotate(ada, old.id, 120);
      expect([answer.status, answer.headers['cache-control']]).toEqual([201, 'no-store']);
      const { body: next, headers } = answer;
      expect(headers['location']).toBe(`${TOKENS}/${next.id}`);
      expect(next).toMatchObject({ name: 'Nightly', scopes: ['me'], kind: 'personal', version: 1, replacedBy: null });
      const prolonged = Date.parse(next.expiresAt!) - Date.parse(expiresAt);
      expect(prolonged).toBeGreaterThanOrEqual(MINUTE);
      expect(prolonged).toBeLessThan(MINUTE + 30_000);
      expect((await ada.get<Key>(`${TOKENS}/${old.id}`)).body).toMatchObject({ replacedBy: next.id, version: 2 });
      for (const { secret } of [old, next]) expect((await ask(secret)).status).toBe(200);
      advance(2 * MINUTE);
      expect(await ask(old.secret)).toMatchObject({ status: 401, body: { code: 'token_expired' } });
      expect((await ask(next.secret)).status).toBe(200);
      expect((await ada.get(`${TOKENS}/${old.id}`)).status).toBe(404);
      expect((await factsAbout(ada.id)).at(-1)).toMatchObject({
        type: 'api_key.rotated',
        data: { keyId: old.id, userId: ada.id, successorId: next.id },
      });
    });

    it('without an overlap ends the old one at once, also where it is remembered', async () => {
      const old = await make(ada, ['me']);
      for (const at of [app, other]) expect((await ask(old.secret, '/api/v1/me', at)).status).toBe(200);
      const { body: next } = await rotate(ada, old.id, 0);
      expect((await ask(old.secret)).status).toBe(401);
      expect((await ask(next.secret)).status).toBe(200);
      expect(next.expiresAt).toBeNull();
    });

    it('that is asked for a hundred times at once gives exactly one successor', async () => {
      const old = await make(ada, ['me']);
      const mine = (turn: number) => (turn % 2 ? app : other);
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, turn) =>
          mine(turn).send<Key>('POST', `${TOKENS}/${old.id}/rotation`, {
            token: ada.token,
            body: { overlapSeconds: 600 },
          }),
        ),
      );
      const won = answers.filter(({ status }) => status === 201);
      expect(won).toHaveLength(1);
      for (const { status, body } of answers)
        if (status !== 201) expect([status, body.code]).toEqual([409, 'api_key_ended']);
      expect(await typesAbout(ada.id)).toEqual(['api_key.created', 'api_key.rotated']);
      const { body } = await ada.get<{ data: Key[] }>(TOKENS);
      expect(body.data.map(({ id }) => id).sort()).toEqual([old.id, won[0]!.body.id].sort());
    });

    it.each([
      {},
      { overlapSeconds: -1 },
      { overlapSeconds: 604_801 },
      { overlapSeconds: '0' },
      { overlapSeconds: null },
    ])('is refused with %j', async (body) => {
      const { id } = await make(ada, ['me']);
      expect((await ada.post(`${TOKENS}/${id}/rotation`, body)).status).toBe(422);
    });
  });

  describe('what is taken away', () => {
    const deeds: [string, string, (key: Key, of: Person) => Promise<{ status: number }>][] = [
      ['its revocation', 'token_revoked', (key, of) => of.delete(`${TOKENS}/${key.id}`)],
      ['its revocation by an administrator', 'token_revoked', (key) => admin.delete(`${KEYS}/${key.id}`)],
      [
        'S20 a suspension',
        'token_revoked',
        (_, { id }) => admin.put(`/api/v1/users/${id}/suspension`, { reason: 'left' }),
      ],
      ['S20 a deletion', 'token_revoked', (_, { id }) => admin.delete(`/api/v1/users/${id}`)],
    ];

    it.each(deeds)('%s is known to another process within a second', async (_what, code, act) => {
      const key = await make(ada, ['me']);
      for (const at of [app, other]) expect((await ask(key.secret, '/api/v1/me', at)).status).toBe(200);
      expect((await act(key, ada)).status).toBeLessThan(300);
      const took = await timeUntil(async () => (await ask(key.secret, '/api/v1/me', other)).status !== 200);
      expect(took).toBeLessThan(BOUND);
      for (const at of [app, other])
        expect(await ask(key.secret, '/api/v1/me', at)).toMatchObject({ status: 401, body: { code } });
    });

    it('S57 a right is taken from the keys of its user too, at once', async () => {
      const clerk = await app.people.admin();
      const key = await make(clerk, ['users:read']);
      for (const at of [app, other]) expect((await ask(key.secret, '/api/v1/users?limit=1', at)).status).toBe(200);
      expect((await admin.put(`/api/v1/users/${clerk.id}/roles`, { roles: ['user'] })).status).toBe(200);
      expect((await ask(key.secret, '/api/v1/users?limit=1')).status).toBe(403);
      const took = await timeUntil(async () => (await ask(key.secret, '/api/v1/users?limit=1', other)).status !== 200);
      expect(took).toBeLessThan(BOUND);
    });

    it('is gone: neither read nor revoked a second time, and recorded once', async () => {
      const key = await make(ada, ['me']);
      expect((await ada.delete(`${TOKENS}/${key.id}`)).status).toBe(204);
      expect((await ada.get(`${TOKENS}/${key.id}`)).status).toBe(404);
      expect((await ada.delete(`${TOKENS}/${key.id}`)).status).toBe(404);
      expect((await ada.get(TOKENS)).body).toEqual({ data: [] });
      expect((await factsAbout(ada.id)).at(-1)).toMatchObject({
        type: 'api_key.revoked',
        data: { keyId: key.id, userId: ada.id },
        private: { actorId: ada.id },
      });
      expect(await typesAbout(ada.id)).toEqual(['api_key.created', 'api_key.revoked']);
    });

    /** A narrow revocation must not hide the wide one, whichever came first. */
    const orders = [
      ['session', 'key', 'user'],
      ['session', 'user', 'key'],
      ['key', 'session', 'user'],
      ['key', 'user', 'session'],
      ['user', 'session', 'key'],
      ['user', 'key', 'session'],
    ] as const;

    it.each(orders)('A3 %s, then %s, then %s: every token is dead', async (...order) => {
      const second = await app.people.signIn(ada.user);
      const [key, another] = [await make(ada, ['me']), await make(ada, ['me'])];
      const tokens = [ada.token, second.token, key.secret, another.secret];
      for (const at of [app, other])
        for (const token of tokens) expect((await ask(token, '/api/v1/me', at)).status).toBe(200);
      const deeds: Record<(typeof order)[number], () => Promise<unknown>> = {
        session: () => admin.delete(`/api/v1/users/${ada.id}/sessions/${ada.sessionId}`),
        key: () => admin.delete(`${KEYS}/${key.id}`),
        user: () => admin.put(`/api/v1/users/${ada.id}/suspension`, { reason: 'left' }),
      };
      for (const what of order) await deeds[what]();
      const statuses = (): Promise<number[]> =>
        Promise.all(
          [app, other].flatMap((at) => tokens.map(async (token) => (await ask(token, '/api/v1/me', at)).status)),
        );
      const took = await timeUntil(async () => (await statuses()).every((status) => status === 401));
      expect(took).toBeLessThan(BOUND);
      // What was taken away for itself stays away when the wider one is lifted.
      expect((await admin.delete(`/api/v1/users/${ada.id}/suspension`)).status).toBe(200);
      for (const at of [app, other]) {
        for (const token of tokens.slice(0, 3)) expect((await ask(token, '/api/v1/me', at)).status).toBe(401);
        expect((await ask(another.secret, '/api/v1/me', at)).status).toBe(200);
      }
    });
  });

  describe('a service key', () => {
    const make2 = (somebody: Person, body: object) => somebody.post<Key>(KEYS, { name: unique('Key '), ...body });

    it('is made for anybody who may do no more than the maker, and acts for them', async () => {
      const clerk = await app.people.withPermissions(
        'api-keys:write',
        'api-keys:read',
        'users:read',
        'users:impersonate',
      );
      const { status, body, headers } = await make2(clerk, { userId: ada.id, scopes: ['me', 'users:read'] });
      expect([status, headers['location']]).toEqual([201, `${KEYS}/${body.id}`]);
      expect(body).toMatchObject({ kind: 'service', userId: ada.id, createdBy: clerk.id });
      expect(body.secret).toMatch(/^roster_key_/);
      expect((await ask(body.secret)).body.id).toBe(ada.id);
      // Its user does not hold it, so the key does not either.
      expect(await ask(body.secret, '/api/v1/users')).toMatchObject({ body: { code: 'permission_denied' } });
      const above = { status: 403, body: { code: 'privilege_ceiling' } };
      expect(await make2(clerk, { userId: admin.id, scopes: ['me'] })).toMatchObject(above);
      expect(await make2(clerk, { scopes: ['users:write'] })).toMatchObject(above);
      const nobody = '01a1fb89-a690-7530-90c7-ac334b012900';
      expect(await make2(clerk, { userId: nobody, scopes: ['me'] })).toMatchObject({ status: 404 });
      for (const userId of [null, {}, [], { $ne: null }, '', 1, true, [ada.id]])
        expect((await make2(clerk, { userId, scopes: ['me'] })).status).toBe(422);
      const [fact] = await factsAbout(ada.id);
      expect(fact).toMatchObject({ type: 'api_key.created', private: { actorId: clerk.id } });
      expect(await typesAbout(ada.id)).toHaveLength(1);
      expect(await typesAbout(admin.id)).toEqual([]);
      // They did not make it, and it acts for them: they are told, see it, and can end it.
      expect((await awaitMail(app, ada.user.email))[0]!.subject).toBe('A key was made for your account');
      expect((await ada.get<{ data: { id: string }[] }>(TOKENS)).body.data.map(({ id }) => id)).toEqual([body.id]);
      expect(await ada.post(`${TOKENS}/${body.id}/rotation`, { overlapSeconds: 60 })).toMatchObject({ status: 404 });
      expect((await ada.delete(`${TOKENS}/${body.id}`)).status).toBe(204);
      expect((await ask(body.secret)).status).toBe(401);
    });

    it('of somebody with more rights is out of reach; a personal token is rotated by whose it is', async () => {
      const clerk = await app.people.withPermissions('api-keys:write', 'api-keys:read');
      const { body: theirs } = await make2(admin, { scopes: ['me'] });
      const above = { status: 403, body: { code: 'privilege_ceiling' } };
      const url = `${KEYS}/${theirs.id}`;
      expect(await clerk.patch(url, { name: 'x' })).toMatchObject(above);
      expect(await clerk.delete(url)).toMatchObject(above);
      expect(await clerk.post(`${url}/rotation`, { overlapSeconds: 0 })).toMatchObject(above);
      expect((await ask(theirs.secret)).status).toBe(200);
      const hers = await make(ada, ['me']);
      expect(await admin.post(`${KEYS}/${hers.id}/rotation`, { overlapSeconds: 0 })).toMatchObject({
        status: 403,
        body: { code: 'permission_denied' },
      });
      expect((await clerk.patch(`${KEYS}/${hers.id}`, { name: 'Seen' })).status).toBe(200);
      expect((await clerk.delete(`${KEYS}/${hers.id}`)).status).toBe(204);
      expect(await typesAbout(ada.id)).toEqual(['api_key.created', 'api_key.renamed', 'api_key.revoked']);
      const { body: rotated } = await admin.post<Key>(`${url}/rotation`, { overlapSeconds: 0 });
      expect((await ask(rotated.secret)).body.id).toBe(admin.id);
    });

    it('is listed with all others, by user, kind and name', async () => {
      const word = unique('W');
      const hers = await make(ada, ['me'], { name: `${word} two` });
      const { body: service } = await make2(admin, { userId: ada.id, scopes: ['me'], name: `${word} one` });
      const list = async (query: Record<string, string>) => {
        const { status, body } = await admin.get<{ data: Key[]; page: { total?: number } }>(
          `${KEYS}?${new URLSearchParams(query).toString()}`,
        );
        expect(status).toBe(200);
        return body;
      };
      const ids = async (query: Record<string, string>) => (await list(query)).data.map(({ id }) => id);
      expect(await ids({ filter: `userId eq "${ada.id}"` })).toEqual([service.id, hers.id]);
      expect(await ids({ filter: `userId eq "${ada.id}" and kind eq "personal"` })).toEqual([hers.id]);
      expect(await ids({ filter: `name sw "${word}"`, sort: 'name' })).toEqual([service.id, hers.id]);
      expect(await ids({ filter: `name co "${word}"`, sort: '-name' })).toEqual([hers.id, service.id]);
      expect((await list({ filter: `name sw "${word}"`, count: 'exact' })).page.total).toBe(2);
      const [sparse] = (await list({ filter: `name sw "${word}"`, fields: 'name', limit: '1' })).data;
      expect(sparse).toEqual({ id: service.id, name: `${word} one` });
      for (const filter of ['userId eq "x"', 'userId eq "x\' OR 1=1"', 'hash pr', 'kind eq "root"'])
        expect((await admin.get(`${KEYS}?${new URLSearchParams({ filter }).toString()}`)).status).toBe(400);
      await admin.delete(`${KEYS}/${service.id}`);
      expect(await ids({ filter: `userId eq "${ada.id}"` })).toEqual([hers.id]);
      expect((await ada.get(KEYS)).status).toBe(403);
    });
  });
});
