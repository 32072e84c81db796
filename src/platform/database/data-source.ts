import pg from 'pg';
import type { DataSourceOptions, EntitySchema, MixedList } from 'typeorm';

import { ImpatientClient } from './impatient-client.js';
import { moment } from './moment.js';
import { lanesOf } from './pipeline.js';
import { PostgresNames } from './postgres-names.js';

type Classes = MixedList<(new () => object) | EntitySchema>;

export interface DataSourceParts {
  readonly url: string;
  readonly entities: Classes;
  readonly migrations?: Classes;
  /** Connections in all; some of them carry look-ups alone. */
  readonly poolMax: number;
  readonly applicationName: string;
  /** Milliseconds that one statement may take outside a request. */
  readonly patience?: number;
  /** Milliseconds after which the server itself gives a statement up (SQLSTATE 57014); none if it is left out. */
  readonly statementTimeout?: number;
  /** Milliseconds after which the server ends a session whose transaction nobody goes on with; never if it is left out. */
  readonly idleTransactionTimeout?: number;
  readonly onPoolError?: (error: Error) => void;
}

/** How every DataSource of Roster is made: for the application, for migrations, and for TypeORM's command line. */
export function dataSourceOptions(parts: DataSourceParts): DataSourceOptions {
  const lanes = lanesOf(parts.poolMax);
  return {
    type: 'postgres',
    url: parts.url,
    schema: 'roster',
    applicationName: parts.applicationName,
    entities: parts.entities as never,
    migrations: (parts.migrations ?? []) as never,
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
    namingStrategy: new PostgresNames(),
    synchronize: false,
    installExtensions: false,
    poolSize: parts.poolMax - lanes,
    poolErrorHandler: parts.onPoolError,
    extra: {
      Client: ImpatientClient,
      types: { getTypeParser },
      lanes,
      patience: parts.patience,
      statement_timeout: parts.statementTimeout,
      idle_in_transaction_session_timeout: parts.idleTransactionTimeout,
      connectionTimeoutMillis: 2000,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5000,
    },
  } as DataSourceOptions;
}

/** OID of timestamptz. */
const TIMESTAMPTZ = 1184;

function getTypeParser(oid: number, format?: string): unknown {
  return oid === TIMESTAMPTZ && format !== 'binary' ? moment : pg.types.getTypeParser(oid, format as never);
}

/** A short connection beside the pool, for what has to happen before there is one. */
export async function withConnection<T>(
  url: string,
  work: (client: ImpatientClient) => Promise<T>,
  patience = 5000,
): Promise<T> {
  const client = new ImpatientClient({ connectionString: url, connectionTimeoutMillis: patience, patience });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
