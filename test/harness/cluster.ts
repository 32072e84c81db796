import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/platform/database/embedded/index.js';
import type { EmbeddedPostgres } from '../../src/platform/database/embedded/index.js';

/**
 * A PostgreSQL of its own, to be thrown away: `stop()` ends it and removes its files.
 * @param directory default a new one under the system's temporary folder
 */
export async function startTestCluster(
  directory?: string,
  settings: Record<string, string> = {},
): Promise<EmbeddedPostgres> {
  const dataDir = directory ?? mkdtempSync(join(tmpdir(), 'roster-test-'));
  mkdirSync(dataDir, { recursive: true });
  // Started by root, PostgreSQL runs as another user, who must be able to pass.
  chmodSync(dataDir, 0o755);
  const cluster = await startEmbeddedPostgres({
    dataDir,
    log: () => undefined,
    fsync: false,
    maxConnections: 300,
    settings: { shared_preload_libraries: 'pg_stat_statements', ...settings },
  });
  const stop = async (): Promise<void> => {
    await cluster.stop();
    rmSync(dataDir, { recursive: true, force: true });
    if (cluster.relocated) rmSync(dirname(cluster.directory), { recursive: true, force: true });
  };
  return { ...cluster, stop };
}
