import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { Client, listening } from './clients.js';

describe('a socket', () => {
  let app: TestApp;
  let url: string;
  let root: Person;
  const clients: Client[] = [];

  beforeAll(async () => {
    app = await TestApp.start();
    url = await listening(app);
    root = await app.people.admin();
  });
  afterEach(() => clients.splice(0).forEach((client) => client.close()));
  afterAll(() => app.stop());

  const connect = async (...parameters: Parameters<typeof Client.ready> extends [string, ...infer R] ? R : never) => {
    const client = await Client.ready(url, ...parameters);
    clients.push(client);
    return client;
  };

  it('tells people what happens to their own account, and nothing else', async () => {
    const [ada, grace] = [await app.people.person(), await app.people.person()];
    const client = await connect({ token: ada.token });
    expect(client.standing).toMatchObject({ userId: ada.id, own: true, events: null });
    await root.patch(`/api/v1/users/${grace.id}`, { name: 'Grace' });
    await root.patch(`/api/v1/users/${ada.id}`, { name: 'Ada' });
    expect(await client.told(1)).toEqual(['user.changed']);
    const [fact] = await app.sql<{ id: string }>('SELECT id FROM roster.events WHERE subject = $1 ORDER BY xid DESC, seq DESC LIMIT 1', [`users/${ada.id}`]);
    expect(client.events[0]).toMatchObject({ specversion: '1.0', id: fact!.id, subject: `users/${ada.id}` });
  });
});
