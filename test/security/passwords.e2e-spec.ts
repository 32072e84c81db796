import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { PASSWORD, unique } from '../harness/people.js';

interface Refused {
  code: string;
  errors: { pointer: string; code: string }[];
}

/** Random enough for the policy, of exactly so many characters. */
const ofLength = (length: number): string =>
  'vq7 Kx)2mZ!ue_Rw9'.repeat(20).slice(0, length - 1) + (length > 0 ? 'Q' : '');

const TOO_COMMON = [
  'password12345678',
  'passwordpassword',
  '1234567890123456',
  'qwertyuiopasdfgh',
  'aaaaaaaaaaaaaaaa',
  'iloveyouiloveyou',
  'Password123456789!',
  'letmeinletmeinletmein',
  'administrator123',
];

const ACCEPTED: [string, string][] = [
  ['words with spaces', 'correct horse lamp staple'],
  ['only lower-case letters', 'quietriverunderseventallbridges'],
  ['Cyrillic', 'тихая река под семью мостами'],
  ['emoji', '🦊🌊🧭🪵🍋🛶🧵🪨🕯️🫐🎻🐌🧊🥁🪶🌵'],
  ['15 characters', ofLength(15)],
  ['64 characters', ofLength(64)],
  ['256 characters', ofLength(256)],
];

describe('passwords', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.admin();
  });
  afterAll(() => app.stop());

  const create = (password: string, profile: object = {}) =>
    ada.post<Refused & { email: string; id: string }>('/api/v1/users', {
      email: `${unique('pw')}@example.com`,
      name: 'Somebody',
      password,
      ...profile,
    });
  const login = (identifier: string, password: string) =>
    app.send<{ code: string }>('POST', '/api/v1/auth/login', { body: { identifier, password } });

  /** What the three doors say to a new password, each under its own pointer. */
  async function refusals(password: string): Promise<string[]> {
    const answers = [
      await app.send<Refused>('POST', '/api/v1/auth/register', {
        body: { email: `${unique('pw')}@example.com`, password },
      }),
      await create(password),
      await ada.post<Refused>('/api/v1/me/password', { currentPassword: PASSWORD, newPassword: password }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([422, 422, 422]);
    const faults = answers.map(({ body }) => body.errors);
    expect(faults.map((errors) => errors.map(({ pointer }) => pointer))).toEqual([
      ['/password'],
      ['/password'],
      ['/newPassword'],
    ]);
    return faults.map(([fault]) => fault!.code);
  }

  it.each([
    ['S1', 8, 'password_too_short'],
    ['S1', 14, 'password_too_short'],
    ['S1', 257, 'password_too_long'],
  ])('%s refuses %i characters at every door', async (_row, length, code) => {
    expect(await refusals(ofLength(length))).toEqual([code, code, code]);
  });

  it.each(TOO_COMMON)('S4 refuses %j at every door alike', async (password) => {
    const [code, ...others] = await refusals(password);
    expect(code).toMatch(/^password_(common|guessable)$/);
    expect(others).toEqual([code, code]);
  });

  it.each([
    ['the product and digits', 'roster1234567890', {}],
    ['the address', 'hopper.grace@example.com', { email: 'hopper.grace@example.com' }],
    ['the name and digits', 'Wilhelmina Zwart 1975', { name: 'Wilhelmina Zwart' }],
    ['the user name twice', 'zwartvogel-zwartvogel', { username: 'zwartvogel' }],
  ])('S5 refuses %s', async (_what, password, profile) => {
    const { status, body } = await create(password, profile);
    expect({ status, codes: body.errors.map(({ code }) => code) }).toEqual({
      status: 422,
      codes: [expect.stringMatching(/^password_(contains_identity|guessable)$/)],
    });
  });

  it.each(ACCEPTED)('S1 S2 takes %s, and signs in with it', async (_what, password) => {
    const { status, body } = await create(password);
    expect(status).toBe(201);
    expect((await login(body.email, password)).status).toBe(200);
  });

  it('S3 compares every byte: no cut, no folding of case, no end at a NUL', async () => {
    const password = `${'жук-Ωmega '.repeat(8)}${ofLength(28)}`;
    const { body } = await create(password);
    expect((await login(body.email, password)).status).toBe(200);
    const bytes = Buffer.from(password);
    const cut = (length: number): string => bytes.subarray(0, length).toString().replaceAll('\ufffd', '');
    const wrong = [
      cut(72),
      cut(73),
      cut(99),
      password.slice(0, -1),
      `${password}x`,
      ` ${password}`,
      `${password} `,
      password.toLowerCase(),
      password.toUpperCase(),
    ];
    for (const other of wrong)
      expect(await login(body.email, other)).toMatchObject({ status: 401, body: { code: 'sign_in_failed' } });
    expect(await login(body.email, `${password}\u0000x`)).toMatchObject({
      status: 400,
      body: { code: 'malformed_request' },
    });
  });

  it('S6 takes what keyboards of different systems make of the same keys for the same password', async () => {
    const { body } = await create('Zoë Brontë säuft Öl über Ångström'.normalize('NFC'));
    expect((await login(body.email, 'Zoë Brontë säuft Öl über Ångström'.normalize('NFD'))).status).toBe(200);
  });
});
