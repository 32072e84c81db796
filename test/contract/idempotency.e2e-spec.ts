import { randomUUID } from 'node:crypto';

import { jest } from '@jest/globals';

import { Secrets } from '../../src/platform/crypto/secrets.js';
import { IdempotencyKeysRepository } from '../../src/platform/http/idempotency/idempotency-keys.repository.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Answer } from '../harness/household.js';
import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';

interface Shown {
  id: string;
  email: string;
  code: string;
}

const DAY = 24 * 60 * 60 * 1000;
const person = (): { email: string; name: string } => ({ email: `${unique('i')}@example.com`, name: 'Ida Rhodes' });

describe('Idempotency-Key', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    // Where nobody else has keys, of another day perhaps; a hundred at once are more than a busy machine does in time.
    app = await TestApp.start({ database: await freshDatabase('idempotency_contract') });
    ada = await app.people.admin();
  });
  afterAll(() => app.stop());

  const create = (body: object, key: string, headers: Record<string, string> = {}): Promise<Answer<Shown>> =>
    ada.post<Shown>('/api/v1/users', body, { 'idempotency-key': key, ...headers });
  const count = async (email: string): Promise<number> => {
    const [row] = await app.sql<{ count: number }>('SELECT count(*)::int AS count FROM roster.users WHERE email = $1', [
      email,
    ]);
    return row!.count;
  };
  const rows = async (): Promise<number> => {
    const [row] = await app.sql<{ count: number }>('SELECT count(*)::int AS count FROM roster.idempotency_keys');
    return row!.count;
  };

  it('gives the first answer again, byte for byte, and does nothing twice', async () => {
    const [body, key] = [person(), randomUUID()];
    const first = await create(body, key);
    const again = await create(body, key);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(again.text).toBe(first.text);
    for (const name of ['location', 'etag', 'content-type']) expect(again.headers[name]).toBe(first.headers[name]);
    expect(await count(body.email)).toBe(1);
    expect(await app.factsAbout(first.body.id)).toEqual(['user.created']);
  });

  it('gives the first answer also to whoever looked before it was there, and was refused because of it', async () => {
    const [body, key] = [person(), randomUUID()];
    const first = await create(body, key);
    // As PostgreSQL tells it when the first request commits between the snapshot of the look and its lock.
    const before = { locked: true, fingerprint: null, answer: null, expired: null };
    const look = jest.spyOn(app.get(IdempotencyKeysRepository), 'take').mockResolvedValue(before);
    try {
      const again = await create(body, key);
      expect([again.status, again.text, again.headers['idempotency-replayed']]).toEqual([201, first.text, 'true']);
      expect(await create({ ...body, name: 'Another' }, key)).toMatchObject({
        status: 409,
        body: { code: 'email_taken' },
      });
      expect(await create(person(), key)).toMatchObject({ status: 409, body: { code: 'idempotency_key_in_flight' } });
      expect(look).toHaveBeenCalledTimes(3);
    } finally {
      look.mockRestore();
    }
    expect(await count(body.email)).toBe(1);
  });

  it('gives the replay in the format, and with the preference, of whoever repeats', async () => {
    const [body, key] = [person(), randomUUID()];
    await create(body, key);
    const xml = await create(body, key, { accept: 'application/xml' });
    expect([xml.status, xml.headers.etag]).toEqual([201, '"1.xml"']);
    expect(xml.text).toContain(`<email>${body.email}</email>`);
    const minimal = await create(body, key, { prefer: 'return=minimal' });
    expect([minimal.status, minimal.text, minimal.headers['idempotency-replayed']]).toEqual([201, '', 'true']);
  });

  it('takes the same content in another order, or as XML, for the same request', async () => {
    const [body, key] = [person(), randomUUID()];
    await create(body, key);
    const turned = await create({ name: body.name, email: body.email }, key);
    expect(turned.headers['idempotency-replayed']).toBe('true');
    const xml = `<createUserRequest><email>${body.email}</email><name>${body.name}</name></createUserRequest>`;
    const told = await ada.send('POST', '/api/v1/users', {
      body: xml,
      headers: { 'content-type': 'application/xml', 'idempotency-key': `"${key}"` },
    });
    expect([told.status, told.headers['idempotency-replayed']]).toEqual([201, 'true']);
  });

  it('is refused for another body, and is nobody else’s', async () => {
    const [body, key] = [person(), randomUUID()];
    const { body: made } = await create(body, key);
    expect((await create({ ...body, name: 'Other' }, key)).body.code).toBe('idempotency_key_reused');
    const grace = await app.people.admin();
    const hers = await grace.post<Shown>('/api/v1/users', person(), { 'idempotency-key': key });
    expect([hers.status, hers.headers['idempotency-replayed']]).toEqual([201, undefined]);
    await ada.delete(`/api/v1/users/${made.id}`);
    const elsewhere = await ada.post(`/api/v1/users/${made.id}/restoration`, undefined, { 'idempotency-key': key });
    expect([elsewhere.status, elsewhere.headers['idempotency-replayed']]).toEqual([200, undefined]);
  });

  it.each(['', ' ', '"', 'a b', 'ä', 'k'.repeat(256)])('must be visible characters, not %j', async (key) => {
    const answer = await create(person(), key);
    if (key === '"') expect(answer.status).toBe(201);
    else expect(answer.body).toMatchObject({ status: 400, code: 'parameter_invalid' });
  });

  it('keeps no refusal: what failed may be tried again', async () => {
    const key = randomUUID();
    const taken = person();
    await create(taken, randomUUID());
    expect((await create(taken, key)).body.code).toBe('email_taken');
    expect((await create({ ...taken, email: 'no address' }, key)).body.code).toBe('validation_failed');
    expect((await create(person(), key)).status).toBe(201);
  });

  it('keeps the fact of a refusal, which is recorded on its own', async () => {
    const grace = await app.people.person();
    const wrong = { currentPassword: 'a wrong one, of some length', newPassword: 'seven bridges over quiet rivers' };
    const headers = { 'idempotency-key': randomUUID() };
    const refused = await grace.post<Shown>('/api/v1/me/password', wrong, headers);
    expect(refused.body.code).toBe('password_incorrect');
    expect(await app.factsAbout(grace.id)).toContain('password.change_refused');
    const right = await grace.post('/api/v1/me/password', { ...wrong, currentPassword: PASSWORD }, headers);
    expect(right.status).toBe(204);
    const again = await grace.post('/api/v1/me/password', { ...wrong, currentPassword: PASSWORD }, headers);
    expect(again.status).toBe(204);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect((await app.factsAbout(grace.id)).filter((type) => type === 'password.changed')).toHaveLength(2);
  });

  it('leaves nothing where there is none, and nothing on routes that anybody may call', async () => {
    const before = await rows();
    await ada.post('/api/v1/users', person());
    const body = { identifier: ada.user.email, password: PASSWORD };
    await app.send('POST', '/api/v1/auth/login', { body, headers: { 'idempotency-key': randomUUID() } });
    expect(await rows()).toBe(before);
  });

  it('is forgotten after a day, by whoever asks and by the job', async () => {
    const [body, key] = [person(), randomUUID()];
    const { body: made } = await create(body, key);
    await ada.delete(`/api/v1/users/${made.id}`);
    app.clock.advance(DAY + 1000);
    ada = await app.people.admin();
    const { body: hers } = await ada.post<Shown>('/api/v1/users', person(), { 'idempotency-key': key });
    app.clock.advance(DAY + 1000);
    ada = await app.people.signIn(ada.user);
    const anew = await create(person(), key);
    expect([anew.status, anew.headers['idempotency-replayed']]).toEqual([201, undefined]);
    expect(anew.body.id).not.toBe(hers.id);
    app.clock.advance(DAY + 1000);
    expect(await app.get(IdempotencyKeysRepository).prune(app.clock.now())).toBeGreaterThan(0);
    expect(await rows()).toBe(0);
    ada = await app.people.admin();
  });

  it('tells nothing to whoever reads the table', async () => {
    const [body, key] = [person(), randomUUID()];
    await create(body, key);
    const [{ text } = { text: '' }] = await app.sql<{ text: string }>(
      "SELECT string_agg(encode(id, 'escape') || encode(answer, 'escape'), '') AS text FROM roster.idempotency_keys",
    );
    expect(text).not.toContain(body.email);
    expect(text).not.toContain(key);
  });

  it('survives a change of SECRET_KEY', async () => {
    const database = await freshDatabase('idempotency_rotation');
    const [old, next] = [Buffer.alloc(32, 7), Buffer.alloc(32, 9)];
    const before = await TestApp.start({ database, secrets: new Secrets(old) });
    const grace = await before.people.admin();
    const [body, key] = [person(), randomUUID()];
    await grace.post('/api/v1/users', body, { 'idempotency-key': key });
    await before.stop();
    const after = await TestApp.start({ database, secrets: new Secrets(next, old) });
    const replayed = await (
      await after.people.signIn(grace.user)
    ).post('/api/v1/users', body, { 'idempotency-key': key });
    await after.stop();
    expect([replayed.status, replayed.headers['idempotency-replayed']]).toEqual([201, 'true']);
  });

  it('lets one of a hundred at once through, and gives its answer to the rest', async () => {
    const [body, key] = [person(), randomUUID()];
    const answers = await Promise.all(Array.from({ length: 100 }, () => create(body, key)));
    const fresh = answers.filter(({ status, headers }) => status === 201 && !headers['idempotency-replayed']);
    expect(fresh).toHaveLength(1);
    for (const { status, body: told } of answers)
      expect(status === 201 ? told.id : told.code).toBe(
        status === 201 ? fresh[0]!.body.id : 'idempotency_key_in_flight',
      );
    expect(await count(body.email)).toBe(1);
  });
});
