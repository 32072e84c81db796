import { once } from 'node:events';
import { connect } from 'node:net';
import { promisify } from 'node:util';

import { problems } from '../../src/platform/contract/problem.js';
import { TestApp } from '../harness/app.js';
import { addressOf } from '../harness/scenes.js';
import { portOf, request, wire } from './wire.js';
import type { WireAnswer } from './wire.js';

const LOGIN = 'POST /api/v1/auth/login HTTP/1.1';
const USER = '/api/v1/users/01a1fb89-a690-7530-90c7-ac334b01292e';
const MEBIBYTE = 1024 * 1024;

const json = (body: string | Buffer, type = 'application/json'): string[] => [
  `Content-Type: ${type}`,
  `Content-Length: ${Buffer.byteLength(body)}`,
];
const login = (body: string): string => request(LOGIN, json(body), body);

let app: TestApp;
let port: number;

beforeAll(async () => {
  app = await TestApp.start();
  port = await portOf(app);
});
afterAll(() => app.stop());

/** What every answer carries, whoever wrote it. */
function expectSafeHeaders({ headers }: WireAnswer): void {
  expect(headers.get('x-request-id')).toMatch(/^[A-Za-z0-9._:-]{8,128}$/);
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect(headers.get('cache-control')).toMatch(/no-store|no-cache/);
  expect(headers.has('x-powered-by')).toBe(false);
  expect(headers.has('server')).toBe(false);
}

function expectProblem(answer: WireAnswer, status: number, code: string): Record<string, unknown> {
  expect(answer.status).toBe(status);
  expectSafeHeaders(answer);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const body = JSON.parse(answer.text) as Record<string, unknown>;
  const { title } = problems.get(code)!;
  expect(body).toMatchObject({ code, status, title, requestId: answer.headers.get('x-request-id') });
  expect(body['type']).toBe(`${app.ground.publicUrl.value}/problems/${code}`);
  expect(body['instance']).toEqual(expect.any(String));
  expect(answer.text).not.toMatch(/\bat .+:\d+:\d+|node_modules|SELECT|roster\.|\.ts\b|\.js\b|FST_|HPE_|Error:/);
  return body;
}

