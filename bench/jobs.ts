import type { Client } from 'pg';

import type { App } from '../src/app.js';
import { Jobs, defineJob } from '../src/jobs/index.js';
import type { Terms } from '../src/jobs/index.js';
import { Database } from '../src/platform/database/database.js';
import { inLanes, startApp, startEmbedded } from './embedded.js';
import { cpuOf, cpuOfFamily } from './linux.js';
import { keep } from './results.js';
import { median } from './rounds.js';
import { table } from './table.js';

const OWED = 50_000;
const ALONE = 5000;
const TOGETHER = 250;
const AT_ONCE = 32;
const ROUNDS = 3;
const ONE_BY_ONE = 500;
/** What a first second of each process costs is not what is asked. */
const WARM_UP = 5000;

const Nothing = defineJob<{ at: number }>('bench.nothing', { maxAttempts: 3 });

interface Done {
  readonly perSecond: number;
  /** Microseconds of CPU that a job costs, of the process and of PostgreSQL: another load takes time, but no CPU of these. */
  readonly processCpu: number;
  readonly databaseCpu: number;
}

interface Figures {
  /** Jobs a second. */
  readonly enqueuedAlone: number;
  readonly enqueuedTogether: number;
  readonly done: readonly Done[];
  /** From the call to the handler, in milliseconds, one job at a time. */
  readonly latency: { readonly p50: number; readonly p99: number };
}

/**
 * How many jobs that do nothing one process does in a second, with the record of each, on an embedded PostgreSQL that
 * keeps its promises (fsync is on).
 * @param folder an empty folder, thrown away after
 */
export async function measureJobs(
  root: string,
  folder: string,
  things: AsyncDisposableStack,
  say: (text: string) => void,
): Promise<void> {
  const { environment, owner, pid } = await startEmbedded(folder, things);
  const api = await startApp({ ...environment, ROLE: 'api' });
  things.defer(() => api.nest.close());
  const jobs = api.nest.get(Jobs, { strict: false });
  const owe = (at: number, terms?: Terms): Promise<string> => jobs.enqueue(Nothing, { at }, terms);

  const alone = await rateOf(ALONE, () => inLanes(ALONE, AT_ONCE, owe));
  say(`enqueued, each in a transaction: ${Math.round(alone)} a second`);
  const together = await rateOf(OWED - ALONE, () => oweTogether(api, OWED - ALONE, owe));
  say(`enqueued, ${TOGETHER} in a transaction: ${Math.round(together)} a second`);
  const done: Done[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    if (round > 0) await oweTogether(api, OWED, owe);
    await owner.query('VACUUM (ANALYZE) roster.jobs');
    const one = await doAll(environment, owner, pid);
    say(`done, round ${round + 1}: ${Math.round(one.perSecond)} a second`);
    done.push(one);
  }
  const figures: Figures = {
    enqueuedAlone: alone,
    enqueuedTogether: together,
    done,
    latency: await latencyOf(environment, owe),
  };
  await keep(root, 'jobs.json', JSON.stringify(figures));
  console.log(describe(figures).join('\n'));
}

/** From the first job that is begun after the warm-up to the last, as the process sees them, each counted once. */
async function doAll(environment: Record<string, string>, owner: Client, databasePid: number): Promise<Done> {
  const ended = Promise.withResolvers<void>();
  let count = 0;
  const now = () => ({ at: performance.now(), process: cpuOf(process.pid), database: cpuOfFamily(databasePid) });
  let since = now();
  const app = await startApp({ ...environment, ROLE: 'worker' }, (jobs) =>
    jobs.work(Nothing, () => {
      count += 1;
      if (count === WARM_UP) since = now();
      if (count === OWED) ended.resolve();
    }),
  );
  await ended.promise;
  const until = now();
  const jobs = OWED - WARM_UP;
  // How they ended is written before the process goes.
  await app.nest.close();
  const { rows } = await owner.query<{ states: string }>(
    `SELECT string_agg(DISTINCT state, ',') AS states FROM roster.jobs WHERE name = '${Nothing.name}'`,
  );
  if (rows[0]!.states !== 'succeeded' || count !== OWED) throw new Error(`${count} done; ${rows[0]!.states}`);
  return {
    perSecond: (jobs / (until.at - since.at)) * 1000,
    processCpu: ((until.process - since.process) / jobs) * 1e6,
    databaseCpu: ((until.database - since.database) / jobs) * 1e6,
  };
}

async function latencyOf(
  environment: Record<string, string>,
  owe: (at: number) => Promise<string>,
): Promise<Figures['latency']> {
  let arrived: () => void = () => undefined;
  const app = await startApp({ ...environment, ROLE: 'worker' }, (jobs) => jobs.work(Nothing, () => arrived()));
  const latencies: number[] = [];
  for (let at = 0; at < ONE_BY_ONE; at += 1) {
    const { promise, resolve } = Promise.withResolvers<void>();
    arrived = resolve;
    const since = performance.now();
    await owe(at);
    await promise;
    latencies.push(performance.now() - since);
  }
  await app.nest.close();
  latencies.sort((one, other) => one - other);
  return { p50: median(latencies), p99: latencies[Math.floor(ONE_BY_ONE * 0.99)]! };
}

async function oweTogether({ nest }: App, count: number, owe: (at: number) => Promise<string>): Promise<void> {
  const db = nest.get(Database, { strict: false });
  for (let from = 0; from < count; from += TOGETHER)
    await db.transaction(async () => {
      for (let at = from; at < Math.min(count, from + TOGETHER); at += 1) await owe(at);
    });
}

async function rateOf(count: number, work: () => Promise<void>): Promise<number> {
  const since = performance.now();
  await work();
  return (count / (performance.now() - since)) * 1000;
}

function describe({ enqueuedAlone, enqueuedTogether, done, latency }: Figures): string[] {
  const whole = (value: number): string => Math.round(value).toLocaleString('en');
  return table([
    ['jobs that do nothing, one process', 'figure'],
    ['enqueued, each in a transaction of its own, a second', whole(enqueuedAlone)],
    [`enqueued, ${TOGETHER} in a transaction, a second`, whole(enqueuedTogether)],
    [`done, median of ${done.length} rounds of ${OWED}, a second`, whole(median(done.map((each) => each.perSecond)))],
    ['CPU of the process, µs a job', whole(median(done.map((each) => each.processCpu)))],
    ['CPU of PostgreSQL, µs a job', whole(median(done.map((each) => each.databaseCpu)))],
    ['from enqueue to handler, p50, ms', latency.p50.toFixed(1)],
    ['from enqueue to handler, p99, ms', latency.p99.toFixed(1)],
  ]);
}
