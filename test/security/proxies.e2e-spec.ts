import { TestApp } from '../harness/app.js';
import { PASSWORD } from '../harness/people.js';

const PROXY = '10.20.0.1';
let addresses = 0;
/** Where nobody else is in this run. */
const anAddress = (): string => {
  addresses += 1;
  return `198.18.${addresses >> 8}.${addresses & 255}`;
};

/** Every header by which somebody may say who they are, or who we are. */
const forged = (address: string): Record<string, string> => ({
  'x-forwarded-for': address,
  'x-real-ip': address,
  'x-client-ip': address,
  'true-client-ip': address,
  'cf-connecting-ip': address,
  forwarded: `for=${address};host=evil.example;proto=https`,
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'https',
  'x-forwarded-port': '443',
  'x-forwarded-prefix': '/evil',
  host: 'evil.example',
});

describe('S61 A17 what proxies say', () => {
  const apps: TestApp[] = [];
  const start = async (settings: Record<string, string>): Promise<TestApp> => {
    const app = await TestApp.start({ settings: { RATE_LIMITS: 'on', RATE_LIMIT_READ: '5/3600s', ...settings } });
    // No window ends in the midst of a test.
    app.clock.stand();
    apps.push(app);
    return app;
  };
  afterAll(async () => {
    for (const app of apps) await app.stop();
  });

  const ask = async (app: TestApp, remoteAddress: string, headers: Record<string, string>): Promise<number> =>
    (await app.app.fastify.inject({ method: 'GET', url: '/nowhere', remoteAddress, headers })).statusCode;

  /** Who is counted when seven requests come from there, each with another text in the header. */
  const refusals = async (
    app: TestApp,
    remoteAddress: string,
    header: () => Record<string, string>,
  ): Promise<number> => {
    let refused = 0;
    for (let index = 0; index < 7; index += 1) if ((await ask(app, remoteAddress, header())) === 429) refused += 1;
    return refused;
  };

  /** The address that the record has of somebody who failed to sign in. */
  const recorded = async (app: TestApp, remoteAddress: string, headers: Record<string, string>): Promise<string> => {
    const { id, email } = await app.people.user();
    const payload = { identifier: email, password: 'not the password' };
    await app.app.fastify.inject({ method: 'POST', url: '/api/v1/auth/login', remoteAddress, headers, payload });
    const [row] = await app.sql<{ ip: string }>(
      "SELECT private->>'ip' AS ip FROM roster.events WHERE subject = $1 AND type = 'sign_in.refused'",
      [`users/${id}`],
    );
    return row!.ip;
  };

  it('changes nothing when nobody is trusted: neither limits, nor the record, nor links and issuer', async () => {
    const app = await start({});
    const from = anAddress();
    expect(await refusals(app, from, () => forged(anAddress()))).toBe(2);
    const other = anAddress();
    expect(await recorded(app, other, forged(anAddress()))).toBe(other);
    const { email } = await app.people.user();
    const signedIn = await app.app.fastify.inject({
      method: 'POST',
      url: '/api/v1/auth/login',
      headers: forged(anAddress()),
      remoteAddress: anAddress(),
      payload: { identifier: email, password: PASSWORD },
    });
    const { accessToken } = JSON.parse(signedIn.payload) as { accessToken: string };
    const claims = JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString()) as { iss: string };
    expect(claims.iss).toBe('http://127.0.0.1:3000');
    const problem = await app.app.fastify.inject({
      url: '/nowhere',
      headers: forged(anAddress()),
      remoteAddress: anAddress(),
    });
    expect(JSON.parse(problem.payload)).toMatchObject({ type: 'http://127.0.0.1:3000/problems/not_found' });
    expect(problem.payload + JSON.stringify({ ...problem.headers, ...signedIn.headers })).not.toContain('evil');
    expect(problem.headers['strict-transport-security']).toBeUndefined();
  });

  describe.each([
    ['its network', { TRUST_PROXY: '10.20.0.0/16' }],
    ['its address', { TRUST_PROXY: `192.0.2.1, ${PROXY}` }],
    ['one hop', { TRUST_PROXY: '1' }],
  ])('with a proxy that is trusted by %s', (_, settings) => {
    let app: TestApp;
    beforeAll(async () => {
      app = await start(settings);
    });

    it('counts and records the client that the proxy names', async () => {
      const client = anAddress();
      const said = (): Record<string, string> => ({ 'x-forwarded-for': client });
      expect(await refusals(app, PROXY, said)).toBe(2);
      expect(await ask(app, PROXY, { 'x-forwarded-for': anAddress() })).toBe(404);
      expect(await recorded(app, `::ffff:${PROXY}`, { 'x-forwarded-for': '198.18.7.7' })).toBe('198.18.7.7');
      expect(await recorded(app, PROXY, { 'x-forwarded-for': '[2001:db8::7]:4711' })).toBe('2001:db8::7');
    });

    it('believes the proxy, not what the client told it', async () => {
      const client = anAddress();
      expect(await refusals(app, PROXY, () => ({ 'x-forwarded-for': `${anAddress()}, ${client}` }))).toBe(2);
    });

    it('believes nobody who comes past it', async () => {
      const from = anAddress();
      expect(await refusals(app, from, () => ({ 'x-forwarded-for': anAddress() }))).toBe(2);
      const stranger = anAddress();
      expect(await recorded(app, stranger, { 'x-forwarded-for': '198.18.9.9' })).toBe(stranger);
    });

    it.each(['unknown', '_hidden', "'; --", '999.1.2.3'])('takes the proxy itself when it names "%s"', async (text) => {
      expect(await recorded(app, PROXY, { 'x-forwarded-for': text })).toBe(PROXY);
    });

    it('still takes its own name from nobody', async () => {
      const headers = { ...forged(anAddress()), 'x-forwarded-for': anAddress() };
      const { payload } = await app.app.fastify.inject({ url: '/nowhere', remoteAddress: PROXY, headers });
      expect(JSON.parse(payload)).toMatchObject({ type: 'http://127.0.0.1:3000/problems/not_found' });
    });
  });

  it('goes back as many hops as there are, and no further', async () => {
    const app = await start({ TRUST_PROXY: '2' });
    const client = anAddress();
    const chain = (): Record<string, string> => ({ 'x-forwarded-for': `${anAddress()}, ${client}, 203.0.113.9` });
    expect(await refusals(app, PROXY, chain)).toBe(2);
  });
});
