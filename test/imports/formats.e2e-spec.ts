import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Secrets } from '../../src/platform/crypto/secrets.js';
import { Jobs } from '../../src/jobs/index.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { CSV, JSON_DOCUMENT, NDJSON, handIn, ndjson, summaryOf, taken, userAt } from './files.js';

const PASSWORD = 'correct horse battery staple';
/** Of Firebase's own example (firebase/scrypt). */
const FIREBASE = {
  'firebase-hash-config': [
    'hash_config {',
    '  algorithm: SCRYPT,',
    '  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,',
    '  base64_salt_separator: Bw==, rounds: 8, mem_cost: 14, }',
  ].join(' '),
};
const BCRYPT = '$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS';

const fixture = (name: string): Buffer =>
  readFileSync(join(import.meta.dirname, '..', '..', 'test', 'imports', 'fixtures', name));

describe('files of other systems', () => {
  let app: TestApp;
  let admin: Person;

  beforeAll(async () => {
    app = await TestApp.start({ database: await freshDatabase(`import_formats_${process.env['JEST_WORKER_ID']}`) });
    admin = await app.people.admin();
  });
  afterAll(() => app.stop());

  const hashOf = async (email: string): Promise<string> => {
    const [row] = await app.sql<{ hash: string }>(
      'SELECT h.hash FROM roster.password_hashes h JOIN roster.users u ON u.id = h.user_id WHERE u.email_key = $1 AND u.deleted_at IS NULL',
      [email],
    );
    return row!.hash;
  };
  const signIn = async (identifier: string, password: string): Promise<number> =>
    (await app.send('POST', '/api/v1/auth/login', { body: { identifier, password } })).status;

  /** Not by another password; by theirs; and then by a hash of ours, which is as good. */
  async function comesIn(email: string): Promise<void> {
    const before = await hashOf(email);
    expect(await signIn(email, `${PASSWORD}s`)).toBe(401);
    expect(await hashOf(email)).toBe(before);
    expect(await signIn(email, PASSWORD)).toBe(200);
    const after = await hashOf(email);
    expect(after).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await signIn(email, PASSWORD)).toBe(200);
    expect(await hashOf(email)).toBe(after);
  }

  it('Auth0: its users and its password hashes', async () => {
    const done = await taken(admin, fixture('auth0.ndjson'), NDJSON);
    expect(done.format).toBe('auth0');
    expect(await summaryOf(admin, done.id)).toEqual([
      '1 created',
      '2 created',
      '3 created',
      '4 failed required /email',
    ]);
    expect(await userAt(admin, 'jane.doe@auth0.example')).toMatchObject({
      name: 'Jane Doe',
      username: 'janedoe',
      emailVerified: true,
      status: 'active',
      externalId: 'auth0|5f7c8ec7c33c6c004bbafe82',
      metadata: { theme: 'dark' },
      appMetadata: { plan: 'gold' },
    });
    expect(await userAt(admin, 'blocked@auth0.example')).toMatchObject({ name: 'blocked', status: 'suspended' });
    expect(await userAt(admin, 'social@auth0.example')).toMatchObject({
      name: 'So Cial',
      phone: '+4930901820',
      status: 'invited',
    });
    await comesIn('jane.doe@auth0.example');
    const later = await app.people.user({ email: 'later@auth0.example', name: 'Later' }, { invited: true });
    const hashes = await taken(admin, fixture('auth0-hashes.ndjson'), JSON_DOCUMENT, '?onConflict=update');
    expect([hashes.format, hashes.updated]).toEqual(['auth0', 1]);
    expect(await userAt(admin, later.email)).toMatchObject({ name: 'Later', status: 'active' });
    await comesIn('later@auth0.example');
  });

  it('Keycloak: the users of a realm, with PBKDF2 and argon2', async () => {
    const done = await taken(admin, fixture('keycloak.json'), JSON_DOCUMENT);
    expect(done.format).toBe('keycloak');
    expect((await summaryOf(admin, done.id)).map((line) => line.replace(/^\d+ /, ''))).toEqual([
      'created',
      'created',
      'created',
      'created',
      'failed hash_unknown /passwordHash',
      'failed required /email',
    ]);
    expect(await userAt(admin, 'ada@keycloak.example')).toMatchObject({
      name: 'Ada Lovelace',
      username: null,
      locale: 'de',
      externalId: 'f58b6a4c-9b1f-4f4a-8d57-4e9a5f0a1c01',
      appMetadata: { locale: ['de'], department: ['analysis'] },
    });
    expect(await userAt(admin, 'alan@keycloak.example')).toMatchObject({ name: 'alan', username: 'alan' });
    expect(await userAt(admin, 'old@keycloak.example')).toMatchObject({ status: 'suspended' });
    for (const name of ['ada', 'alan', 'grace']) await comesIn(`${name}@keycloak.example`);
    const old = await userAt(admin, 'old@keycloak.example');
    expect(await signIn('old@keycloak.example', PASSWORD)).toBe(403);
    expect((await admin.delete(`/api/v1/users/${old!.id}/suspension`)).status).toBe(200);
    expect(await signIn('old@keycloak.example', PASSWORD)).toBe(200);
  });

  it('Supabase: the table auth.users', async () => {
    const done = await taken(admin, fixture('supabase.csv'), CSV);
    expect(done.format).toBe('supabase');
    expect(await summaryOf(admin, done.id)).toEqual([
      '2 created',
      '3 created',
      '4 created',
      '5 failed deleted_there',
      '6 failed required /email',
    ]);
    expect(await userAt(admin, 'ada@supabase.example')).toMatchObject({
      name: 'Ada Lovelace',
      phone: '+493090182',
      emailVerified: true,
      metadata: { full_name: 'Ada Lovelace', avatar_url: 'https://example.com/a.png' },
      appMetadata: { provider: 'email', providers: ['email'] },
    });
    expect(await userAt(admin, 'banned@supabase.example')).toMatchObject({ status: 'suspended', emailVerified: false });
    expect(await userAt(admin, 'pardoned@supabase.example')).toMatchObject({ status: 'invited', emailVerified: true });
    await comesIn('ada@supabase.example');
  });

  it.each([
    ['JSON', 'firebase.json', JSON_DOCUMENT, 'ada@firebase.example', 'Ada Lovelace', { admin: true }],
    ['CSV', 'firebase.csv', CSV, 'csv@firebase.example', 'Lovelace, Ada', { plan: 'gold' }],
  ])('Firebase: auth:export as %s, with its scrypt', async (_, name, type, email, called, appMetadata) => {
    const refused = await handIn<{ code: string; errors: { code: string }[] }>(admin, fixture(name), type);
    expect([refused.status, refused.body.errors[0]!.code]).toEqual([422, 'hash_parameters_missing']);
    const done = await taken(admin, fixture(name), { ...type, ...FIREBASE });
    expect([done.format, done.created, done.failed]).toEqual(['firebase', 2, 0]);
    expect(await userAt(admin, email)).toMatchObject({ name: called, emailVerified: true, appMetadata });
    const kept = await hashOf(email);
    expect(kept).not.toContain('jxspr8Ki0RYycVU8zykbd');
    await comesIn(email);
  });

  it('seals the key of a project anew when the secret key is a new one', async () => {
    const database = await freshDatabase(`seal_${process.env['JEST_WORKER_ID']}`);
    const [old, fresh] = [Buffer.alloc(32, 7), Buffer.alloc(32, 8)];
    const kept = async (house: TestApp): Promise<string> =>
      (await house.sql<{ hash: string }>("SELECT hash FROM roster.password_hashes WHERE hash LIKE '$firebase%'"))[0]!
        .hash;
    const first = await TestApp.start({ database, secrets: new Secrets(old) });
    const file = fixture('firebase.json');
    await taken(await first.people.admin(), file, { ...JSON_DOCUMENT, ...FIREBASE });
    const before = await kept(first);
    await first.stop();
    const renewed = await TestApp.start({ database, secrets: new Secrets(fresh, old) });
    const reseal = renewed.get(Jobs).known().get('password_keys.reseal')!.handler as unknown as () => Promise<void>;
    await reseal();
    expect(await kept(renewed)).not.toBe(before);
    await renewed.stop();
    const later = await TestApp.start({ database, secrets: new Secrets(fresh) });
    const body = { identifier: 'ada@firebase.example', password: PASSWORD };
    expect((await later.send('POST', '/api/v1/auth/login', { body })).status).toBe(200);
    await later.stop();
  });

  it.each([
    ['bcrypt', BCRYPT],
    ['bcrypt of PHP', BCRYPT.replace('$2b$', '$2y$')],
    ['argon2i', '$argon2i$v=19$m=1024,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$Z9tQ5x+TJA0PzMbFcJCUA0Sxu8cKh4sKwxxZauJbgkA'],
    ['argon2id', '$argon2id$v=19$m=7168,t=5,p=1$MDEyMzQ1Njc4OWFiY2RlZg$iFYFbd6+YgSpBS95zKSeCiqMI6RfgwXfibpMk5AbxQY'],
    ['scrypt', '$scrypt$ln=12,r=8,p=1$TmFDbE5hQ2xOYUNsTmFDbA$ETszFy2fundnE2CaNdyF4E3rDrHiozrN6fVsapif58w'],
    ['PBKDF2 of Django', 'pbkdf2_sha256$1000$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA='],
  ])('our own format: a hash of %s signs in, and is rehashed', async (_, passwordHash) => {
    const email = `${unique('h')}@example.com`;
    const done = await taken(admin, ndjson({ email, name: 'Hashed', passwordHash }), NDJSON);
    expect(done.created).toBe(1);
    await comesIn(email);
  });

  it('rehashes once for all who sign in at the same time, and never over a newer password', async () => {
    const email = `${unique('race')}@example.com`;
    await taken(admin, ndjson({ email, name: 'Race', passwordHash: BCRYPT }), NDJSON);
    const statuses = await Promise.all(Array.from({ length: 20 }, () => signIn(email, PASSWORD)));
    expect(statuses.every((status) => status === 200 || status === 429 || status === 503)).toBe(true);
    expect(statuses).toContain(200);
    expect(await hashOf(email)).toMatch(/^\$argon2id\$/);
    expect(await signIn(email, PASSWORD)).toBe(200);
  });
});
