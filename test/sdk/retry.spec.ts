import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { FailedAnswer, createRoster, inMemory, isProblem } from '../../sdk/src/index.js';
import type { Roster } from '../../sdk/src/index.js';

type Act = (request: IncomingMessage, response: ServerResponse) => void;

const json = (response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void => {
  response.writeHead(status, {
    'content-type': status < 400 ? 'application/json' : 'application/problem+json',
    ...headers,
  });
  response.end(JSON.stringify(body));
};
const busy = { type: 'x', title: 'Busy', status: 503, code: 'service_unavailable', instance: '/', requestId: 'r' };
const unavailable =
  (headers: Record<string, string> = {}): Act =>
  (_, response) =>
    json(response, 503, busy, headers);
const well: Act = (_, response) => json(response, 200, { id: '1' });
const reset: Act = ({ socket }) => socket.destroy();

/** A server that does what it is told, one act a request; the last one for ever. */
describe('the client, when a call fails in passing', () => {
  const server = createServer((request, response) => {
    keys.push(request.headers['idempotency-key']);
    bodies.push('');
    const at = bodies.length - 1;
    request.on('data', (chunk: Buffer) => (bodies[at] += chunk.toString()));
    request.on('end', () => (acts.length > 1 ? acts.shift()! : acts[0]!)(request, response));
  });
  const keys: (string | string[] | undefined)[] = [];
  const bodies: string[] = [];
  let acts: Act[] = [];
  let roster: Roster;
  let impatient: Roster;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const tokens = inMemory();
    await tokens.save({ accessToken: 'a', refreshToken: 'r', expiresAt: Date.now() + 600_000 });
    const client = (timeout: number): Roster =>
      createRoster({
        baseUrl: `http://127.0.0.1:${port}`,
        tokens,
        timeout,
        retry: { firstPause: 5, longestPause: 1500 },
      });
    // A machine that stands still is no silence of the server.
    [roster, impatient] = [client(30_000), client(2000)];
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));
  beforeEach(() => {
    keys.splice(0);
    bodies.splice(0);
  });

  const body = { email: 'a@example.com', name: 'A' };
  const failure = async (work: PromiseLike<unknown>): Promise<unknown> => {
    try {
      await work;
    } catch (error) {
      return error;
    }
    return null;
  };

  it('tries again after a 503, a reset and a silence', async () => {
    acts = [unavailable(), reset, () => undefined, well];
    expect((await impatient.me.get()).data).toEqual({ id: '1' });
    expect(keys).toHaveLength(4);
  });

  it('waits as long as the server asks', async () => {
    acts = [unavailable({ 'retry-after': '1' }), well];
    const since = performance.now();
    await roster.me.get();
    expect(performance.now() - since).toBeGreaterThan(950);
  });

  it('does not wait for longer than it was told to', async () => {
    acts = [unavailable({ 'retry-after': '3600' }), well];
    const error = await failure(roster.me.get());
    expect(isProblem(error, 'service_unavailable') && error.retryAfter).toBe(3600);
    expect(keys).toHaveLength(1);
  });

  it('sends a POST again with the same key and the same body', async () => {
    acts = [unavailable(), reset, well];
    await roster.users.create({ body });
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(bodies).toEqual(Array.from({ length: 3 }, () => JSON.stringify(body)));
  });

  it('comes back for the answer of its own earlier try', async () => {
    const flight = { ...busy, status: 409, code: 'idempotency_key_in_flight' };
    acts = [reset, (_, response) => json(response, 409, flight, { 'retry-after': '0' }), well];
    expect((await roster.users.create({ body })).data).toEqual({ id: '1' });
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
  });

  it('leaves every other 409 as it is', async () => {
    acts = [(_, response) => json(response, 409, { ...busy, status: 409, code: 'email_taken' })];
    expect(isProblem(await failure(roster.users.create({ body })), 'email_taken')).toBe(true);
    expect(keys).toHaveLength(1);
  });

  it.each<[string, () => PromiseLike<unknown>]>([
    ['a POST that has no key', () => roster.auth.login({ body: { identifier: 'a', password: 'b' } })],
    ['a PATCH', () => roster.me.patch({ body: { name: 'A' } })],
  ])('never sends %s again', async (_, call) => {
    acts = [unavailable()];
    expect(isProblem(await failure(call()), 'service_unavailable')).toBe(true);
    expect(keys).toHaveLength(1);
  });

  it('gives up after four tries, with what the last one said', async () => {
    acts = [unavailable()];
    expect(isProblem(await failure(roster.me.get()), 'service_unavailable')).toBe(true);
    expect(keys).toHaveLength(4);
  });

  it('stops at once when the caller does', async () => {
    const stop = new AbortController();
    const refuse = unavailable({ 'retry-after': '1' });
    acts = [
      (request, response) => {
        refuse(request, response);
        setTimeout(() => stop.abort(new Error('enough')), 30);
      },
    ];
    expect(await failure(roster.me.get({ signal: stop.signal }))).toMatchObject({ message: 'enough' });
    expect(keys).toHaveLength(1);
  });

  it('gives what is no problem as an error with its status and text', async () => {
    acts = [(_, response) => response.writeHead(418).end('a teapot')];
    const error = await failure(roster.me.get());
    expect(error).toBeInstanceOf(FailedAnswer);
    expect(error).toMatchObject({ status: 418, body: 'a teapot' });
  });
});
