import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';

const FRIEND = 'https://console.example.com';
const OTHER_FRIEND = 'http://localhost:5173';
const STRANGER = 'https://evil.example';

type Headers = Record<string, string | undefined>;

describe('CORS', () => {
  let app: TestApp;
  let closed: TestApp;
  let ada: Person;

  beforeAll(async () => {
    const settings = { CORS_ORIGINS: `${FRIEND}, ${OTHER_FRIEND}`, RATE_LIMITS: 'on', RATE_LIMIT_CREDENTIALS: '1/60s' };
    [app, closed] = [await TestApp.start({ settings }), await TestApp.start()];
    // No window ends in the midst of a test.
    app.clock.stand();
    ada = await app.people.admin();
  });
  afterAll(async () => {
    await app.stop();
    await closed.stop();
  });

  const ask = async (
    where: TestApp,
    method: string,
    url: string,
    headers: Record<string, string>,
    payload?: object,
  ) => {
    const answer = await where.app.fastify.inject({
      method: method as 'GET',
      url,
      headers,
      payload,
      remoteAddress: '198.19.0.1',
    });
    return { status: answer.statusCode, headers: answer.headers as Headers };
  };
  const preflight = (where: TestApp, origin: string, url = '/api/v1/users', method = 'PATCH') =>
    ask(where, 'OPTIONS', url, {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,if-match',
    });
  const corsHeaders = (headers: Headers): string[] =>
    Object.keys(headers).filter((name) => name.startsWith('access-control-'));

  it('is for nobody by default', async () => {
    const { headers } = await ask(closed, 'GET', '/health/live', { origin: FRIEND });
    expect(corsHeaders(headers)).toEqual([]);
    const asked = await preflight(closed, FRIEND);
    expect(asked.status).toBe(204);
    expect(corsHeaders(asked.headers)).toEqual([]);
  });

  it.each([FRIEND, OTHER_FRIEND])('lets pages of %s read every kind of answer', async (origin) => {
    const token = { authorization: `Bearer ${ada.token}` };
    const answers: [string, Promise<{ status: number; headers: Headers }>, number][] = [
      ['a list', ask(app, 'GET', '/api/v1/users', { origin, ...token }), 200],
      ['HEAD', ask(app, 'HEAD', '/api/v1/me', { origin, ...token }), 200],
      ['no token', ask(app, 'GET', '/api/v1/users', { origin }), 401],
      ['an unknown path', ask(app, 'GET', '/nowhere', { origin }), 404],
      ['a wrong method', ask(app, 'DELETE', '/api/v1/users', { origin, ...token }), 405],
      ['a URL that cannot be decoded', ask(app, 'GET', '/%ff', { origin }), 400],
      ['an unknown type', ask(app, 'POST', '/api/v1/users', { origin, ...token, 'content-type': 'text/plain' }), 415],
      ['the document', ask(app, 'GET', '/openapi.json', { origin }), 200],
    ];
    for (const [what, asked, status] of answers) {
      const answer = await asked;
      expect([what, answer.status]).toEqual([what, status]);
      expect([what, answer.headers['access-control-allow-origin']]).toEqual([what, origin]);
      expect([what, answer.headers['access-control-allow-credentials']]).toEqual([what, undefined]);
      const shown = answer.headers['access-control-expose-headers']!.split(', ');
      expect(shown).toEqual(
        expect.arrayContaining([
          ...['ETag', 'Link', 'Location', 'X-Request-Id', 'RateLimit', 'RateLimit-Policy', 'Retry-After'],
          ...['Idempotency-Replayed', 'WWW-Authenticate', 'Allow'],
        ]),
      );
      expect([what, answer.headers['vary']]).toEqual([what, expect.stringMatching(/\bOrigin\b/)]);
    }
  });

  it('also lets them read that they ask too often', async () => {
    const login = () =>
      ask(app, 'POST', '/api/v1/auth/login', { origin: FRIEND }, { identifier: 'nobody', password: 'x' });
    await login();
    const refused = await login();
    expect(refused.status).toBe(429);
    expect(refused.headers['access-control-allow-origin']).toBe(FRIEND);
  });

  it.each(['/api/v1/users', '/api/v1/auth/login', '/nowhere', '/health/live'])(
    'answers a preflight of %s',
    async (url) => {
      const { status, headers } = await preflight(app, FRIEND, url);
      expect(status).toBe(204);
      expect(headers).toMatchObject({
        'access-control-allow-origin': FRIEND,
        'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
        'access-control-max-age': '600',
      });
      expect(headers['access-control-allow-headers']!.toLowerCase().split(', ')).toEqual(
        expect.arrayContaining([
          'authorization',
          'content-type',
          'idempotency-key',
          'if-match',
          'if-none-match',
          'prefer',
        ]),
      );
      expect(headers['allow']).toBeUndefined();
    },
  );

  it.each([
    STRANGER,
    'null',
    `${FRIEND}.evil.example`,
    FRIEND.replace('https', 'http'),
    `${FRIEND}:8443`,
    FRIEND.toUpperCase(),
    'https://sub.console.example.com',
    `${FRIEND} ${STRANGER}`,
    '',
  ])('tells %j nothing, and caches that it did', async (origin) => {
    const asked = await preflight(app, origin);
    expect(corsHeaders(asked.headers)).toEqual([]);
    const { headers } = await ask(app, 'GET', '/openapi.json', { origin });
    expect(corsHeaders(headers)).toEqual([]);
    expect(headers['vary']).toMatch(/\bOrigin\b/);
  });

  it('leaves OPTIONS alone that is no preflight', async () => {
    const { status, headers } = await ask(app, 'OPTIONS', '/api/v1/users', { origin: FRIEND });
    expect([status, headers['allow']]).toEqual([204, expect.stringContaining('POST')]);
  });
});
