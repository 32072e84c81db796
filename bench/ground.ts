import { createPublicKey, randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import jwt from 'jsonwebtoken';
import { Client } from 'pg';

import { createApp } from '../src/app.js';
import type { App } from '../src/app.js';
import { Administrators } from '../src/auth/index.js';
import type { TokenSubject } from '../src/auth/access-tokens.js';
import { SessionTokens } from '../src/auth/session-tokens.service.js';
import { Keys } from '../src/keys/index.js';
import { PasswordHasher } from '../src/passwords/index.js';
import { PublicUrl } from '../src/platform/http/public-url.js';
import { addressOf, layGround, migrateUp } from '../src/boot.js';
import { Config } from '../src/platform/config/config.js';
import { startEmbeddedPostgres } from '../src/platform/database/embedded/index.js';
import type { EmbeddedPostgres } from '../src/platform/database/embedded/index.js';
import { Logs } from '../src/platform/logging/logger.js';

export const SESSIONS = 1000;
const ROLE = 'bench_reader';
/** Sessions whose refresh tokens no one has used yet, for the rounds of the refresh. */
const CHAINS = 1500;
/** More than the application remembers. */
const FRESH_TOKENS = 45_000;
const NEVER_REACHED = '1000000000/60s';

/** What every server under test stands on: a database with people in it, and tokens that Roster itself gave. */
export interface Ground {
  /** The settings of Roster, as in production. */
  readonly environment: Readonly<Record<string, string>>;
  readonly databaseUrl: string;
  /** The process id of PostgreSQL's postmaster. */
  readonly databasePid: number;
  readonly databaseVersion: string;
  /** PEM of the key that signed the tokens, its `kid`, and what else the tokens say. */
  readonly publicKey: string;
  readonly issuer: string;
  readonly audience: string;
  /** Some id and some token: the load takes its own from `ids.txt` and `tokens.txt` in the folder. */
  readonly id: string;
  readonly token: string;
  /** Tokens live ten minutes: new ones, for the same sessions, into the same files. */
  renewTokens(): void;
  stop(): Promise<void>;
}

/** Writes `ids.txt` (every user), `tokens.txt` (of a thousand sessions) and `people.json` into the folder. */
export async function prepareGround(folder: string, rows: number): Promise<Ground> {
  // Every peer keeps ten connections.
  const options = { dataDir: join(folder, 'data'), maxConnections: 300, log: () => undefined };
  const cluster = await startEmbeddedPostgres(options);
  try {
    return await furnish(cluster, folder, rows);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function furnish(cluster: EmbeddedPostgres, folder: string, rows: number): Promise<Ground> {
  const environment = {
    PATH: process.env['PATH'] ?? '',
    NODE_ENV: 'production',
    DATA_DIR: join(folder, 'data'),
    DATABASE_URL: cluster.appUrl,
    DATABASE_MIGRATION_URL: cluster.ownerUrl,
    SECRET_KEY: randomBytes(32).toString('base64'),
    ADMIN_EMAIL: 'admin@example.com',
    ADMIN_PASSWORD: randomBytes(16).toString('base64url'),
    PUBLIC_URL: 'http://127.0.0.1:3000',
    PORT: '0',
    MANAGEMENT_PORT: '0',
    // On, and never reached: a limit that refuses would be measured in place of the answer.
    RATE_LIMIT_READ: NEVER_REACHED,
    RATE_LIMIT_WRITE: NEVER_REACHED,
    RATE_LIMIT_CREDENTIALS: NEVER_REACHED,
  };
  const config = Config.load(environment);
  const address = addressOf(config, null);
  await migrateUp(address);
  const ground = layGround(config, new Logs({ level: 'error', pretty: false }), address);
  const app = await createApp(ground, environment.PUBLIC_URL);
  // Else the first server to start would hash a password, and keep the memory that this took.
  await app.nest.get(Administrators, { strict: false }).ensureFirst();
  const owner = await connect(cluster.ownerUrl);
  try {
    const ids = await people(owner, rows);
    const subjects = await signIn(owner, ids, app);
    const sign = await signerOf(app, config);
    const renewTokens = (): void => {
      const lines = (count: number): string =>
        Array.from({ length: count }, (_, at) => `${sign(subjects[at % subjects.length]!)}\n`).join('');
      writeFileSync(join(folder, 'tokens.txt'), lines(subjects.length));
      writeFileSync(join(folder, 'fresh-tokens.txt'), lines(FRESH_TOKENS));
    };
    renewTokens();
    writeFileSync(join(folder, 'people.json'), JSON.stringify(await passwordHolders(owner, ids, app)));
    writeFileSync(join(folder, 'ids.txt'), `${ids.join('\n')}\n`);
    const keys = await ask<{ public_key: Record<string, string> }>(
      owner,
      "SELECT public_key FROM roster.signing_keys WHERE state = 'active'",
    );
    const [version] = await ask<{ server_version: string }>(owner, 'SHOW server_version');
    await settle(cluster.superUrl);
    return {
      environment,
      databaseUrl: cluster.appUrl,
      databasePid: cluster.pid,
      databaseVersion: version!.server_version,
      publicKey: createPublicKey({ format: 'jwk', key: keys[0]!.public_key })
        .export({ format: 'pem', type: 'spki' })
        .toString(),
      issuer: ground.publicUrl.value,
      audience: config.values.JWT_AUDIENCE,
      id: ids[0]!,
      token: sign(subjects[0]!),
      renewTokens,
      stop: () => cluster.stop(),
    };
  } finally {
    await owner.end();
    await app.nest.close();
  }
}

/** As many users as a mid-sized organisation has, with what people have: UUIDv7 ids over two years, one in fifty suspended. */
async function people(owner: Client, count: number): Promise<string[]> {
  const rows = await ask<{ id: string }>(
    owner,
    `WITH made AS (
       SELECT n, at, (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(noise, 1, 3)
         || '8' || substr(noise, 4, 15))::uuid AS id, initcap(word) || ' ' || initcap(reverse(word)) AS name
       FROM generate_series(1, ${count}) AS n,
         LATERAL (SELECT now() - n * interval '1 minute' AS at, md5(n::text) AS noise,
           translate(substr(md5(n::text), 1, 7), '0123456789', 'ghijklmnop') AS word) AS drawn
     )
     INSERT INTO roster.users (id, email, email_key, email_verified_at, name, name_key, username, username_key, phone,
       locale, timezone, external_id, metadata, app_metadata, activated_at, suspended_at, suspension_reason,
       created_at, updated_at, last_sign_in_at, version)
     SELECT id, 'person.' || n || '@example.com', 'person.' || n || '@example.com', at, name, lower(name),
       CASE WHEN n % 2 = 0 THEN 'person' || n END, CASE WHEN n % 2 = 0 THEN 'person' || n END,
       CASE WHEN n % 3 = 0 THEN '+4420' || (70000000 + n) END, 'en', 'Europe/London', 'hr-' || n,
       '{"theme": "dark", "newsletter": false}', '{"plan": "team", "seats": 12}', at,
       CASE WHEN n % 50 = 0 THEN at END, CASE WHEN n % 50 = 0 THEN 'Left the company' END, at, at, at, 1
     FROM made RETURNING id`,
  );
  await owner.query(`
    INSERT INTO roster.user_roles (user_id, role, granted_at) SELECT id, 'user', created_at FROM roster.users
      ON CONFLICT DO NOTHING;
    INSERT INTO roster.roles (name, about, built_in, created_at) VALUES ('${ROLE}', 'reads and writes users', false, now());
    INSERT INTO roster.role_permissions (role, permission)
      VALUES ('${ROLE}', 'users:read'), ('${ROLE}', 'users:write')`);
  return rows.map(({ id }) => id);
}

/** A thousand different people who may read and write users, each with one session. */
async function signIn(owner: Client, ids: readonly string[], { nest }: App): Promise<TokenSubject[]> {
  const signIns = nest.get(SessionTokens, { strict: false });
  const readers = ids.filter((_, place) => place % Math.floor(ids.length / SESSIONS) === 1);
  await owner.query(`INSERT INTO roster.user_roles (user_id, role, granted_at) SELECT unnest($1::uuid[]), $2, now()`, [
    readers,
    ROLE,
  ]);
  const subjects: TokenSubject[] = [];
  for (const userId of readers.slice(0, SESSIONS)) {
    const { session } = await signIns.start(userId, ['pwd']);
    const { id: sessionId, authenticatedAt, expiresAt: sessionExpiresAt } = session;
    subjects.push({ userId, sessionId, authenticatedAt, sessionExpiresAt, amr: ['pwd'] });
  }
  return subjects;
}

/** Signs as the application does, also after it has ended. */
async function signerOf({ nest }: App, config: Config): Promise<(subject: TokenSubject) => string> {
  const { kid, key } = await nest.get(Keys, { strict: false }).signer();
  const { value: iss } = nest.get(PublicUrl, { strict: false });
  return ({ userId, sessionId, authenticatedAt, amr }) => {
    const now = Math.floor(performance.timeOrigin / 1000 + performance.now() / 1000);
    const session = { sub: userId, sid: sessionId, amr, auth_time: Math.floor(authenticatedAt.getTime() / 1000) };
    const times = { iat: now, exp: now + 600, jti: randomUUID() };
    const claims = { iss, aud: config.values.JWT_AUDIENCE, client_id: 'roster', ...session, ...times };
    return jwt.sign(claims, key, { algorithm: 'ES256', header: { alg: 'ES256', typ: 'at+jwt', kid } });
  };
}

/** People who can sign in by a password, hashed once for all, and sessions that wait to be refreshed. */
async function passwordHolders(owner: Client, ids: readonly string[], { nest }: App): Promise<object> {
  const password = randomBytes(24).toString('base64url');
  const hash = await nest.get(PasswordHasher, { strict: false }).hash(password);
  const holders = ids.slice(0, 200);
  await owner.query(
    'INSERT INTO roster.password_hashes (user_id, hash, changed_at) SELECT unnest($1::uuid[]), $2, now()',
    [holders, hash],
  );
  const emails = await ask<{ email: string }>(
    owner,
    'SELECT email FROM roster.users WHERE id = ANY($1) AND suspended_at IS NULL',
    [holders],
  );
  const signIns = nest.get(SessionTokens, { strict: false });
  const refreshTokens: string[] = [];
  for (let at = 0; at < CHAINS; at += 1)
    refreshTokens.push((await signIns.start(ids[(at * 50 + 1) % ids.length]!, ['pwd'])).refreshToken);
  return { password, emails: emails.map(({ email }) => email), refreshTokens };
}

async function settle(superUrl: string): Promise<void> {
  const address = new URL(superUrl);
  address.pathname = '/roster';
  const superuser = await connect(address.href);
  await superuser.query('VACUUM (ANALYZE)');
  await superuser.query('CHECKPOINT');
  await superuser.end();
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

async function ask<T>(client: Client, text: string, values: unknown[] = []): Promise<T[]> {
  return (await client.query(text, values)).rows as T[];
}
