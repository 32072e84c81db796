import { DataSource } from 'typeorm';
import type { ColumnType } from 'typeorm';

import { Foundation1795000000000 } from './migrations/1795000000000-foundation.js';
import { IdempotencyKeys1795100000000 } from './migrations/1795100000000-idempotency-keys.js';
import { RateLimits1795200000000 } from './migrations/1795200000000-rate-limits.js';
import { Flows1795300000000 } from './migrations/1795300000000-flows.js';
import { Audit1795350000000 } from './migrations/1795350000000-audit.js';
import { Invitations1795355000000 } from './migrations/1795355000000-invitations.js';
import { DeletionDue1795360000000 } from './migrations/1795360000000-deletion-due.js';
import { Factors1795400000000 } from './migrations/1795400000000-factors.js';
import { Grants1795500000000 } from './migrations/1795500000000-grants.js';
import { SessionsShown1795600000000 } from './migrations/1795600000000-sessions-shown.js';
import { ApiKeys1795700000000 } from './migrations/1795700000000-api-keys.js';
import { EventsRetention1796000000000 } from './migrations/1796000000000-events-retention.js';
import { EventsByType1796010000000 } from './migrations/1796010000000-events-by-type.js';
import { Jobs1796100000000 } from './migrations/1796100000000-jobs.js';
import { Webhooks1796200000000 } from './migrations/1796200000000-webhooks.js';
import { Imports1796300000000 } from './migrations/1796300000000-imports.js';
import { KeyedHashes1796310000000 } from './migrations/1796310000000-keyed-hashes.js';
import { AuditRetirement1796500000000 } from './migrations/1796500000000-audit-retirement.js';
import { ExportsOnBehalf1796510000000 } from './migrations/1796510000000-exports-on-behalf.js';
import { entities } from './src/entities.js';
import { Config } from './src/platform/config/config.js';
import { dataSourceOptions } from './src/platform/database/data-source.js';
import type { DataSourceParts } from './src/platform/database/data-source.js';

const migrations = [
  Foundation1795000000000,
  IdempotencyKeys1795100000000,
  RateLimits1795200000000,
  Flows1795300000000,
  Audit1795350000000,
  Invitations1795355000000,
  DeletionDue1795360000000,
  Factors1795400000000,
  Grants1795500000000,
  SessionsShown1795600000000,
  ApiKeys1795700000000,
  EventsRetention1796000000000,
  EventsByType1796010000000,
  Jobs1796100000000,
  Webhooks1796200000000,
  Imports1796300000000,
  KeyedHashes1796310000000,
  AuditRetirement1796500000000,
  ExportsOnBehalf1796510000000,
];

/** Names of all migrations, oldest first. */
export const migrationNames: readonly string[] = migrations.map((migration) => migration.name);

interface Parts extends Omit<DataSourceParts, 'entities' | 'migrations'> {
  /** Names of the migrations that it knows; default all. */
  readonly only?: readonly string[];
}

/** The one DataSource: of the application, of the tests and of TypeORM's command line. */
export function createDataSource({ only = migrationNames, ...parts }: Parts): DataSource {
  const known = migrations.filter(({ name }) => only.includes(name));
  const source = new DataSource(dataSourceOptions({ ...parts, entities, migrations: known }));
  // PostgreSQL's 64-bit transaction ids (13 and later) are not on TypeORM's list of types.
  source.driver.supportedDataTypes.push('xid8' as ColumnType);
  return source;
}

/**
 * For TypeORM's command line: `typeorm migration:show -d dist/ormconfig.js`. It awaits every export and wants one
 * DataSource among them; made only when awaited, so that the application and the tests may import this file freely.
 */
export default {
  then(give: (source: DataSource) => void): void {
    const { DATABASE_MIGRATION_URL, DATABASE_URL } = Config.load().values;
    const url = DATABASE_MIGRATION_URL || DATABASE_URL;
    if (!url) throw new Error('Say which database by DATABASE_MIGRATION_URL or DATABASE_URL');
    give(createDataSource({ url, poolMax: 2, applicationName: 'roster-typeorm', patience: 600_000 }));
  },
};
