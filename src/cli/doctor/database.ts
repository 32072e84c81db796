import { Clock } from '../../platform/clock/clock.js';
import { generatedSecretKey } from '../../platform/crypto/secret-key-file.js';
import { SealBroken, Secrets } from '../../platform/crypto/secrets.js';
import { isUnverified } from '../../platform/database/backup/unverified.js';
import { withConnection } from '../../platform/database/data-source.js';
import type { Surroundings } from '../application.js';
import { migrationsOf } from '../migrations.js';
import { fault, ok, warning } from './finding.js';
import type { Finding } from './finding.js';

/** Connections that PostgreSQL should have for more than one process of Roster. */
const PROCESSES = 2;
/** Jobs, listener, leader: what a process opens beside its pool. */
const BESIDE_THE_POOL = 5;
const SKEW_NOTICED = 1000;
/** Tokens are refused beyond it. Milliseconds. */
const SKEW_BORNE = 30_000;

interface Server {
  readonly version: string;
  readonly encoding: string;
  readonly ctype: string;
  readonly provider: string;
  readonly connections: number;
  readonly commit: string;
  readonly now: Date;
}

/** What only the database can tell: its version, its locale, its clock, its tables, and what our secret opens there. */
export async function examineDatabase({ config, address }: Surroundings): Promise<Finding[]> {
  const { before, server, after, unverified } = await withConnection(address.ownerUrl, async (client) => {
    const started = new Clock().now();
    const { rows } = await client.query<Server>(SERVER);
    const after = new Clock().now();
    return { before: started, server: rows[0]!, after, unverified: await isUnverified(client) };
  });
  const { applied, pending } = await migrationsOf(address);
  return [
    ok(
      'database',
      `PostgreSQL ${server.version}${address.embedded ? ', embedded' : ''}, synchronous_commit ${server.commit}`,
    ),
    ...(unverified ? [fault('restore', 'was ended before its end: run `restore` once more')] : []),
    localeFinding(server),
    clockFinding(server.now, before, after),
    connectionsFinding(server.connections, config.values.DATABASE_POOL_MAX),
    rolesFinding(address.applicationRole, address.embedded),
    pending.length > 0
      ? warning('migrations', `${pending.length} to run (the next start does, or \`npm run roster -- migrate up\`)`)
      : ok('migrations', `all ${applied.length} have run`),
    ...(applied.length > 0 ? [await secretsFinding({ config, address })] : []),
  ];
}

const SERVER = `SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
  current_setting('server_encoding') AS encoding, datctype AS ctype, datlocprovider AS provider,
  current_setting('max_connections')::int AS connections, current_setting('synchronous_commit') AS commit,
  clock_timestamp() AS now
  FROM pg_database WHERE datname = current_database()`;

/** Under the locale C, and under ICU in PostgreSQL's trigrams, letters beyond ASCII are not letters (tried). */
function localeFinding({ encoding, ctype, provider }: Server): Finding {
  const about = 'database locale';
  if (encoding !== 'UTF8')
    return fault(about, `the encoding is ${encoding}: make the database anew with ENCODING 'UTF8'`);
  if (provider === 'i' || ctype === 'C' || ctype === 'POSIX')
    return fault(
      about,
      `searches by part of a name would not find letters beyond ASCII (ctype ${ctype}, provider ${provider}): make the database anew with TEMPLATE template0 LOCALE 'C.UTF-8'`,
    );
  return ok(about, `${ctype}, ${encoding}`);
}

/** @param before when the question was sent; the database's moment lies between the two if both clocks agree */
function clockFinding(now: Date, before: Date, after: Date): Finding {
  const skew = Math.max(before.getTime() - now.getTime(), now.getTime() - after.getTime(), 0);
  const detail = `the database's clock is ${skew} ms from ours`;
  if (skew > SKEW_BORNE) return fault('clock', `${detail}: set both by NTP, or tokens are refused`);
  return skew > SKEW_NOTICED ? warning('clock', `${detail}: set both by NTP`) : ok('clock', detail);
}

function connectionsFinding(max: number, pool: number): Finding {
  const each = pool + BESIDE_THE_POOL;
  const detail = `the server takes ${max}, one process of Roster opens up to ${each}`;
  if (each > max) return fault('connections', `${detail}: lower DATABASE_POOL_MAX or raise max_connections`);
  return each * PROCESSES > max
    ? warning('connections', `${detail}: not enough for ${PROCESSES} processes`)
    : ok('connections', detail);
}

function rolesFinding(applicationRole: string | null, embedded: boolean): Finding {
  if (applicationRole !== null)
    return ok('database roles', `the application works as ${applicationRole}, and owns no table`);
  const detail = 'one role for both: the application could alter tables and recorded facts; set DATABASE_MIGRATION_URL';
  return embedded ? fault('database roles', detail) : warning('database roles', detail);
}

/** The private keys are sealed under SECRET_KEY: with another one nobody could sign in. */
export async function secretsFinding({ config, address }: Pick<Surroundings, 'config' | 'address'>): Promise<Finding> {
  const { SECRET_KEY, SECRET_KEY_PREVIOUS } = config.values;
  const secrets = new Secrets(SECRET_KEY ?? generatedSecretKey(config.dataDir), SECRET_KEY_PREVIOUS);
  const keys = await withConnection(address.ownerUrl, async (client) => {
    type Row = { kid: string; sealed: Buffer };
    return (await client.query<Row>(SEALED_KEYS)).rows;
  });
  const closed = keys.filter(({ kid, sealed }) => !opens(secrets, sealed, kid));
  if (closed.length === 0) return ok('secrets', `SECRET_KEY opens the ${keys.length} signing keys`);
  return fault(
    'secrets',
    `SECRET_KEY does not open ${closed.length} of ${keys.length} signing keys: is it the one of this database?`,
  );
}

const SEALED_KEYS = 'SELECT kid, private_key AS sealed FROM roster.signing_keys WHERE private_key IS NOT NULL';

function opens(secrets: Secrets, sealed: Buffer, kid: string): boolean {
  try {
    secrets.open('signing-keys', sealed, kid);
    return true;
  } catch (error) {
    if (error instanceof SealBroken) return false;
    throw error;
  }
}
