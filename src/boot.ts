import { createDataSource } from '../ormconfig.js';
import { Clock } from './platform/clock/clock.js';
import type { Config } from './platform/config/config.js';
import { generatedSecretKey } from './platform/crypto/secret-key-file.js';
import { Secrets } from './platform/crypto/secrets.js';
import { DatabaseAddress } from './platform/database/address.js';
import { startEmbeddedPostgres } from './platform/database/embedded/index.js';
import type { EmbeddedPostgres } from './platform/database/embedded/index.js';
import { migrate } from './platform/database/migrate.js';
import { PublicUrl } from './platform/http/public-url.js';
import type { Logs } from './platform/logging/logger.js';
import { Metrics } from './platform/telemetry/metrics.js';
import type { Ground } from './platform.module.js';

/** One migration may rewrite a table. Milliseconds. */
const MIGRATION_PATIENCE = 600_000;

/** The embedded PostgreSQL, started or joined; null when DATABASE_URL names another. @throws EmbeddedPostgresRefused */
export async function startDatabase(config: Config, logs: Logs): Promise<EmbeddedPostgres | null> {
  if (!config.embeddedDatabase) return null;
  const log = logs.of('postgres');
  return startEmbeddedPostgres({
    dataDir: config.dataDir,
    log: (message, fields) => log.info(fields ?? {}, message),
  });
}

export function addressOf({ values }: Config, embedded: EmbeddedPostgres | null): DatabaseAddress {
  if (embedded) return new DatabaseAddress(embedded.appUrl, embedded.ownerUrl, true);
  return new DatabaseAddress(values.DATABASE_URL, values.DATABASE_MIGRATION_URL || values.DATABASE_URL, false);
}

/** @returns the names of the migrations that ran */
export async function migrateUp({ ownerUrl, applicationRole }: DatabaseAddress): Promise<readonly string[]> {
  const applicationName = 'roster-migrate';
  const owner = createDataSource({ url: ownerUrl, poolMax: 1, applicationName, patience: MIGRATION_PATIENCE });
  return (await migrate(owner, ownerUrl, applicationRole)).ran;
}

/** What the application stands on. Without SECRET_KEY one is generated, into the data folder. */
export function layGround(config: Config, logs: Logs, address: DatabaseAddress): Ground {
  const { SECRET_KEY, SECRET_KEY_PREVIOUS } = config.values;
  const secrets = new Secrets(SECRET_KEY ?? generatedSecretKey(config.dataDir), SECRET_KEY_PREVIOUS);
  return {
    config,
    logs,
    secrets,
    address,
    clock: new Clock(),
    metrics: new Metrics(),
    publicUrl: new PublicUrl(),
  };
}
