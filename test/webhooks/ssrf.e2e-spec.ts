import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { Resolver } from '../../src/webhooks/index.js';
import { awaitThat } from '../jobs/awaited.js';
import { aKeeper, awaitDeliveries, makeHook, startHooks } from './hooks.js';
import type { Delivery } from './hooks.js';
import { Receiver, says, takes } from './receiver.js';

/** Ways to write this machine, its neighbours, and what speaks for them; `PORT` is where somebody listens. */
const ADDRESSES = [
  ...[
    '127.0.0.1',
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f000001',
    '0x7F.1',
    '017700000001',
    '0177.0.0.1',
    '127.0.0.1.',
  ],
  ...['%31%32%37.0.0.1', '１２７.０.０.１', '127。0。0。1', '127.255.255.254', '0', '0.0.0.0', '0.1.2.3'],
  ...['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '100.64.0.1', '100.127.255.255'],
  ...[
    '169.254.169.254',
    '0xa9fea9fe',
    '168.63.129.16',
    '100.100.100.200',
    '192.0.0.192',
    '192.0.2.1',
    '192.88.99.1',
    '198.18.0.1',
  ],
  ...['198.51.100.1', '203.0.113.1', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
  ...[
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[::ffff:0:7f00:1]',
  ],
  ...['[64:ff9b::7f00:1]', '[64:ff9b::10.0.0.1]', '[64:ff9b:1::7f00:1]', '[2002:7f00:1::]', '[2002:a00:1::1]'],
  ...[
    '[2001::1]',
    '[2001:0:7f00:1::]',
    '[2001:db8::1]',
    '[3fff::1]',
    '[5f00::1]',
    '[100::1]',
    '[fe80::1]',
    '[febf::1]',
  ],
  ...['[fec0::1]', '[fc00::1]', '[fd00:ec2::254]', '[ff02::1]', '[ff0e::1]', '[2600::5efe:127.0.0.1]', '[4000::1]'],
];

describe('S59 A28 webhooks call nobody within', () => {
  let app: TestApp;
  let admin: Person;
  let within: Receiver;

  beforeAll(async () => {
    app = await startHooks('webhooks_ssrf', { WEBHOOK_ALLOW_CIDRS: '127.0.0.9' });
    admin = await aKeeper(app);
    within = await Receiver.open();
  });
  afterEach(() => app.sql('UPDATE roster.webhooks SET deleted_at = now()'));
  afterAll(async () => {
    await app.stop();
    await within.close();
  });

  const failed = ([only]: Delivery[]): boolean => only !== undefined && only.attempts > 0;

  /** Says what DNS would, which is where the world outside begins: the last answer for ever. */
  function dns(...answers: string[][]): { asked: string[] } {
    const asked: string[] = [];
    app.get(Resolver).addressesOf = (name) => {
      asked.push(name);
      return Promise.resolve(answers.length > 1 ? answers.shift()! : answers[0]!);
    };
    return { asked };
  }

  it.each(ADDRESSES)('by an address: %s', async (address) => {
    const url = `http://${address}:${within.port}/`;
    const refused = await admin.post<{ errors: object[] }>('/api/v1/webhooks', { url, eventTypes: ['*'] });
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toEqual([expect.objectContaining({ pointer: '/url', code: 'url_address_refused' })]);
    // Also one that was stored before the rule was: the row is not to be trusted.
    const { id } = await makeHook(admin, 'http://hooks.example/');
    await app.sql('UPDATE roster.webhooks SET url = $1 WHERE id = $2', [url, id]);
    await admin.post(`/api/v1/webhooks/${id}/test`);
    const [delivery] = await awaitDeliveries(admin, id, failed);
    expect(delivery).toMatchObject({ state: 'dead', error: 'address_refused', status: null });
    expect(within.received).toEqual([]);
  });

  it.each(['localhost', 'LOCALHOST', 'localhost.', 'a.localhost'])('by a name of this machine: %s', async (name) => {
    const { id } = await makeHook(admin, `http://${name}:${within.port}/`);
    await admin.post(`/api/v1/webhooks/${id}/test`);
    expect((await awaitDeliveries(admin, id, failed))[0]).toMatchObject({ error: 'address_refused' });
    expect(within.received).toEqual([]);
  });

  it.each([
    ['one within', ['127.0.0.1']],
    ['one within among others', ['127.0.0.9', '127.0.0.1']],
    ['the secrets of a cloud', ['169.254.169.254']],
    ['an IPv4 address in other clothes', ['::ffff:127.0.0.1']],
    ['NAT64', ['64:ff9b::7f00:1']],
    ['no address at all', ['hooks.example']],
  ])('by a name that means %s', async (_, addresses) => {
    dns(addresses);
    const { id } = await makeHook(admin, `http://hooks.customer.example:${within.port}/`);
    await admin.post(`/api/v1/webhooks/${id}/test`);
    expect((await awaitDeliveries(admin, id, failed))[0]).toMatchObject({ error: 'address_refused' });
    expect(within.received).toEqual([]);
  });

  it('by an address of this very machine, also a public one', async () => {
    dns(['192.0.32.8']);
    app.get(Resolver).ownAddresses = () => ['127.0.0.1', '192.0.32.8'];
    const { id } = await makeHook(admin, `http://hooks.customer.example:${within.port}/`);
    await admin.post(`/api/v1/webhooks/${id}/test`);
    expect((await awaitDeliveries(admin, id, failed))[0]).toMatchObject({ error: 'address_refused' });
  });

  it('by a name that means another address the second time: the checked one is the connected one', async () => {
    const hosts: (string | undefined)[] = [];
    const outside = createServer((request, response) => {
      hosts.push(request.headers.host);
      request.resume().on('end', () => response.writeHead(500).end());
    });
    // The same port, so that only the address tells the two apart.
    outside.listen(within.port, '127.0.0.9');
    await once(outside, 'listening');
    const { port } = outside.address() as AddressInfo;
    const { asked } = dns(['127.0.0.9'], ['127.0.0.1']);
    const name = `hooks.customer.example:${port}`;
    const { id } = await makeHook(admin, `http://${name}/`);
    await app.people.user();
    const [first] = await awaitDeliveries(admin, id, ([only]) => only?.attempts === 1);
    expect([first!.status, asked.length, hosts]).toEqual([500, 1, [name]]);
    app.clock.advance(10_000);
    const [second] = await awaitDeliveries(admin, id, ([only]) => only?.attempts === 2);
    expect(second).toMatchObject({ error: 'address_refused', status: null });
    expect([asked.length, hosts.length, within.received]).toEqual([2, 1, []]);
    outside.close();
    await once(outside, 'close');
  });
});

describe('A28 webhooks', () => {
  let app: TestApp;
  let admin: Person;

  beforeAll(async () => {
    app = await startHooks('webhooks_answers', { WEBHOOK_TIMEOUT: '6s' });
    admin = await aKeeper(app);
  });
  afterAll(() => app.stop());

  async function tried(server: { url: string }): Promise<Delivery> {
    const { id } = await makeHook(admin, server.url);
    await admin.post(`/api/v1/webhooks/${id}/test`);
    return (await awaitDeliveries(admin, id, ([only]) => only !== undefined && only.attempts > 0))[0]!;
  }

  it.each([301, 302, 303, 307, 308])('follow no redirect: %s', async (status) => {
    const other = await Receiver.open();
    const server = await Receiver.open(says(status, { location: other.url }));
    expect(await tried(server)).toMatchObject({ state: 'dead', error: 'refused', status });
    expect(other.received).toEqual([]);
    await Promise.all([server.close(), other.close()]);
  });

  it('read 4 KB of an answer that never ends, and hang up', async () => {
    let [written, closed] = [0, false];
    const server = await Receiver.open((response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const more = (): void => {
        while (!closed && response.write('x'.repeat(65_536))) written += 65_536;
        if (!closed) response.once('drain', more);
      };
      response.socket!.once('close', () => (closed = true));
      more();
    });
    const delivery = await tried(server);
    expect(delivery).toMatchObject({ state: 'delivered', status: 200 });
    const { body } = await admin.get<{ answer: { body: string } }>(`/api/v1/webhook-deliveries/${delivery.id}`);
    expect(body.answer.body).toBe('x'.repeat(4096));
    await server.close();
    expect([closed, written < 32 * 1024 * 1024]).toEqual([true, true]);
  });

  it('wait two seconds for the rest of an answer whose status they know', async () => {
    const server = await Receiver.open((response) => void response.writeHead(200).write('begun'));
    const took: number[] = [];
    for (let tries = 0; tries < 2; tries += 1) {
      const delivery = await tried(server);
      expect(delivery).toMatchObject({ state: 'delivered', status: 200, error: null });
      const { body } = await admin.get<{ answer: { body: string } }>(`/api/v1/webhook-deliveries/${delivery.id}`);
      expect(body.answer.body).toBe('begun');
      took.push(delivery.latencyMs!);
    }
    // The quicker of the two: a machine that stood still is not what is asked about.
    expect(Math.min(...took)).toBeLessThan(4000);
    await server.close();
  });

  it.each<[string, string, (socket: { write(text: string): void; end(): void }) => void]>([
    ['no HTTP', 'answer_invalid', (socket) => socket.write('SSH-2.0-OpenSSH\r\n\r\n')],
    [
      'headers without end',
      'answer_invalid',
      (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}\r\n`),
    ],
    ['an empty answer', 'connection_failed', (socket) => socket.end()],
    [
      'another protocol',
      'answer_invalid',
      (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    ],
  ])('are not taken by %s', async (_, error, answer) => {
    const server = await Receiver.open((response) => answer(response.socket!));
    expect(await tried(server)).toMatchObject({ state: 'dead', error, status: null });
    await server.close();
  });

  it('hang up on a server that switches to another protocol', async () => {
    let closed = 0;
    const server = await Receiver.open((response) => {
      const socket = response.socket!;
      socket.once('close', () => (closed += 1));
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
    });
    expect(await tried(server)).toMatchObject({ state: 'dead', error: 'answer_invalid' });
    await awaitThat(
      () => Promise.resolve(closed),
      (count) => count === 1,
    );
    await server.close();
  });

  it('are not taken without TLS where it is asked for', async () => {
    const server = await Receiver.open(takes);
    const url = server.url.replace('http:', 'https:');
    expect(await tried({ url })).toMatchObject({ state: 'dead', error: 'tls_failed' });
    expect(server.received).toEqual([]);
    await server.close();
  });
});
