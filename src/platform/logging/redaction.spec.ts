import { Logs } from './logger.js';
import { CENSOR, redact, scrub } from './redaction.js';

const PLANTED = 'pl4nted-s3cret-value';

/** The lines that a process writes when these fields are logged. */
function written(log: (logs: Logs) => void): string {
  let text = '';
  const destination = { write: (line: string): void => void (text += line) };
  log(new Logs({ level: 'trace', pretty: false, destination }));
  return text;
}

const SENSITIVE = [
  'password',
  'currentPassword',
  'newPassword',
  'passwordHash',
  'token',
  'accessToken',
  'refresh_token',
  'id_token',
  'secret',
  'secretKey',
  'clientSecret',
  'x-api-key',
  'authorization',
  'Authorization',
  'cookie',
  'Set-Cookie',
  'credentials',
  'privateKey',
  'email',
  'emailKey',
  'phone',
  'name',
  'displayName',
  'username',
  'metadata',
  'appMetadata',
  'recipient',
  'verificationCode',
  'parameters',
  'detail',
  'otp',
];

/** The field at the top, in objects, in a list, behind `toJSON`, beside an error, and as part of one. */
const PLACES: [string, (field: string) => Record<string, unknown>][] = [
  ['on top', (field) => ({ [field]: PLANTED })],
  ['one level down', (field) => ({ request: { [field]: PLANTED } })],
  ['five levels down', (field) => ({ a: { b: { c: { d: { e: { [field]: [PLANTED] } } } } } })],
  ['in a list', (field) => ({ items: [{ ok: 1 }, { [field]: { value: PLANTED } }] })],
  ['behind toJSON', (field) => ({ made: { toJSON: () => ({ [field]: PLANTED }) } })],
  ['on an error', (field) => ({ err: Object.assign(new Error('failed'), { [field]: PLANTED }) })],
  ['on the cause of an error', (field) => ({ err: new Error('failed', { cause: { [field]: PLANTED } }) })],
  [
    'on one of several errors',
    (field) => ({ err: new AggregateError([Object.assign(new Error(), { [field]: PLANTED })]) }),
  ],
  [
    'on an error in an object',
    (field) => ({ job: { failure: Object.assign(new Error('failed'), { [field]: PLANTED }) } }),
  ],
];

describe('redaction', () => {
  it.each(PLACES)('leaves no secret and no personal field in a line: %s', (place, plant) => {
    // An error's `name` is its kind.
    for (const field of place.includes('error') ? SENSITIVE.filter((each) => each !== 'name') : SENSITIVE) {
      const line = written((logs) => logs.of('test').info(plant(field), 'planted'));
      expect(line).not.toContain(PLANTED);
      expect(JSON.parse(line)).toMatchObject({ msg: 'planted', part: 'test' });
    }
  });

  it('shows what is neither, unchanged, and copies nothing for it', () => {
    const fields = { route: '/api/v1/users/:id', status: 200, ms: 1.25, nested: { job: 'mail.deliver', tries: 2 } };
    expect(redact(fields)).toBe(fields);
  });

  it('changes nothing of what was given', () => {
    const fields = { user: { email: PLANTED, id: 'u1' } };
    expect(redact(fields)).toEqual({ user: { email: CENSOR, id: 'u1' } });
    expect(fields.user.email).toBe(PLANTED);
  });

  it('ends in circles, and does not write bytes out', () => {
    const circle: Record<string, unknown> = { bytes: Buffer.from(PLANTED) };
    circle['again'] = circle;
    const line = written((logs) => logs.of('test').info(circle, 'round'));
    expect(line).toContain('[deeper]');
    expect(line).toContain(`[${PLANTED.length} bytes]`);
    expect(line).not.toContain('112,108');
  });

  it.each([
    ['23505', 'duplicate key value violates unique constraint "users_email"', 'users_email'],
    ['22P02', `invalid input syntax for type uuid: "${PLANTED}"`, 'invalid input syntax for type uuid'],
    ['22003', `value "${PLANTED} "quoted" in it" is out of range for type integer`, 'is out of range for type integer'],
    ['22P02', `invalid input syntax for type json: "{\n${PLANTED}"`, 'invalid input syntax for type json'],
  ])('tells where a database error %s happened, and no value of it', (code, message, kept) => {
    const error = Object.assign(new Error(message), {
      code,
      severity: 'ERROR',
      constraint: 'users_email',
      detail: `Key (email)=(${PLANTED}) already exists.`,
      where: PLANTED,
      internalQuery: PLANTED,
      parameters: [PLANTED],
      driverError: { detail: PLANTED },
    });
    const line = written((logs) => logs.of('test').error({ err: new Error('The deed failed', { cause: error }) }));
    expect(line).not.toContain(PLANTED);
    expect(line).toContain(kept);
    expect(JSON.parse(line)).toMatchObject({ err: { cause: { code, severity: 'ERROR', constraint: 'users_email' } } });
  });

  it('says no more of an error that is thrown as a text, or logged bare', () => {
    const thrown = written((logs) => logs.of('test').error({ err: new Error('failed', { cause: PLANTED }) }, 'thrown'));
    expect(thrown).not.toContain(PLANTED);
    const bare = written((logs) => logs.of('test').error(Object.assign(new Error('bare'), { detail: PLANTED })));
    expect(bare).not.toContain(PLANTED);
    expect(JSON.parse(bare)).toMatchObject({ msg: 'bare', err: { type: 'Error', message: 'bare' } });
  });

  it.each([
    ['a token in a URL', 'GET /x?a=1&access_token=SECRET&b=2', 'a=1'],
    ['a code in a URL', '/callback?state=s&code=SECRET', 'state=s'],
    ['the password of a URL', 'connect postgres://roster:SECRET@db.internal:5432/roster failed', 'db.internal:5432'],
    ['a bearer token', 'sent Authorization: Bearer SECRET.x-y~z+/= to it', 'to it'],
    ['an API key', 'lost roster_pat_SECRETSECRETSECRETSECRET_0aZ9bY on the way', 'on the way'],
    ['an access token', 'verify eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJTRUNSRVQifQ.SECRETsignature failed', 'failed'],
  ])('takes %s out of any text: the message, a field, a stack', (_what, text, kept) => {
    const secret = text.replaceAll('SECRET', PLANTED);
    const line = written((logs) => {
      logs.of('test').info(secret);
      logs.of('test').info({ about: secret });
      logs.of('test').error({ err: new Error(secret) });
    });
    expect(line).not.toContain(PLANTED);
    expect(line).not.toContain('eyJzdWIi');
    expect(line.split('\n')).toHaveLength(4);
    for (const one of line.trim().split('\n')) expect(JSON.stringify(JSON.parse(one))).toContain(kept);
  });

  it('keeps an event on one line that colours no terminal (CR, LF, ANSI, C1, U+2028, bidi)', () => {
    const forged = 'a\r\n{"level":"fatal"}\u001b[31mred\u009b31m\u0085\u2028\u2029\u202ereversed\u007f';
    const line = written((logs) => logs.of('test').info({ about: forged }, forged));
    expect(line.match(/[\r\n]/g)).toEqual(['\n']);
    expect(line.trim()).not.toMatch(/[^\x20-\x7e]/);
    expect(JSON.parse(line)).toMatchObject({ about: forged, msg: forged });
  });

  it('lets letters of every script pass as they are', () => {
    expect(scrub('{"about":"Ядвига 山田 😀"}')).toBe('{"about":"Ядвига 山田 😀"}');
  });
});
