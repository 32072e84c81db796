import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const MIGRATIONS = new URL('../../migrations/', import.meta.url);

/**
 * One PostgreSQL a worker, with a template database whose name tells the migrations in it. In one for all, a transaction
 * that a test of one worker holds open would hold up what is final for all others (`pg_snapshot_xmin`). It starts from the
 * build, for Jest transforms no global setup; what the workers need to know travels by the environment.
 */
export default async function startRun({ maxWorkers }) {
  const folder = mkdtempSync(join(tmpdir(), 'roster-run-'));
  // Started by root, PostgreSQL runs as another user, who must be able to pass.
  chmodSync(folder, 0o755);
  const template = `roster_${migrationsHash()}`;
  const starting = Array.from({ length: maxWorkers }, (_, at) => startCluster(join(folder, String(at + 1)), template));
  const clusters = await Promise.all(starting);
  globalThis.rosterRun = {
    stop: async () => {
      await Promise.all(clusters.map((cluster) => cluster.stop()));
      rmSync(folder, { recursive: true, force: true });
      for (const { relocated, directory } of clusters)
        if (relocated) rmSync(dirname(directory), { recursive: true, force: true });
    },
  };
  const addresses = clusters.map(({ superUrl, ownerUrl, appUrl }) => ({ superUrl, ownerUrl, appUrl }));
  process.env.ROSTER_TEST_RUN = JSON.stringify({ clusters: addresses, template, folder });
}

async function startCluster(dataDir, template) {
  const { startEmbeddedPostgres } = await import('../../dist/src/platform/database/embedded/index.js');
  mkdirSync(dataDir);
  chmodSync(dataDir, 0o755);
  const cluster = await startEmbeddedPostgres({
    dataDir,
    log: () => undefined,
    fsync: false,
    maxConnections: 300,
    settings: { shared_preload_libraries: 'pg_stat_statements' },
  });
  const { default: pg } = await import('pg');
  const admin = new pg.Client({ connectionString: cluster.superUrl });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${template} OWNER roster_owner`);
  await admin.end();
  await migrateTemplate(urlOn(cluster.ownerUrl, template));
  return cluster;
}

async function migrateTemplate(ownerUrl) {
  const { createDataSource } = await import('../../dist/ormconfig.js');
  const { migrate } = await import('../../dist/src/platform/database/migrate.js');
  const owner = createDataSource({ url: ownerUrl, poolMax: 1, applicationName: 'roster-template', patience: 60_000 });
  await migrate(owner, ownerUrl, 'roster_app');
}

function migrationsHash() {
  const hash = createHash('sha256');
  for (const name of readdirSync(MIGRATIONS).sort()) hash.update(readFileSync(new URL(name, MIGRATIONS)));
  return hash.digest('hex').slice(0, 12);
}

function urlOn(url, database) {
  const address = new URL(url);
  address.pathname = `/${database}`;
  return address.href;
}
