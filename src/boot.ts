import type { Ground } from './platform/platform.module.js';

import { createDataSource } from '../ormconfig.js';
import { Clock } from './platform/clock/clock.js';
import type { Config } from './platform/config/config.js';
import { generatedSecretKey } from './platform/crypto/secret-key-file.js';
import { Secrets } from './platform/crypto/secrets.js';
import { DatabaseAddress } from './platform/database/address.js';
import { startEmbeddedPostgres } from './platform/database/embedded/index.js';
import type { EmbeddedPostgres } from './platform/database/embedded/index.js';
import { migrate } from './platform/database/migrate.js';
import { waitForDatabase } from './platform/database/wait.js';
import { PublicUrl } from './platform/http/public-url.js';
import type { Logs } from './platform/logging/logger.js';
import { Metrics } from './platform/telemetry/metrics.js';

/** The ground floor with its database under it, migrated; and how to take it away again. */
export interface Booted {
  readonly ground: Ground;
  readonly embedded: EmbeddedPostgres | null;
  readonly migrated: readonly string[];
}

/** Everything before the application: the database (embedded or not), its migrations, the secrets. */
export async function boot(config: Config, logs: Logs): Promise<Booted> {
  const log = logs.of('start');
  const embedded = config.embeddedDatabase
    ? await startEmbeddedPostgres({
        dataDir: config.dataDir,
        log: (message, fields) => log.info(fields ?? {}, message),
      })
    : null;
  try {
    const address = addressOf(config, embedded);
    await waitForDatabase(address.ownerUrl, config.values.DATABASE_WAIT, (line) => log.warn(line));
    const owner = createDataSource({
      url: address.ownerUrl,
      poolMax: 1,
      applicationName: 'roster-migrate',
      patience: 600_000,
    });
    const { ran } = await migrate(owner, address.ownerUrl, address.applicationRole);
    if (ran.length > 0) log.info({ migrations: ran }, 'The database was migrated');
    const secrets = new Secrets(
      config.values.SECRET_KEY ?? generatedSecretKey(config.dataDir),
      config.values.SECRET_KEY_PREVIOUS,
    );
    const ground = {
      config,
      clock: new Clock(),
      logs,
      metrics: new Metrics(),
      secrets,
      address,
      publicUrl: new PublicUrl(),
    };
    return { ground, embedded, migrated: ran };
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

function addressOf({ values }: Config, embedded: EmbeddedPostgres | null): DatabaseAddress {
  if (embedded) return new DatabaseAddress(embedded.appUrl, embedded.ownerUrl, true);
  return new DatabaseAddress(values.DATABASE_URL, values.DATABASE_MIGRATION_URL || values.DATABASE_URL, false);
}
