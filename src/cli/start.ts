import { setTimeout as sleep } from 'node:timers/promises';

import type { FastifyInstance } from 'fastify';

import { createApp } from '../app.js';
import type { App } from '../app.js';
import { Administrators } from '../auth/index.js';
import { addressOf, layGround, migrateUp, startDatabase } from '../boot.js';
import { ManagementServer } from '../health/index.js';
import type { Config } from '../platform/config/config.js';
import type { DatabaseAddress } from '../platform/database/address.js';
import type { EmbeddedPostgres } from '../platform/database/embedded/index.js';
import { waitForDatabase } from '../platform/database/wait.js';
import type { Logs } from '../platform/logging/logger.js';
import { Lifecycle } from '../platform/telemetry/lifecycle.js';
import { banner } from './banner.js';
import { readyLine } from './news.js';
import type { Credentials } from './news.js';
import { reachable } from './ports.js';
import type { HeldPorts } from './ports.js';
import type { Stop } from './stop.js';

/** How often connections are looked at that became idle after the port was closed. Milliseconds. */
const SWEEP_EVERY = 50;

interface Start {
  readonly config: Config;
  readonly ports: HeldPorts;
  readonly logs: Logs;
  /** Learns of everything that is started, at once. */
  readonly stop: Stop;
  readonly terminal: boolean;
  /** Passwords and tokens may be shown. */
  readonly visible: boolean;
}

/** Milliseconds since the process began, at the end of each part of its start. */
class Phases {
  readonly ms: Record<string, number> = {};

  reached(name: string): number {
    return (this.ms[name] = Math.round(performance.now()));
  }
}

/** Starts everything, in order, and says where it is. @throws Interrupted, OperatorFault */
export async function start(parts: Start): Promise<void> {
  const { config, ports, logs, terminal } = parts;
  const phases = new Phases();
  phases.reached('loaded');
  const embedded = await openDatabase(parts, phases);
  const app = await openApplication(parts, addressOf(config, embedded));
  phases.reached('application');
  const credentials = await credentialsFrom(app.nest.get(Administrators), parts);
  await listen(parts, app);
  const news = { config, ports, embedded, ...credentials, startMs: phases.reached('listening') };
  logs.of('start').debug({ ms: phases.ms }, 'The parts of the start');
  process.stdout.write(terminal ? banner(news) : `${readyLine(news)}\n`);
}

async function openDatabase({ config, logs, stop }: Start, phases: Phases): Promise<EmbeddedPostgres | null> {
  // Not left halfway: what it has started must be known to be stopped.
  const embedded = await startDatabase(config, logs);
  if (embedded) stop.first('postgres', () => embedded.stop());
  const address = addressOf(config, embedded);
  const log = logs.of('start');
  const tell = (line: string): void => log.warn(line);
  await stop.unlessAsked(waitForDatabase(address.ownerUrl, config.values.DATABASE_WAIT, tell));
  phases.reached('database');
  const migrations = await stop.unlessAsked(migrateUp(address));
  if (migrations.length > 0) log.info({ migrations }, 'The database was migrated');
  phases.reached('migrated');
  return embedded;
}

/** The application, ready to listen. */
async function openApplication({ config, ports, logs, stop }: Start, address: DatabaseAddress): Promise<App> {
  if (config.production && !config.values.PUBLIC_URL)
    logs.of('start').warn('PUBLIC_URL is not set: tokens and links name this machine, as it was at the first start');
  const ground = layGround(config, logs, address);
  const app = await stop.unlessAsked(createApp(ground, reachable(config.values.HOST, ports.api.port)));
  const management = app.nest.get(ManagementServer);
  // The management port closes last, so that it can tell of the rest.
  stop.first('management', () => management.close());
  stop.first('application', () => app.nest.close());
  return app;
}

/** The first administrator, if it is made now, and a token to try things with; only what may be shown. */
async function credentialsFrom(administrators: Administrators, { config, visible }: Start): Promise<Credentials> {
  const first = await administrators.ensureFirst();
  if (!visible) return { administrator: first && { email: first.email, oneTimePassword: null }, token: null };
  return { administrator: first, token: config.production ? null : await administrators.token(null) };
}

async function listen({ config, ports, stop }: Start, { nest, fastify }: App): Promise<void> {
  const { HOST, MANAGEMENT_HOST, ROLE, SHUTDOWN_DELAY } = config.values;
  await ports.management.letGo();
  await nest.get(ManagementServer).listen(ports.management.port, MANAGEMENT_HOST);
  await ports.api.letGo();
  if (ROLE !== 'worker') await fastify.listen({ port: ports.api.port, host: HOST });
  stop.first('requests', () => drain(fastify));
  stop.first('readiness', async () => {
    nest.get(Lifecycle).stopping = true;
    await sleep(SHUTDOWN_DELAY);
  });
}

/**
 * Accepts nothing more and waits for the open requests. Fastify closes the connections that are idle at this moment;
 * one whose request is answered later would be kept alive until the deadline.
 */
async function drain(fastify: FastifyInstance): Promise<void> {
  const sweep = setInterval(() => fastify.server.closeIdleConnections(), SWEEP_EVERY);
  await fastify.close().finally(() => clearInterval(sweep));
}
