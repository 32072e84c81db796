import { argon2Sync } from 'node:crypto';

import { Jobs } from '../../src/jobs/index.js';
import { Secrets } from '../../src/platform/crypto/secrets.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { NDJSON, ndjson, reportOf, summaryOf, taken, userAt } from './files.js';

const THEIRS = 'correct horse battery staple';
const BCRYPT = '$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS';
const UPDATE = '?onConflict=update';
const HOUR = 3_600_000;
const OLD = Buffer.alloc(32, 7);
/** What the secret key was before. */
const FORMER = new Secrets(OLD);

const bytes = (length: number): string => Buffer.alloc(length, 7).toString('base64').replace(/=+$/, '');

describe('passwords and rights that a file brings', () => {
  const lines: string[] = [];
  let app: TestApp;
  let admin: Person;

  beforeAll(async () => {
    const database = await freshDatabase(`import_passwords_${process.env['JEST_WORKER_ID']}`);
    const secrets = new Secrets(Buffer.alloc(32, 8), OLD);
    app = await TestApp.start({ database, secrets, onLog: (line) => lines.push(line) });
    admin = await app.people.admin();
  });
  afterAll(() => app.stop());

  const fresh = (): string => `${unique('w')}@example.com`;
  const signIn = async (identifier: string, password: string): Promise<number> =>
    (await app.send('POST', '/api/v1/auth/login', { body: { identifier, password } })).status;
  const warned = (text: string): string[] => lines.filter((line) => line.includes(text));

  describe('who is there', () => {
    it.each([
      ['had their password taken away', async (id: string) => void (await dropPassword(id))],
      ['has one', () => Promise.resolve()],
    ])('keeps how they sign in, who is active and %s', async (_, before) => {
      const importer = await app.people.withPermissions('users:import', 'users:read');
      const [alone, renamed] = [await app.people.user(), await app.people.user()];
      for (const { id } of [alone, renamed]) await before(id);
      const facts = await app.factsAbout(alone.id);
      const rows = [
        { email: alone.email, passwordHash: BCRYPT },
        { email: renamed.email, name: 'After', passwordHash: BCRYPT },
      ];
      for (const query of [`${UPDATE}&dryRun=true`, UPDATE]) {
        const done = await taken(importer, ndjson(...rows), NDJSON, query);
        expect(await summaryOf(importer, done.id)).toEqual([
          '1 skipped password_kept /passwordHash',
          '2 updated password_kept /passwordHash',
        ]);
      }
      for (const { email } of [alone, renamed]) expect(await signIn(email, THEIRS)).toBe(401);
      expect((await app.factsAbout(alone.id)).filter((type) => type !== 'sign_in.refused')).toEqual(facts);
      expect(await userAt(admin, renamed.email)).toMatchObject({ name: 'After', version: 2 });
    });

    it('gets a password who is still invited: they are active, and both are facts', async () => {
      const invited = await app.people.user({}, { invited: true });
      const row = { email: invited.email, name: 'After', passwordHash: BCRYPT };
      const done = await taken(admin, ndjson(row), NDJSON, UPDATE);
      expect(await summaryOf(admin, done.id)).toEqual(['1 updated']);
      const facts = ['user.created', 'user.updated', 'user.activated', 'password.changed'];
      expect(await app.factsAbout(invited.id)).toEqual(facts);
      expect(await userAt(admin, invited.email)).toMatchObject({ status: 'active', version: 3 });
      expect(await signIn(invited.email, THEIRS)).toBe(200);
      const again = await taken(admin, ndjson(row), NDJSON, UPDATE);
      expect(await summaryOf(admin, again.id)).toEqual(['1 skipped password_kept /passwordHash']);
    });

    async function dropPassword(id: string): Promise<void> {
      await app.sql('DELETE FROM roster.password_hashes WHERE user_id = $1', [id]);
    }
  });

  it('tells of a password that came along in the one fact of its user', async () => {
    const email = fresh();
    await taken(admin, ndjson({ email, name: 'New', passwordHash: BCRYPT }, { email: fresh(), name: 'N' }), NDJSON);
    const { id } = (await userAt(admin, email))!;
    const facts = await app.sql(
      `SELECT type, private -> 'after' -> 'hasPassword' AS "hasPassword" FROM roster.events WHERE subject = $1`,
      [`users/${id}`],
    );
    expect(facts).toEqual([{ type: 'user.created', hasPassword: true }]);
  });

  describe('what the sender may', () => {
    it('bounds whom an update may change by how long, too', async () => {
      const importer = await app.people.withPermissions('users:import');
      const other = await app.people.withPermissions('jobs:read');
      const shorter = await app.people.user();
      const until = new Date(app.clock.millis() + HOUR);
      await grant(importer.id, until);
      await grant(shorter.id, new Date(until.getTime() - 1));
      const rows = [other.user.email, shorter.email].map((email) => ({ email, name: 'After' }));
      const done = await taken(importer, ndjson(...rows), NDJSON, UPDATE);
      expect(await summaryOf(admin, done.id)).toEqual(['1 failed privilege_ceiling', '2 updated']);
      await grant(shorter.id, new Date(until.getTime() + 1));
      const later = await taken(importer, ndjson({ email: shorter.email, name: 'Later' }), NDJSON, UPDATE);
      expect(await summaryOf(admin, later.id)).toEqual(['1 failed privilege_ceiling']);
      await grant(importer.id, null);
      const forGood = await taken(importer, ndjson(...rows), NDJSON, UPDATE);
      expect(await summaryOf(admin, forGood.id)).toEqual(['1 updated', '2 skipped unchanged']);
    });

    it('bounds the role `user`, where somebody is there who does not have it', async () => {
      const importer = await app.people.withPermissions('users:import');
      const assigner = await app.people.withPermissions('users:import', 'roles:assign');
      const [demoted, usual] = [await app.people.user({}, { roles: [] }), await app.people.user()];
      const rows = [demoted, usual].map(({ email }) => ({ email, name: 'After', roles: ['user'] }));
      for (const query of [`${UPDATE}&dryRun=true`, UPDATE]) {
        const done = await taken(
          importer,
          ndjson(...rows, { email: fresh(), name: 'A', roles: ['user'] }),
          NDJSON,
          query,
        );
        expect(await summaryOf(admin, done.id)).toEqual([
          '1 failed privilege_ceiling /roles',
          '2 updated',
          '3 created',
        ]);
      }
      expect(await userAt(admin, demoted.email)).toMatchObject({ roles: [], version: 1 });
      const done = await taken(assigner, ndjson(rows[0]!), NDJSON, UPDATE);
      expect(await summaryOf(admin, done.id)).toEqual(['1 updated']);
      expect((await userAt(admin, demoted.email))!.roles).toEqual(['user']);
    });

    async function grant(id: string, until: Date | null): Promise<void> {
      await app.sql(
        `INSERT INTO roster.user_permissions (user_id, permission, expires_at, granted_at) VALUES ($1, 'jobs:read', $2, now())
         ON CONFLICT (user_id, permission) DO UPDATE SET expires_at = excluded.expires_at`,
        [id, until],
      );
    }
  });

  it.each([
    ['a key that we never sealed', `$firebase-scrypt$AAAA$m=14,r=8,s=Bw$c2FsdA$${bytes(32)}`],
    ['a scrypt that nobody computes', `$scrypt$ln=18,r=1,p=1$${bytes(16)}$${bytes(32)}`],
    ['blocks upon blocks of PBKDF2', `$pbkdf2-sha1$i=2000000$${bytes(16)}$${bytes(128)}`],
  ])('a hash with %s is a bad row', async (_, passwordHash) => {
    const done = await taken(admin, ndjson({ email: fresh(), name: 'F', passwordHash }), NDJSON);
    expect(await reportOf(admin, done.id)).toMatchObject([{ status: 'failed', code: 'hash_unknown' }]);
  });

  it('a key whose seal is broken is a wrong password, and keeps nobody else from being sealed anew', async () => {
    const sealed = FORMER.seal('foreign-password-keys', Buffer.alloc(64, 1)).toString('base64url');
    const rest = `$m=14,r=8,s=AA$c2FsdA$${bytes(64)}`;
    const people = [await app.people.user(), await app.people.user()];
    const [broken, whole] = people.map(({ id }) => id).sort() as [string, string];
    const put = 'UPDATE roster.password_hashes SET hash = $2 WHERE user_id = $1';
    await app.sql(put, [broken, `$firebase-scrypt$AAAA${rest}`]);
    await app.sql(put, [whole, `$firebase-scrypt$${sealed}${rest}`]);
    for (const { email } of people) expect(await signIn(email, THEIRS)).toBe(401);
    expect(warned('cannot be read')).toEqual([expect.stringContaining(broken)]);
    const reseal = app.get(Jobs).known().get('password_keys.reseal')!.handler as unknown as () => Promise<void>;
    await reseal();
    expect(warned('their owners')).toEqual([expect.stringContaining('"broken":1')]);
    const hashOf = 'SELECT hash FROM roster.password_hashes WHERE user_id = $1';
    const [renewed] = await app.sql<{ hash: string }>(hashOf, [whole]);
    expect(renewed!.hash).toContain(rest);
    expect(renewed!.hash).not.toContain(sealed);
  });

  it.each(['argon2i', 'argon2id'] as const)(
    'signs in by what was typed there, by %s, and then by either',
    async (kind) => {
      const password = 'wait for it… then go ½';
      const cost = { memory: 19_456, passes: 2, parallelism: 1 };
      const nonce = Buffer.alloc(16, 7);
      const tag = argon2Sync(kind, { message: Buffer.from(password), nonce, tagLength: 32, ...cost });
      const written = tag.toString('base64').replace(/=+$/, '');
      const passwordHash = `$${kind}$v=19$m=19456,t=2,p=1$${bytes(16)}$${written}`;
      const email = fresh();
      await taken(admin, ndjson({ email, name: 'Typed', passwordHash }), NDJSON);
      expect(await signIn(email, `${password}!`)).toBe(401);
      expect(await signIn(email, password)).toBe(200);
      expect(await signIn(email, password.normalize('NFKC'))).toBe(200);
    },
  );
});
