import { operationsOf } from '../../src/platform/http/document.js';
import { Honest, isPublic } from '../contract/conventions/honest.js';
import { TestApp } from '../harness/app.js';
import { addressOf, sceneOf } from '../harness/scenes.js';

/** What an answer says that nobody else may ever read. */
const SECRET =
  /"(accessToken|refreshToken|mfaToken|deviceToken|csrfToken|secret|codes|recoveryCodes|challengeId|challenge)":\s*["[]/;
const PRIVATE = /^(no-store|private, no-cache)$/;

describe('caches', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });
  afterAll(() => app.stop());

  it('keep what one person reads apart from what another reads at the same address', async () => {
    const [ada, grace] = [await app.people.admin(), await app.people.admin()];
    const [hers, theirs] = [await ada.get('/api/v1/me'), await grace.get('/api/v1/me')];
    // Chromium revalidates what it kept although Vary says that it is another's: a 304 would show one the other.
    const again = await grace.get<{ id: string }>('/api/v1/me', { 'if-none-match': String(hers.headers['etag']) });
    expect([again.status, again.body.id]).toEqual([200, grace.id]);
    const own = String(theirs.headers['etag']);
    expect((await grace.get('/api/v1/me', { 'if-none-match': own })).status).toBe(304);
    expect((await grace.patch('/api/v1/me', { name: 'Grace Hopper' }, { 'if-match': own })).status).toBe(200);
    expect((await grace.patch('/api/v1/me', { name: 'Grace Murray' }, { 'if-match': own })).status).toBe(412);
  });

  it('S30 keep no token, code or secret at all, and nothing of a person without asking again', async () => {
    const honest = new Honest(app);
    const wrong: string[] = [];
    let secrets = 0;
    for (const operation of honest.operations) {
      const { status, headers, text } = await honest.ask(operation);
      const told = String(headers['cache-control']);
      const isSecret = SECRET.test(text);
      if (isSecret) secrets += 1;
      const right = isSecret || status >= 400 ? told === 'no-store' : isPublic(operation) || PRIVATE.test(told);
      if (!right) wrong.push(`${operation.operationId} ${status}: ${told}`);
    }
    expect(wrong).toEqual([]);
    expect(secrets).toBeGreaterThan(8);
    expect(PRIVATE.test('public, max-age=60')).toBe(false);
  }, 180_000);

  it('are told of the token by every answer that depends on it, and by no other', async () => {
    const admin = await app.people.admin();
    const read = operationsOf(app.app.document).filter(({ method }) => method === 'get');
    const told = [];
    for (const { path, operation } of read) {
      const url = addressOf(path, await sceneOf(operation.operationId, app, admin, admin), admin.id);
      const { status, headers } = await admin.get(url);
      const varies = String(headers['vary']).split(', ').includes('Authorization');
      told.push([operation.operationId, status, varies]);
    }
    expect(told).toEqual(read.map(({ operation }) => [operation.operationId, 200, operation.security!.length > 0]));
    expect(told.length).toBeGreaterThan(5);
  });
});
