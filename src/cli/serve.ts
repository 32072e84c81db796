import { setTimeout as sleep } from 'node:timers/promises';

import { createApp } from '../app.js';
import type { App } from '../app.js';
import { Administrators } from '../auth/index.js';
import { addressOf, layGround, migrateUp, startDatabase } from '../boot.js';
import { ManagementServer } from '../health/index.js';
import { Config } from '../platform/config/config.js';
import type { DatabaseAddress } from '../platform/database/address.js';
import type { EmbeddedPostgres } from '../platform/database/embedded/index.js';
import { waitForDatabase } from '../platform/database/wait.js';
import { Logs } from '../platform/logging/logger.js';
import { Lifecycle } from '../platform/telemetry/lifecycle.js';
import { banner } from './banner.js';
import type { Invocation } from './invocation.js';
import { readyLine } from './news.js';
import type { Credentials } from './news.js';
import { holdPorts, reachable } from './ports.js';
import type { HeldPorts } from './ports.js';
import { Interrupted, Stop } from './stop.js';

/** What a start has in its hands, from its first line on. */
interface Start {
  readonly config: Config;
  readonly logs: Logs;
  readonly stop: Stop;
  /** Milliseconds since the process began, at the end of each part. */
  readonly phases: Record<string, number>;
}

/** Starts everything, says so, and waits until it is asked to stop. */
export async function serve({ json, showCredentials }: Invocation): Promise<number> {
  const config = Config.load();
  const terminal = process.stdout.isTTY && !json;
  const logs = new Logs({ level: config.values.LOG_LEVEL, pretty: terminal });
  const stop = new Stop(logs, config.values.SHUTDOWN_DELAY + config.values.SHUTDOWN_DEADLINE);
  const start: Start = { config, logs, stop, phases: {} };
  reached(start, 'loaded');
  stop.watch();
  try {
    const ports = await holdPorts(config);
    const embedded = await openDatabase(start);
    const app = await open(start, addressOf(config, embedded), ports);
    const credentials = await credentialsFrom(app.nest.get(Administrators), config, terminal || showCredentials);
    await listen(start, app, ports);
    const news = { config, ports, embedded, ...credentials, startMs: reached(start, 'listening') };
    logs.of('start').debug({ ms: start.phases }, 'The parts of the start');
    process.stdout.write(terminal ? banner(news) : `${readyLine(news)}\n`);
  } catch (error) {
    if (!(error instanceof Interrupted)) {
      await stop.everything();
      throw error;
    }
  }
  const code = await stop.whenAsked();
  await logs.flush();
  return code;
}

async function openDatabase(start: Start): Promise<EmbeddedPostgres | null> {
  const { config, logs, stop } = start;
  // Not left halfway: what it has started must be known to be stopped.
  const embedded = await startDatabase(config, logs);
  if (embedded) stop.first('postgres', () => embedded.stop());
  const address = addressOf(config, embedded);
  const log = logs.of('start');
  const tell = (line: string): void => log.warn(line);
  await stop.unlessAsked(waitForDatabase(address.ownerUrl, config.values.DATABASE_WAIT, tell));
  reached(start, 'database');
  const migrations = await stop.unlessAsked(migrateUp(address));
  if (migrations.length > 0) log.info({ migrations }, 'The database was migrated');
  reached(start, 'migrated');
  return embedded;
}

/** The application, ready to listen, with an administrator in its database. */
async function open(start: Start, address: DatabaseAddress, ports: HeldPorts): Promise<App> {
  const { config, logs, stop } = start;
  if (config.production && !config.values.PUBLIC_URL)
    logs.of('start').warn('PUBLIC_URL is not set: tokens and links name this machine, as it was at the first start');
  const ground = layGround(config, logs, address);
  const app = await stop.unlessAsked(createApp(ground, reachable(config.values.HOST, ports.api.port)));
  const management = app.nest.get(ManagementServer);
  stop.first('management', () => management.close());
  stop.first('application', () => app.nest.close());
  reached(start, 'application');
  return app;
}

/** The first administrator, if it is made now, and a token to try things with; only what may be shown. */
async function credentialsFrom(administrators: Administrators, config: Config, visible: boolean): Promise<Credentials> {
  const first = await administrators.ensureFirst();
  if (!visible) return { administrator: first && { email: first.email, oneTimePassword: null }, token: null };
  return { administrator: first, token: config.production ? null : await administrators.token(null) };
}

/** The management port opens first and closes last, so that it can tell of the rest. */
async function listen({ config, stop }: Start, { nest, fastify }: App, ports: HeldPorts): Promise<void> {
  const { HOST, MANAGEMENT_HOST, ROLE, SHUTDOWN_DELAY } = config.values;
  await ports.management.letGo();
  await nest.get(ManagementServer).listen(ports.management.port, MANAGEMENT_HOST);
  await ports.api.letGo();
  if (ROLE !== 'worker') await fastify.listen({ port: ports.api.port, host: HOST });
  stop.first('requests', () => fastify.close());
  stop.first('readiness', async () => {
    nest.get(Lifecycle).stopping = true;
    await sleep(SHUTDOWN_DELAY);
  });
}

function reached({ phases }: Start, name: string): number {
  return (phases[name] = Math.round(performance.now()));
}