describe('every failure has one shape', () => {
  it.each<[string, string, number, string]>([
    ['a malformed escape in the path', request('GET /api/v1/users/%zz HTTP/1.1'), 400, 'malformed_request'],
    ['bytes that are no UTF-8 in the path', request('GET /problems/%c3%28 HTTP/1.1'), 400, 'malformed_request'],
    ['an unknown path', request('GET /nowhere HTTP/1.1'), 404, 'not_found'],
    ['an unknown path with a body', request('POST /nowhere HTTP/1.1', json('{'), '{'), 404, 'not_found'],
    ['OPTIONS of an unknown path', request('OPTIONS /nowhere HTTP/1.1'), 404, 'not_found'],
    ['a wrong method', request('PATCH /api/v1/auth/login HTTP/1.1'), 405, 'method_not_allowed'],
    ['TRACE', request('TRACE /api/v1/users HTTP/1.1'), 405, 'method_not_allowed'],
    ['a segment of 201 characters', request(`GET /problems/${'a'.repeat(201)} HTTP/1.1`), 414, 'uri_too_long'],
    ['no token', request('GET /api/v1/users HTTP/1.1'), 401, 'token_missing'],
    ['no Host', 'GET /docs HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'malformed_request'],

    ['broken JSON', login('{"identifier":'), 400, 'malformed_request'],
    ['an empty body', login(''), 400, 'malformed_request'],
    ['a key that stands twice', login('{"identifier":"a","identifier":"b"}'), 400, 'malformed_request'],
    ['the same key, escaped', login('{"identifier":"a","\\u0069dentifier":"b"}'), 400, 'malformed_request'],
    ['a NUL', login('{"identifier":"a\\u0000b"}'), 400, 'malformed_request'],
    ['half a surrogate pair', login('{"identifier":"\\ud800"}'), 400, 'malformed_request'],
    ['33 levels', login('['.repeat(33) + ']'.repeat(33)), 400, 'malformed_request'],
    ['100,000 levels', login('['.repeat(100_000)), 400, 'malformed_request'],
    ['__proto__', login('{"__proto__":{"admin":true}}'), 400, 'malformed_request'],
    ['constructor', login('{"constructor":{"prototype":{}}}'), 422, 'validation_failed'],
    ['a list for an object', login('[]'), 422, 'validation_failed'],
    ['null', login('null'), 422, 'validation_failed'],
    ['a text for an object', login('"text"'), 422, 'validation_failed'],
    ['an unknown member', login('{"identifier":"a","password":"b","admin":true}'), 422, 'validation_failed'],
    ['a list of lists', login('{"identifier":[["a"]],"password":{"$ne":null}}'), 422, 'validation_failed'],

    ['a line that is no request', 'GARBAGE\r\n\r\n', 400, 'malformed_request'],
    ['an unknown method', request('FETCH / HTTP/1.1'), 400, 'malformed_request'],
    ['an unknown version', 'GET / HTTP/9.9\r\n\r\n', 400, 'malformed_request'],
    ['a TLS greeting', '\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n', 400, 'malformed_request'],
    ['a header without a name', request('GET / HTTP/1.1', [': x']), 400, 'malformed_request'],
    ['a space before the colon', request('GET / HTTP/1.1', ['X-A : b']), 400, 'malformed_request'],
    ['a length that is no number', request(LOGIN, ['Content-Length: -1']), 400, 'malformed_request'],
    ['two lengths', request(LOGIN, ['Content-Length: 2', 'Content-Length: 3'], '{}'), 400, 'malformed_request'],
    [
      'a length beside chunks',
      request(LOGIN, ['Content-Length: 2', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
      400,
      'malformed_request',
    ],
    ['headers of 20 KB', request('GET / HTTP/1.1', [`X-Long: ${'a'.repeat(20_000)}`]), 431, 'headers_too_large'],
    ['a URL of 20 KB', request(`GET /?${'a'.repeat(20_000)} HTTP/1.1`), 431, 'headers_too_large'],
    [
      'a length above 1 MiB',
      request(LOGIN, ['Content-Type: application/json', `Content-Length: ${MEBIBYTE + 1}`]),
      413,
      'payload_too_large',
    ],
  ])('%s', async (_, sent, status, code) => {
    expectProblem(await wire(port, sent), status, code);
  });

  it('a body that is no UTF-8', async () => {
    const body = Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]);
    expectProblem(await wire(port, request(LOGIN, json(body)), body), 400, 'malformed_request');
  });

  it('chunks of more than 1 MiB', async () => {
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    const head = request(LOGIN, ['Content-Type: application/json', 'Transfer-Encoding: chunked']);
    const answer = await wire(port, head, ...Array.from({ length: 17 }, () => chunk), '0\r\n\r\n');
    expectProblem(answer, 413, 'payload_too_large');
  });

  it('a broken chunk', async () => {
    const head = request(LOGIN, ['Content-Type: application/json', 'Transfer-Encoding: chunked']);
    expectProblem(await wire(port, head, 'zz\r\n{}\r\n'), 400, 'malformed_request');
  });

  it.each([
    ['headers', 'GET /problems HTTP/1.1\r\nHost: local'],
    ['a body', request(LOGIN, ['Content-Type: application/json', 'Content-Length: 10'], '{"a":')],
  ])('%s that come too slowly', async (_, sent) => {
    const { server } = app.app.fastify;
    const { requestTimeout, headersTimeout } = server;
    Object.assign(server, { requestTimeout: 200, headersTimeout: 200 });
    try {
      expectProblem(await wire(port, sent), 408, 'request_timeout');
    } finally {
      Object.assign(server, { requestTimeout, headersTimeout });
    }
  });

  it('a client that never closes does not keep its socket', async () => {
    const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    client.on('error', () => client.destroy()).resume();
    client.write('GARBAGE\r\n\r\n');
    const open = promisify(app.app.fastify.server.getConnections.bind(app.app.fastify.server));
    await once(client, 'end');
    await expect(open()).resolves.toBeGreaterThan(0);
    while ((await open()) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    client.destroy();
  });

  it('many faults are counted, and the first are named', async () => {
    const body = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`member_${at}`, at]));
    const answer = await app.send<{ detail: string; errors: object[] }>('POST', '/api/v1/auth/login', { body });
    expect(answer.body.detail).toBe('20002 members are wrong');
    expect(answer.body.errors).toHaveLength(50);
  });

  it.each([
    ['of variation selectors', 'a\uFE0F'.repeat(150)],
    ['of one above the most', 'a'.repeat(201)],
    ['of code points outside the BMP', '😀'.repeat(201)],
  ])('a text %s is too long', async (_, name) => {
    const body = { email: 'ada@example.com', password: 'quiet river under seven bridges', name };
    const answer = await app.send<object>('POST', '/api/v1/auth/register', { body });
    expect(answer.body).toMatchObject({ status: 422, errors: [{ pointer: '/name', code: 'too_long' }] });
  });

  it('says nothing of the query, which may hold secrets', async () => {
    const body = expectProblem(await wire(port, request('GET /nowhere?token=hush HTTP/1.1')), 404, 'not_found');
    expect(body['instance']).toBe('/nowhere');
  });
});

