import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';

import { AppModule } from '../app.module.js';
import { addressOf, layGround, startDatabase } from '../boot.js';
import { Config, commandEnvironment } from '../platform/config/config.js';
import { OperatorFault } from '../platform/config/operator-fault.js';
import type { DatabaseAddress } from '../platform/database/address.js';
import { refuseUnverified } from '../platform/database/backup/unverified.js';
import { withConnection } from '../platform/database/data-source.js';
import { waitForDatabase } from '../platform/database/wait.js';
import { Logs, NestLogs } from '../platform/logging/logger.js';
import type { Ground } from '../platform.module.js';
import { migrationsOf } from './migrations.js';
import { Stop } from './stop.js';

/** A command's surroundings: its answer goes to stdout, so what it has to complain of goes to stderr. */
export interface Surroundings {
  readonly config: Config;
  readonly logs: Logs;
  readonly address: DatabaseAddress;
  readonly stop: Stop;
}

interface Circumstances {
  readonly environment?: ReturnType<typeof commandEnvironment>;
  /** How long a database that does not answer is waited for, in milliseconds; else DATABASE_WAIT. */
  readonly patience?: number;
}

/** Runs a command on the database: the embedded one is joined, or started for as long as the command takes. */
export async function withDatabase<T>(
  work: (surroundings: Surroundings) => Promise<T>,
  { environment = commandEnvironment(), patience }: Circumstances = {},
): Promise<T> {
  const config = Config.load(environment);
  // Whoever says how long to wait tells of it too.
  const logs = new Logs({
    level: patience === undefined ? 'warn' : 'error',
    pretty: false,
    destination: process.stderr,
  });
  const stop = new Stop(logs, config.values.SHUTDOWN_DEADLINE);
  stop.watch();
  const embedded = await startDatabase(config, logs);
  if (embedded) stop.first('postgres', () => embedded.stop());
  try {
    const address = addressOf(config, embedded);
    const log = logs.of('start');
    const wait = patience ?? config.values.DATABASE_WAIT;
    await stop.unlessAsked(waitForDatabase(address.ownerUrl, wait, (line) => log.warn(line)));
    return await stop.unlessAsked(work({ config, logs, address, stop }));
  } finally {
    await stop.everything();
  }
}

/**
 * Runs a command in the application, which listens on no port and runs no jobs. It changes no tables: an older server
 * may be at work on them.
 * @throws OperatorFault if migrations are missing
 */
export function withApplication<T>(
  work: (app: INestApplicationContext, ground: Ground, stop: Stop) => Promise<T>,
): Promise<T> {
  return withDatabase(async ({ config, logs, address, stop }) => {
    await withConnection(address.ownerUrl, refuseUnverified);
    const { pending } = await migrationsOf(address);
    if (pending.length > 0)
      throw new OperatorFault('The database is not at the newest migration: run `npm run roster -- migrate up` first.');
    const ground = layGround(config, logs, address);
    const app = await NestFactory.createApplicationContext(AppModule.on(ground), {
      logger: new NestLogs(logs),
      abortOnError: false,
    });
    try {
      return await work(app, ground, stop);
    } finally {
      await app.close();
    }
  });
}
