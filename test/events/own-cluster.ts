import { createDataSource } from '../../ormconfig.js';
import { DatabaseAddress } from '../../src/platform/database/address.js';
import { migrate } from '../../src/platform/database/migrate.js';
import { startTestCluster } from '../harness/cluster.js';
import { ask } from '../harness/database.js';

/** A migrated database on a cluster of its own: a transaction that is open anywhere in a cluster holds the feeds up. */
export interface OwnCluster {
  readonly database: DatabaseAddress;
  readonly superUrl: string;
  /** Of its postmaster. */
  readonly pid: number;
  sql<T = Record<string, unknown>>(text: string, values?: unknown[]): Promise<T[]>;
  stop(): Promise<void>;
}

export async function startOwnCluster(settings: Record<string, string> = {}): Promise<OwnCluster> {
  const cluster = await startTestCluster(undefined, settings);
  const { ownerUrl, appUrl } = cluster;
  const owner = createDataSource({ url: ownerUrl, poolMax: 1, applicationName: 'roster-migrate', patience: 60_000 });
  await migrate(owner, ownerUrl, 'roster_app');
  const superUrl = Object.assign(new URL(cluster.superUrl), { pathname: new URL(appUrl).pathname }).href;
  return {
    database: new DatabaseAddress(appUrl, ownerUrl, false),
    superUrl,
    pid: cluster.pid,
    sql: (text, values = []) => ask(superUrl, text, values),
    stop: () => cluster.stop(),
  };
}
