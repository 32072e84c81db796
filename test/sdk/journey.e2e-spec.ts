import { all, createRoster, inMemory, isProblem, pages } from '../../sdk/src/index.js';
import type { Roster, RosterProblem } from '../../sdk/src/index.js';
import { portOf } from '../contract/wire.js';
import { TestApp } from '../harness/app.js';
import { PASSWORD, unique } from '../harness/people.js';

const MINUTES = 60_000;

describe('the client', () => {
  let app: TestApp;
  let baseUrl: string;
  const asked: { method: string; path: string; key: string | null }[] = [];

  beforeAll(async () => {
    app = await TestApp.start();
    baseUrl = `http://127.0.0.1:${await portOf(app)}`;
  });
  afterAll(() => app.stop());
  beforeEach(() => asked.splice(0));

  /** A client that tells what it sends. */
  function client(): Roster {
    return createRoster({
      baseUrl,
      tokens: inMemory(),
      fetch: (request) => {
        const path = new URL(request.url).pathname;
        asked.push({ method: request.method, path, key: request.headers.get('idempotency-key') });
        return fetch(request);
      },
    });
  }

  async function signedIn(): Promise<Roster> {
    const { user } = await app.people.admin();
    const roster = client();
    await roster.signIn(user.email, PASSWORD);
    return roster;
  }

  const problem = async (work: PromiseLike<unknown>): Promise<RosterProblem> => {
    const error: unknown = await Promise.resolve(work).then(
      () => new Error('nothing was refused'),
      (refused: unknown) => refused,
    );
    if (!isProblem(error)) throw error;
    return error;
  };

  it('goes the whole way: signs in, makes, finds, changes, refuses, signs out', async () => {
    const { user } = await app.people.admin();
    const roster = client();
    const entry = await roster.signIn(user.email, PASSWORD);
    if (entry.mfaRequired) throw new Error('A second factor was asked for');
    const { user: me, passwordChangeRequired } = entry;
    expect([me.id, passwordChangeRequired]).toEqual([user.id, false]);
    expect((await roster.me.get()).data.email).toBe(user.email);

    const body = { email: `${unique('s')}@example.com`, name: 'Sophie Wilson' };
    const { data: made, response } = await roster.users.create({ body });
    expect(response.status).toBe(201);
    const path = { id: made.id };
    const renamed = await roster.users.patch({ path, body: { name: 'Sophie' }, headers: { 'If-Match': '"1.json"' } });
    expect(renamed.data).toMatchObject({ name: 'Sophie', version: 2 });

    const stale = await problem(roster.users.patch({ path, body: { name: 'S' }, headers: { 'If-Match': '"1.json"' } }));
    expect([stale.status, stale.code]).toEqual([412, 'precondition_failed']);
    const wrong = await problem(roster.users.create({ body: { ...body, email: 'no address' } }));
    expect(wrong.errors).toEqual([expect.objectContaining({ pointer: '/email', code: 'email_invalid' })]);
    expect(wrong.requestId).toMatch(/^[0-9a-f-]{36}$/);
    const taken = await problem(roster.users.create({ body }));
    expect(isProblem(taken, 'email_taken')).toBe(true);
    expect(isProblem(taken, 'username_taken')).toBe(false);

    await roster.signOut();
    const out = await problem(roster.me.get());
    expect(isProblem(out, 'token_missing')).toBe(true);
  });

  it('walks a list page by page, as far as it is read', async () => {
    const mark = unique('walk');
    for (let at = 0; at < 5; at += 1) await app.people.user({ externalId: `${mark}-${at}` });
    const roster = await signedIn();
    const query = { filter: `externalId sw "${mark}"`, sort: 'createdAt', limit: 2 };
    const found: (string | null)[] = [];
    for await (const user of all((each) => roster.users.list({ query: each }), query)) found.push(user.externalId);
    expect(found).toEqual([0, 1, 2, 3, 4].map((at) => `${mark}-${at}`));
    asked.splice(0);
    for await (const page of pages((each) => roster.users.list({ query: each }), query)) {
      expect(page).toHaveLength(2);
      break;
    }
    expect(asked).toHaveLength(1);
    const walked: (string | null)[] = [];
    for await (const user of roster.users.all(query)) walked.push(user.externalId);
    expect(walked).toEqual(found);
  });

  it('gives each POST that may be repeated a key, and the caller may give theirs', async () => {
    const roster = await signedIn();
    const body = { email: `${unique('s')}@example.com`, name: 'Radia Perlman' };
    const headers = { 'Idempotency-Key': unique('key-') };
    const first = await roster.users.create({ body, headers });
    const again = await roster.users.create({ body, headers });
    expect(again.data.id).toBe(first.data.id);
    expect(again.response.headers.get('idempotency-replayed')).toBe('true');
    await roster.users.create({ body: { ...body, email: `${unique('s')}@example.com` } });
    const keys = asked.filter(({ path }) => path === '/api/v1/users').map(({ key }) => key);
    expect(keys.slice(0, 2)).toEqual([headers['Idempotency-Key'], headers['Idempotency-Key']]);
    expect(keys[2]).toMatch(/^[0-9a-f-]{36}$/);
    expect(asked.find(({ path }) => path.endsWith('/login'))?.key).toBeNull();
  });

  it('refreshes once, however many calls find that the token has ended', async () => {
    const roster = await signedIn();
    app.clock.advance(11 * MINUTES);
    const answers = await Promise.all(Array.from({ length: 50 }, () => roster.me.get()));
    expect(answers.every(({ response }) => response.status === 200)).toBe(true);
    expect(asked.filter(({ path }) => path.endsWith('/auth/refresh'))).toHaveLength(1);
  });

  it('learns that its session has ended, and is signed out', async () => {
    const { user } = await app.people.person();
    const roster = client();
    await roster.signIn(user.email, PASSWORD);
    const admin = await app.people.admin();
    await admin.put(`/api/v1/users/${user.id}/suspension`, { reason: 'left' });
    expect(isProblem(await problem(roster.me.get()), 'token_revoked')).toBe(true);
    await roster.signOut();
    expect(isProblem(await problem(roster.me.get()), 'token_missing')).toBe(true);
  });
});
