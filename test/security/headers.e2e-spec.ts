import { TestApp } from '../harness/app.js';
import { portOf, request, wire } from '../contract/wire.js';

/** On every answer, whoever writes it. Pages have a policy of their own for what they may load. */
const EVERYWHERE: Record<string, RegExp> = {
  'x-request-id': /^[A-Za-z0-9._:-]{8,128}$/,
  'x-content-type-options': /^nosniff$/,
  'content-security-policy': /default-src 'none'.*frame-ancestors 'none'/,
  'referrer-policy': /^no-referrer$/,
  'cross-origin-resource-policy': /^same-origin$/,
  'cross-origin-opener-policy': /^same-origin$/,
  'permissions-policy': /^camera=\(\), geolocation=\(\), microphone=\(\)/,
  'strict-transport-security': /^max-age=31536000$/,
  'cache-control': /no-store|no-cache/,
};
const NOWHERE = ['server', 'x-powered-by', 'access-control-allow-origin', 'set-cookie', 'x-aspnet-version', 'via'];

const LOGIN = 'POST /api/v1/auth/login HTTP/1.1';
const posted = (body: string, type = 'application/json'): string =>
  request(LOGIN, [`Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`], body);

describe('S60 headers', () => {
  let app: TestApp;
  let port: number;

  beforeAll(async () => {
    const settings = { PUBLIC_URL: 'https://id.example.com', RATE_LIMITS: 'on', RATE_LIMIT_WRITE: '1/60s' };
    app = await TestApp.start({ settings });
    // No window ends in the midst of a test.
    app.clock.stand();
    port = await portOf(app);
  });
  afterAll(() => app.stop());

  it.each<[string, number, string]>([
    ['a page', 200, request('GET /docs HTTP/1.1')],
    ['a script', 200, request('GET /docs/swagger-ui-bundle.js HTTP/1.1')],
    ['the document', 200, request('GET /openapi.json HTTP/1.1')],
    ['a probe', 200, request('GET /health/live HTTP/1.1')],
    ['OPTIONS', 204, request('OPTIONS /api/v1/users HTTP/1.1')],
    ['a URL that cannot be decoded', 400, request('GET /%ff HTTP/1.1')],
    ['what is no HTTP', 400, 'HELLO\r\n\r\n'],
    ['no Host', 400, 'GET /docs HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['two lengths', 400, request(LOGIN, ['Content-Length: 1', 'Content-Length: 2'], '{}')],
    ['CONNECT', 400, 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n'],
    ['no token', 401, request('GET /api/v1/me HTTP/1.1')],
    ['an unknown path', 404, request('GET /nowhere HTTP/1.1')],
    ['a wrong method', 405, request('PUT /docs HTTP/1.1')],
    ['TRACE', 405, request('TRACE /docs HTTP/1.1')],
    ['a body that is too large', 413, request(LOGIN, ['Content-Type: application/json', 'Content-Length: 2000000'])],
    ['a URL that is too long', 414, request(`GET /problems/${'a'.repeat(201)} HTTP/1.1`)],
    ['an unknown type', 415, posted('<a/>', 'text/html')],
    ['a wrong body', 422, posted('{}')],
    ['one request too many', 429, request('DELETE /nowhere HTTP/1.1')],
    ['a header that is too large', 431, request('GET / HTTP/1.1', [`X-Large: ${'a'.repeat(20_000)}`])],
  ])('protect %s (%i)', async (_, status, text) => {
    if (status === 405 || status === 429) app.clock.advance(60_000);
    if (status === 429) await wire(port, text);
    const answer = await wire(port, text);
    expect(answer.status).toBe(status);
    for (const [name, value] of Object.entries(EVERYWHERE))
      expect([name, answer.headers.get(name)]).toEqual([name, expect.stringMatching(value)]);
    expect(NOWHERE.filter((name) => answer.headers.has(name))).toEqual([]);
  });

  it('do not ask for https of those who come by http', async () => {
    const plain = await TestApp.start();
    try {
      const { headers } = await plain.send('GET', '/health/live');
      expect(headers['strict-transport-security']).toBeUndefined();
    } finally {
      await plain.stop();
    }
  });

  it('give nothing back of a TRACE', async () => {
    const { text } = await wire(port, request('TRACE /api/v1/me HTTP/1.1', ['Authorization: Bearer planted-token']));
    expect(text).not.toContain('planted-token');
  });

  it('do not fall over a CONNECT whose sender is gone, nor over one that goes on', async () => {
    await wire(port, 'CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n', Buffer.alloc(100_000), 'GET / HTTP/1.1\r\n\r\n');
    expect((await app.send('GET', '/health/live')).status).toBe(200);
  });
});
