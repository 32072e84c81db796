import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Keys } from '../../src/keys/index.js';
import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { PASSWORD } from '../harness/people.js';

type Json = Record<string, unknown>;

const NONE = ['none', 'None', 'NONE', 'nOnE', 'none ', '\u0000none', '', null, 0, ['none']];
const OTHER_ALGORITHMS = ['ES384', 'ES512', 'RS256', 'PS256', 'EdDSA', 'HS256', 'HS512', 'es256', 'ES256 '];

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part: string): Json => JSON.parse(Buffer.from(part, 'base64url').toString()) as Json;

describe('access tokens', () => {
  let app: TestApp;
  let ada: Person;
  let header: Json;
  let claims: Json;
  let key: KeyObject;
  let publicKey: KeyObject;
  let stranger: Server;
  let visits = 0;

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.person();
    const [first, second] = ada.token.split('.') as [string, string];
    header = decode(first);
    claims = decode(second);
    ({ key } = await app.get(Keys).signer());
    publicKey = createPublicKey(key);
    stranger = createServer((_request, response) => {
      visits += 1;
      response.end('{}');
    });
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    stranger.close();
    await app.stop();
  });

  /** A token as whoever holds the private key could make it; what is undefined is left out. */
  function forge(changes: { header?: Json; claims?: Json } = {}, by: KeyObject = key): string {
    const input = `${encode({ ...header, ...changes.header })}.${encode({ ...claims, ...changes.claims })}`;
    return `${input}.${sign('sha256', Buffer.from(input), { key: by, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  }

  const me = (token: string) => app.send<{ code: string }>('GET', '/api/v1/me', { token });

  async function expectRefused(token: string, code = 'token_invalid'): Promise<void> {
    const answer = await me(token);
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 401, code });
    expect(answer.headers['www-authenticate']).toMatch(
      /^Bearer realm="roster", error="invalid_token", error_description="[^"\\]+"$/,
    );
  }

  it('accepts what the tests below change', async () => {
    expect((await me(forge())).status).toBe(200);
  });

  it('S37 says what RFC 9068 asks for, and who signed in', () => {
    expect(header).toEqual({ typ: 'at+jwt', alg: 'ES256', kid: expect.any(String) as string });
    expect(claims).toEqual({
      iss: 'http://127.0.0.1:3000',
      aud: 'roster',
      sub: ada.id,
      client_id: 'roster',
      sid: ada.sessionId,
      jti: expect.any(String) as string,
      iat: expect.any(Number) as number,
      exp: (claims['iat'] as number) + 600,
      auth_time: expect.any(Number) as number,
      amr: ['pwd'],
    });
  });

  it('RFC 6750 asks without a reason who sends no token', async () => {
    const answer = await app.send<{ code: string }>('GET', '/api/v1/me');
    expect(answer).toMatchObject({ status: 401, body: { code: 'token_missing' } });
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="roster"');
  });

  it.each(NONE)('S31 refuses the algorithm %j, with a signature, a foreign one and none', async (alg) => {
    const genuine = forge().split('.')[2]!;
    const body = `${encode({ ...header, alg })}.${encode(claims)}`;
    for (const signature of [genuine, forge({ header: { alg } }).split('.')[2]!, 'AA'])
      await expectRefused(`${body}.${signature}`);
    for (const unsigned of [`${body}.`, body]) await expectRefused(unsigned);
  });

  it('S31 refuses a token of ours whose signature is gone, cut, zero or of other bytes', async () => {
    const [first, second, signature] = forge().split('.') as [string, string, string];
    const zero = Buffer.alloc(64).toString('base64url');
    const der = sign('sha256', Buffer.from(`${first}.${second}`), key).toString('base64url');
    for (const other of [
      '',
      signature.slice(0, -4),
      zero,
      der,
      `${signature}AAAA`,
      signature.split('').reverse().join(''),
    ])
      await expectRefused(`${first}.${second}.${other}`);
  });

  it.each(OTHER_ALGORITHMS)('S32 refuses the algorithm %j', (alg) => expectRefused(forge({ header: { alg } })));

  const spki = (): Buffer => publicKey.export({ type: 'spki', format: 'der' });
  const pem = (): string => publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const jwk = (): string => JSON.stringify(publicKey.export({ format: 'jwk' }));
  it.each<[string, () => string | Buffer]>([
    ['PEM', pem],
    ['PEM without its last line break', () => pem().trim()],
    ['PEM with CR LF', () => pem().replaceAll('\n', '\r\n')],
    ['PEM with white space around', () => ` ${pem()} `],
    ['the base64 of DER', () => spki().toString('base64')],
    ['DER', spki],
    ['JWK', jwk],
    ['the uncompressed point', () => spki().subarray(-65)],
  ])('S32 A18 refuses HS256 with our public key as the secret: %s', async (_encoding, secret) => {
    for (const alg of ['HS256', 'ES256']) {
      const input = `${encode({ ...header, alg })}.${encode(claims)}`;
      await expectRefused(`${input}.${createHmac('sha256', secret()).update(input).digest('base64url')}`);
    }
  });

  it('S33 looks neither for a key that the token brings nor where the token points', async () => {
    const { privateKey, publicKey: theirs } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}/jwks.json`;
    const their = { ...theirs.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' };
    const der = theirs.export({ type: 'spki', format: 'der' }).toString('base64');
    const headers: Json[] = [
      {},
      { jwk: { ...their, kid: header['kid'] } },
      { jwk: their, kid: undefined },
      { jku: url },
      { jku: url, kid: 'theirs' },
      { x5u: url },
      { x5u: url, kid: undefined },
      { x5c: [der] },
      { x5c: [der], kid: 'theirs', x5t: 'x' },
    ];
    for (const changes of headers) await expectRefused(forge({ header: changes }, privateKey));
    expect(visits).toBe(0);
  });

  it.each([
    '../../../../dev/null',
    '/etc/passwd',
    "' OR '1'='1",
    "x' UNION SELECT 'AAAA'--",
    '\u0000',
    '',
    'x'.repeat(1000),
    '__proto__',
    'constructor',
    null,
    0,
    {},
    ['a'],
  ])('S33 refuses the key id %j', (kid) => expectRefused(forge({ header: { kid } })));

  it.each([
    [{ crit: ['exp'] }],
    [{ crit: ['b64'], b64: false }],
    [{ crit: [] }],
    [{ typ: undefined }],
    [{ typ: 'JWT' }],
    [{ typ: 'jwt' }],
    [{ typ: 'AT+JWT ' }],
    [{ typ: 'logout+jwt' }],
    [{ typ: 'id_token' }],
    [{ typ: ['at+jwt'] }],
  ])('S35 refuses the header %j, though we signed it', (changes) => expectRefused(forge({ header: changes })));

  it.each([
    [{ iss: 'http://127.0.0.1:3000/' }],
    [{ iss: 'http://127.0.0.1' }],
    [{ iss: 'https://elsewhere.example' }],
    [{ iss: ['http://127.0.0.1:3000'] }],
    [{ iss: undefined }],
    [{ aud: 'elsewhere' }],
    [{ aud: 'roste' }],
    [{ aud: ['roster'] }],
    [{ aud: ['roster', 'elsewhere'] }],
    [{ aud: undefined }],
    [{ aud: {} }],
    [{ sub: undefined }],
    [{ sub: null }],
    [{ sub: {} }],
    [{ sub: '' }],
    [{ sub: '01a1fb89-a690-7530-90c7-ac334b01292e' }],
    [{ client_id: undefined }],
    [{ jti: undefined }],
    [{ amr: 'pwd' }],
    [{ auth_time: undefined }],
    [{ exp: undefined }],
    [{ exp: '9999999999' }],
    [{ exp: null }],
    [{ exp: 1e300 }],
    [{ exp: [9999999999] }],
    [{ iat: undefined }],
    [{ iat: 'yesterday' }],
    [{ nbf: 9999999999 }],
    [{ nbf: 'tomorrow' }],
    [{ sid: undefined }],
    [{ sid: { $ne: null } }],
  ])('S34 S36 A21 refuses the claims %j, though we signed them', (changes) =>
    expectRefused(forge({ claims: changes })),
  );

  it.each(['not-a-uuid', "' OR 1=1 --", '../', ''])('A21 refuses the session %j, though we signed it', (sid) =>
    expectRefused(forge({ claims: { sid } })),
  );

  it('refuses a session that never was', () =>
    expectRefused(forge({ claims: { sid: '01a1fb89-a690-7530-90c7-ac334b01292e' } }), 'token_revoked'));

  it('S34 allows half a minute for the clock of whoever issued it, and no more', async () => {
    const now = Math.floor(app.clock.millis() / 1000);
    expect((await me(forge({ claims: { iat: now + 20 } }))).status).toBe(200);
    await expectRefused(forge({ claims: { iat: now + 61 } }));
  });

  it('S34 looks at the end of a token at every use, by our clock', async () => {
    app.clock.stand();
    // What stands in a token are whole seconds.
    app.clock.advance(-(app.clock.millis() % 1000));
    const { token } = await app.people.person();
    expect((await me(token)).status).toBe(200);
    app.clock.advance(599_000);
    expect((await me(token)).status).toBe(200);
    app.clock.advance(1000);
    await expectRefused(token, 'token_expired');
    await expectRefused(token, 'token_expired');
    app.clock.advance(-600_000);
    app.clock.run();
  });

  it('S34 refuses an expired token that it has never seen', () =>
    expectRefused(forge({ claims: { exp: Math.floor(app.clock.millis() / 1000) } }), 'token_expired'));

  it('S35 refuses every other kind of token', async () => {
    const { body } = await app.send<{ flowId: string }>('POST', '/api/v1/auth/register', {
      body: { email: 'kinds@example.com', password: PASSWORD },
    });
    for (const token of [ada.refreshToken, body.flowId, ada.sessionId, 'a.b.c', '..', 'e30.e30.e30'])
      await expectRefused(token);
  });

  it.each(['Basic YWRhOnB3', 'Bearer', 'Bearer ', 'Token x', 'bearer a b', 'x'.repeat(5000)])(
    'refuses the header "Authorization: %s"',
    async (authorization) => {
      const answer = await app.send<{ code: string }>('GET', '/api/v1/me', { headers: { authorization } });
      expect(answer).toMatchObject({ status: 401, body: { code: 'token_invalid' } });
    },
  );

  it('S29 takes a token from the header and from nowhere else', async () => {
    const elsewhere = [
      app.send<{ code: string }>('GET', `/api/v1/me?access_token=${ada.token}`),
      app.send<{ code: string }>('GET', `/api/v1/me?token=${ada.token}`),
      app.send<{ code: string }>('GET', '/api/v1/me', { headers: { cookie: `access_token=${ada.token}` } }),
      app.send<{ code: string }>('PATCH', '/api/v1/me', { body: { access_token: ada.token } }),
    ];
    for (const answer of await Promise.all(elsewhere))
      expect(answer).toMatchObject({ status: 401, body: { code: 'token_missing' } });
  });

  it('S28 guards HEAD like GET', async () => {
    expect((await app.send('HEAD', '/api/v1/me')).status).toBe(401);
    expect((await app.send('HEAD', '/api/v1/me', { token: ada.token })).status).toBe(200);
  });

  it('keeps the tokens of two applications in one process apart', async () => {
    const other = await TestApp.start({ settings: { JWT_AUDIENCE: 'elsewhere' } });
    const foreign = await other.people.person();
    expect((await foreign.get('/api/v1/me')).status).toBe(200);
    await expectRefused(foreign.token);
    expect((await other.send('GET', '/api/v1/me', { token: forge() })).status).toBe(401);
    expect((await me(forge())).status).toBe(200);
    await other.stop();
  });
});
