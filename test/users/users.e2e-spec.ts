import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { unique } from '../harness/people.js';

interface Shown {
  id: string;
  email: string;
  version: number;
  status: string;
}

describe('users', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.admin();
  });
  afterAll(() => app.stop());

  it('creates an active user with a password', async () => {
    const email = `${unique('New')}@Example.com`;
    const created = await ada.post<Shown>('/api/v1/users', {
      email,
      name: 'New One',
      password: 'quiet river under seven bridges',
    });
    expect(created.status).toBe(201);
    expect(created.headers.location).toBe(`/api/v1/users/${created.body.id}`);
    expect(created.headers.etag).toBe('"1.json"');
    expect(created.body).toMatchObject({ email, status: 'active', version: 1 });
    expect(await app.factsAbout(created.body.id)).toEqual(['user.created', 'password.changed']);
  });
});
