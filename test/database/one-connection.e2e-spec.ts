import { Database } from '../../src/platform/database/database.js';
import { TestApp } from '../harness/app.js';
import type { Answer } from '../harness/household.js';
import { PASSWORD, unique } from '../harness/people.js';

interface Tokens {
  accessToken: string;
  refreshToken: string;
}

/** A deed that wants a second connection while it holds the first would wait for itself until its deadline. */
describe('with one connection for everything', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start({ settings: { DATABASE_POOL_MAX: '1' } });
  });
  afterAll(() => app.stop());
  afterEach(() => expect(app.get(Database).connections().total).toBeLessThanOrEqual(1));

  /** The code that was mailed to an address. */
  async function codeFor(email: string): Promise<string> {
    for (;;) {
      const [mail] = await app.sql<{ text: string }>('SELECT text FROM roster.mail_messages WHERE recipient = $1', [
        email,
      ]);
      if (mail) return /\b\d{6}\b/.exec(mail.text)![0];
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  it('a person registers, confirms, signs in, refreshes, edits, changes the password, and leaves', async () => {
    const email = `${unique('one')}@example.com`;
    const post = <T>(path: string, body: object, token?: string): Promise<Answer<T>> =>
      app.send<T>('POST', `/api/v1/${path}`, { body, token });
    const newPassword = 'seven bridges over a quiet river';

    const registered = await post<{ flowId: string }>('auth/register', { email, name: 'One', password: PASSWORD });
    expect(registered.status).toBe(202);
    const { flowId } = registered.body;
    expect((await post('auth/email/verify', { flowId, code: await codeFor(email) })).status).toBe(200);
    const signedIn = await post<Tokens>('auth/login', { identifier: email, password: PASSWORD });
    expect(signedIn.status).toBe(200);
    const { body } = await post<Tokens>('auth/refresh', { refreshToken: signedIn.body.refreshToken });
    const token = body.accessToken;
    expect((await app.send('PATCH', '/api/v1/me', { body: { locale: 'fr' }, token })).status).toBe(200);
    expect((await post('me/password', { currentPassword: PASSWORD, newPassword }, token)).status).toBe(204);
    expect((await app.send('DELETE', '/api/v1/me', { token })).status).toBe(204);
    expect((await app.send('GET', '/api/v1/me', { token })).status).toBe(401);
    expect((await post('auth/login', { identifier: email, password: newPassword })).status).toBe(200);
  });

  it('an administrator creates, lists, edits, suspends, promotes, deletes and restores', async () => {
    const ada = await app.people.admin();
    const email = `${unique('one')}@example.com`;
    const created = await ada.post<{ id: string }>('/api/v1/users', { email, name: 'One', password: PASSWORD });
    const path = `/api/v1/users/${created.body.id}`;
    const filter = encodeURIComponent(`email eq "${email}" and roles eq "user"`);
    const answers = [
      created,
      await ada.get(`/api/v1/users?filter=${filter}&count=exact&fields=id`),
      await ada.get(path),
      await ada.put(path, { email, name: 'Two' }),
      await ada.patch(path, { name: 'Three' }),
      await ada.put(`${path}/suspension`, { reason: 'a test' }),
      await ada.delete(`${path}/suspension`),
      await ada.put(`${path}/roles`, { roles: ['admin', 'user'] }),
      await ada.get(`${path}/roles`),
      await ada.delete(path),
      await ada.post(`${path}/restoration`),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 200, 200, 200, 200, 200, 200, 204, 200]);
  });

  it('twenty deeds at once take their turns', async () => {
    const ada = await app.people.admin();
    const { id } = await app.people.user();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, turn) => ada.patch(`/api/v1/users/${id}`, { name: `Turn ${turn}` })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    const [user] = await app.sql<{ version: number }>('SELECT version FROM roster.users WHERE id = $1', [id]);
    expect(user!.version).toBe(21);
  });
});
