import { operationsOf } from '../../src/platform/http/document.js';
import { portOf, request, wire } from '../contract/wire.js';
import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';

const UPGRADE = [
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** Doors that are not built. Whoever builds one finds its rows here, and the promises that it has to keep. */
describe('what is not there', () => {
  let app: TestApp;
  let port: number;
  let admin: Person;

  beforeAll(async () => {
    app = await TestApp.start();
    port = await portOf(app);
    admin = await app.people.admin();
  });
  afterAll(() => app.stop());

  it('S62 is a WebSocket beside /realtime: no other path changes the protocol, of whatever origin and for whomever', async () => {
    const read = operationsOf(app.app.document).filter(({ method, path }) => method === 'get' && !path.includes('{'));
    const paths = [
      '/',
      '/ws',
      '/socket.io/',
      '/realtimes',
      '/realtime/more',
      '/api/v1/events',
      '/graphql',
      ...read.map(({ path }) => path),
    ];
    const statuses: [string, number][] = [];
    for (const path of paths)
      for (const origin of ['http://127.0.0.1:3000', 'https://evil.example']) {
        const headers = [...UPGRADE, `Origin: ${origin}`, `Authorization: Bearer ${admin.token}`];
        statuses.push([path, (await wire(port, request(`GET ${path} HTTP/1.1`, headers))).status]);
      }
    expect(statuses.filter(([, status]) => status === 101 || status >= 500)).toEqual([]);
    expect(statuses.length).toBeGreaterThan(20);
    expect((await app.send('GET', '/health/live')).status).toBe(200);
  });

  it('S63 is SCIM: nobody finds users or groups at its addresses, nor sends them there', async () => {
    const documented = operationsOf(app.app.document).filter(({ path }) => /scim/i.test(path));
    expect(documented).toEqual([]);
    const body = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: 'grace' };
    for (const place of ['Users', 'Groups', 'Bulk', 'Me', 'ServiceProviderConfig'])
      for (const base of ['/scim', '/scim/v2', '/api/v1/scim/v2']) {
        expect((await admin.get(`${base}/${place}`)).status).toBe(404);
        expect((await admin.post(`${base}/${place}`, body)).status).toBe(404);
      }
  });
});
