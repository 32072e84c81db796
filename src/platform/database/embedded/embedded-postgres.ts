import { existsSync, mkdirSync, realpathSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { giveToOwnerOf } from './account.js';
import { findBinaries, prepareBinaries } from './binaries.js';
import type { Binaries } from './binaries.js';
import { createCluster, hasCluster } from './cluster.js';
import { ClusterLock } from './lock.js';
import { placeCluster, refuseOtherMajors } from './placement.js';
import type { Placement } from './placement.js';
import { killPostgresOf } from './processes.js';
import { provision, urlsOf } from './provision.js';
import { EmbeddedPostgresRefused, failedWith } from './refused.js';
import { newSecrets, readSecrets, writeSecrets } from './secrets.js';
import type { Secrets } from './secrets.js';
import { adoptServer, cutServerLog, startServer, stopServer } from './server.js';
import type { Server } from './server.js';

export interface EmbeddedOptions {
  /** The data folder, such as `./data`; made if absent. */
  dataDir: string;
  log: (message: string, fields?: object) => void;
  /** Default true. False only for data that may be lost: tests. */
  fsync?: boolean;
  /** Default 100. */
  maxConnections?: number;
  /** Further settings of the server, such as `shared_preload_libraries`; a server that runs already keeps its own. */
  settings?: Record<string, string>;
}

export interface EmbeddedPostgres {
  /** Role roster_owner: owns the database `roster` and its tables. */
  ownerUrl: string;
  /** Role roster_app: may use what the owner grants, and alter no table. */
  appUrl: string;
  /** Role postgres, in the database of that name: for tests, which create databases. */
  superUrl: string;
  /** The cluster's own folder. */
  directory: string;
  /** Why it is not in the data folder, in words for the operator. */
  relocated?: string;
  /** It ran already: left by a process that was killed, or used by another one now. */
  reused: boolean;
  /** The postmaster. */
  pid: number;
  /** Ends the server unless another live Roster process uses it. Close your connections before. */
  stop(): Promise<void>;
}

interface Context {
  options: EmbeddedOptions;
  dataDir: string;
  secretsFile: string;
  binaries: Binaries;
  placement: Placement;
  lock: ClusterLock;
}

/** A start waits for another process that starts; that one may have to copy, create and recover. */
const startPatienceMs = 180_000;
const stopPatienceMs = 20_000;

/**
 * Starts the PostgreSQL of the data folder, or joins the one that runs there.
 * @throws EmbeddedPostgresRefused if there can be none here; its message says what to do.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const context = prepare(options);
  const { lock, placement, dataDir } = context;
  const { server, secrets, reused } = await lock.exclusively(startPatienceMs, async () => {
    const running = await run(context);
    lock.join();
    return running;
  });
  const cutting = setInterval(() => cutServerLog(dataDir), 60_000).unref();
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    clearInterval(cutting);
    return (stopped ??= leave(context, server));
  };
  const { directory, relocated } = placement;
  return { ...urlsOf(server, secrets), directory, relocated, reused, pid: server.pid, stop };
}

function prepare(options: EmbeddedOptions): Context {
  const binaries = findBinaries();
  try {
    // Not 700 for root: PostgreSQL, which runs as another user, must pass through.
    mkdirSync(options.dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    const dataDir = realpathSync(resolve(options.dataDir));
    refuseOtherMajors(dataDir, binaries.major);
    const secretsFile = join(dataDir, `postgres-${binaries.major}.json`);
    const placement = placeCluster(dataDir, binaries.major, readSecrets(secretsFile)?.relocatedTo);
    refuseOtherMajors(placement.base, binaries.major);
    const lockFolder = join(placement.base, `postgres-${binaries.major}.lock`);
    const lock = new ClusterLock(lockFolder);
    giveToOwnerOf(placement.base, lockFolder);
    return { options, dataDir, secretsFile, binaries, placement, lock };
  } catch (error) {
    if (!failedWith(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR')) throw error;
    throw new EmbeddedPostgresRefused(
      `The embedded PostgreSQL cannot use its folder (${(error as Error).message}). Start Roster as the user who owns ` +
        'it, choose another data folder, or set DATABASE_URL.',
      { cause: error },
    );
  }
}

async function run(context: Context): Promise<{ server: Server; secrets: Secrets; reused: boolean }> {
  const { options, dataDir, binaries, placement } = context;
  const { log } = options;
  const { account, directory } = placement;
  const secrets = await rememberedSecrets(context);
  const bin = await prepareBinaries(binaries, account, dataDir, log);
  const { fsync = true } = options;
  if (!hasCluster(directory)) {
    log('creating the PostgreSQL cluster, which takes a few seconds', { directory });
    await createCluster({ bin, base: placement.base, directory, account, password: secrets.superuser, fsync });
  }
  const password = secrets.superuser;
  const server = { bin, directory, account, password, dataDir, settings: settingsOf(options), log };
  const adopted = await adoptServer(server);
  const running = adopted ?? (await startServer(server));
  log(adopted ? 'using the PostgreSQL that runs already' : 'PostgreSQL started', {
    postmaster: running.pid,
    port: running.port,
    directory,
  });
  await provision(urlsOf(running, secrets), secrets);
  return { server: running, secrets, reused: adopted !== null };
}

/** The passwords lie in the data folder before the cluster exists, so a cluster is never without them. */
async function rememberedSecrets({ options, secretsFile, placement }: Context): Promise<Secrets> {
  const { base, directory, relocated } = placement;
  const known = readSecrets(secretsFile);
  if (!known && hasCluster(directory)) {
    if (!relocated) {
      throw new EmbeddedPostgresRefused(
        `${secretsFile}, the passwords of the cluster ${directory}, is gone. Restore it from a backup, or move the ` +
          'cluster away to begin with an empty one.',
      );
    }
    // Whoever removed the data folder wants to begin anew, and does not know of the files elsewhere.
    const aside = `${directory}.aside-${Date.now()}`;
    options.log('the data folder is new: the cluster of the one before it is set aside', { directory, aside });
    await killPostgresOf(directory);
    renameSync(directory, aside);
  }
  const secrets = { ...(known ?? newSecrets()), relocatedTo: relocated ? base : undefined };
  if (!known || known.relocatedTo !== secrets.relocatedTo) writeSecrets(secretsFile, secrets);
  return secrets;
}

function settingsOf({ fsync = true, maxConnections = 100, settings }: EmbeddedOptions): Record<string, string> {
  const durable = fsync ? 'on' : 'off';
  return {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: String(maxConnections),
    shared_buffers: '128MB',
    fsync: durable,
    full_page_writes: durable,
    synchronous_commit: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // The application hears of every failed statement. In this log they would be without end, with addresses in them.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
    ...settings,
  };
}

async function leave({ lock, placement, options }: Context, server: Server): Promise<void> {
  const { log } = options;
  lock.leave();
  // Somebody deleted the data folder: PostgreSQL notices that within a minute, and ends itself.
  if (!existsSync(placement.directory)) return;
  try {
    await lock.exclusively(stopPatienceMs, async () => {
      const others = lock.others();
      if (others > 0) log('PostgreSQL stays: other processes use it', { postmaster: server.pid, others });
      else await stopServer(server.pid, placement.directory, log);
    });
  } catch (error) {
    if (!(error instanceof EmbeddedPostgresRefused)) throw error;
    log('PostgreSQL stays: another process is starting on it', { postmaster: server.pid });
  }
}