describe('what is odd but allowed', () => {
  it.each([
    ['an expectation that nobody knows', request('GET /problems HTTP/1.1', ['Expect: tea'])],
    ['HTTP/1.0 without Host', 'GET /problems HTTP/1.0\r\n\r\n'],
    ['an escaped letter in the path', request('GET /%70roblems HTTP/1.1')],
    ['an offer to upgrade', request('GET /problems HTTP/1.1', ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'])],
  ])('%s', async (_, sent) => {
    const answer = await wire(port, sent);
    expect(answer.status).toBe(200);
    expectSafeHeaders(answer);
  });

  it('an announced body is asked for', async () => {
    const body = '{"identifier":"a"}';
    const answer = await wire(port, request(LOGIN, [...json(body), 'Expect: 100-continue'], body));
    expect(answer.status).toBe(100);
    expect(answer.text).toMatch(/^HTTP\/1.1 422/);
  });
});

describe('the request id', () => {
  const idOf = async (...given: string[]): Promise<string> =>
    (await wire(port, request('GET /problems/not_found HTTP/1.1', given))).headers.get('x-request-id')!;

  it('is taken if it is sane', async () => {
    expect(await idOf('X-Request-Id: trace-1234.5:A_b')).toBe('trace-1234.5:A_b');
  });

  it.each(['short', 'with space in it', 'a'.repeat(129), 'ünïcödé-ünïcödé', '"><script>alert(1)', ''])(
    'is made if it is %p',
    async (given) => {
      const id = await idOf(`X-Request-Id: ${given}`);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
      expect(await idOf(`X-Request-Id: ${given}`)).not.toBe(id);
    },
  );
});

const patternOf = (path: string): RegExp => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`);

describe('methods', () => {
  it('that a path does not have are a 405 with those it has; HEAD and OPTIONS are everywhere', async () => {
    const { paths } = app.app.document;
    const ada = await app.people.admin();
    for (const path of Object.keys(paths)) {
      const url = addressOf(path, { parameters: { code: 'not_found' } }, ada.id);
      // `/me/passkeys/options` is an id of `/me/passkeys/{id}` too, to whoever asks by its methods.
      const items = Object.entries(paths).filter(([other]) => patternOf(other).test(new URL(url, 'http://a').pathname));
      const has = ['get', 'put', 'patch', 'post', 'delete'].filter((method) =>
        items.some(([, each]) => method in each),
      );
      const allow = [...has, ...(has.includes('get') ? ['head'] : []), 'options']
        .map((each) => each.toUpperCase())
        .sort();
      const allowOf = (header: unknown): string[] => String(header).split(', ').sort();
      for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE', 'TRACE'].filter(
        (each) => !allow.includes(each),
      )) {
        const answer = await app.send(method, url);
        expect([path, method, answer.status, allowOf(answer.headers.allow)]).toEqual([path, method, 405, allow]);
      }
      const options = await app.send('OPTIONS', url);
      expect([path, options.status, allowOf(options.headers.allow), options.text]).toEqual([path, 204, allow, '']);
      if (!has.includes('get')) continue;
      const [get, head] = [await ada.get(url), await ada.send('HEAD', url)];
      expect([path, head.status, head.text]).toEqual([path, get.status, '']);
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
    }
  });

  it('of a path that has a parameter are told too', async () => {
    const answer = await wire(port, request(`POST ${USER} HTTP/1.1`));
    expectProblem(answer, 405, 'method_not_allowed');
    expect(answer.headers.get('allow')).toBe('GET, HEAD, PUT, PATCH, DELETE, OPTIONS');
  });
});

describe('GET /problems', () => {
  it('explains every code, there and on its own page', async () => {
    const list = await app.send<{ data: { code: string; type: string }[] }>('GET', '/problems');
    expect(list.body.data.map(({ code }) => code)).toEqual([...problems.keys()].sort());
    for (const explanation of list.body.data) {
      const one = await app.send('GET', new URL(explanation.type).pathname);
      expect(one).toMatchObject({ status: 200, body: explanation });
    }
  });

  it.each(['unknown', '__proto__', 'constructor', 'toString'])('knows no %s', async (code) => {
    expectProblem(await wire(port, request(`GET /problems/${code} HTTP/1.1`)), 404, 'not_found');
  });
});

describe('the headers of safety', () => {
  it.each([
    '/problems',
    '/health/live',
    '/.well-known/jwks.json',
    '/openapi.json',
    '/openapi.yaml',
    '/docs',
    '/dev/mail',
  ])('are on %s', async (path) => {
    const answer = await wire(port, request(`GET ${path} HTTP/1.1`));
    expect(answer.status).toBe(200);
    expectSafeHeaders(answer);
  });

  it('keep tokens out of caches', async () => {
    const { user } = await app.people.person();
    const answer = await app.send('POST', '/api/v1/auth/login', {
      body: { identifier: user.email, password: 'quiet river under seven bridges' },
    });
    expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
  });
});
