import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const MIGRATIONS = new URL('../../migrations/', import.meta.url);

/**
 * One PostgreSQL a run, with a template database whose name tells the migrations in it. It starts from the build, for
 * Jest transforms no global setup; what the workers need to know travels by the environment.
 */
export default async function startRun() {
  const { startEmbeddedPostgres } = await import('../../dist/src/platform/database/embedded/index.js');
  const folder = mkdtempSync(join(tmpdir(), 'roster-run-'));
  // Started by root, PostgreSQL runs as another user, who must be able to pass.
  chmodSync(folder, 0o755);
  const cluster = await startEmbeddedPostgres({
    dataDir: folder,
    log: () => undefined,
    fsync: false,
    maxConnections: 300,
    settings: { shared_preload_libraries: 'pg_stat_statements' },
  });
  globalThis.rosterRun = {
    stop: async () => {
      await cluster.stop();
      rmSync(folder, { recursive: true, force: true });
      if (cluster.relocated) rmSync(dirname(cluster.directory), { recursive: true, force: true });
    },
  };
  const template = `roster_${migrationsHash()}`;
  const on = (url) => urlOn(url, template);
  const { default: pg } = await import('pg');
  const admin = new pg.Client({ connectionString: cluster.superUrl });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${template} OWNER roster_owner`);
  await admin.end();
  await migrateTemplate(on(cluster.ownerUrl));
  const { superUrl, ownerUrl, appUrl } = cluster;
  process.env.ROSTER_TEST_RUN = JSON.stringify({ superUrl, ownerUrl, appUrl, template, folder });
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
