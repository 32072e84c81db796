import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { Client } from 'pg';

import { createApp } from '../src/app.js';
import type { App } from '../src/app.js';
import { addressOf, layGround, migrateUp } from '../src/boot.js';
import { Jobs } from '../src/jobs/index.js';
import { Config } from '../src/platform/config/config.js';
import { startEmbeddedPostgres } from '../src/platform/database/embedded/index.js';
import { Logs } from '../src/platform/logging/logger.js';

/** An embedded PostgreSQL that keeps its promises (fsync is on), for applications that run in this process. */
export interface Embedded {
  /** Settings of an application on it. */
  readonly environment: Record<string, string>;
  readonly owner: Client;
  readonly pid: number;
}

/** @param folder an empty folder, thrown away after */
export async function startEmbedded(folder: string, things: AsyncDisposableStack): Promise<Embedded> {
  const cluster = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), log: () => undefined });
  things.defer(() => cluster.stop());
  const environment = {
    NODE_ENV: 'production',
    DATA_DIR: join(folder, 'data'),
    DATABASE_URL: cluster.appUrl,
    DATABASE_MIGRATION_URL: cluster.ownerUrl,
    SECRET_KEY: randomBytes(32).toString('base64'),
    PUBLIC_URL: 'http://127.0.0.1:3000',
  };
  await migrateUp(addressOf(Config.load(environment), null));
  const owner = new Client({ connectionString: cluster.ownerUrl });
  await owner.connect();
  things.defer(() => owner.end());
  return { environment, owner, pid: cluster.pid };
}

/** @param work says how the jobs of the bench are done */
export function startApp(
  environment: Record<string, string>,
  work: (jobs: Jobs) => void = () => undefined,
): Promise<App> {
  const config = Config.load(environment);
  const ground = layGround(config, new Logs({ level: 'error', pretty: false }), addressOf(config, null));
  return createApp(ground, 'http://127.0.0.1:3000', (_fastify, _document, nest) =>
    work(nest.get(Jobs, { strict: false })),
  );
}

/** Does something so many times, so many at once. */
export async function inLanes(count: number, lanes: number, work: (at: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
