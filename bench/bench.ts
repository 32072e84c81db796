import { chart } from './chart.js';
import { install } from './debian.js';
import { measureFacts } from './facts.js';
import { prepareGround } from './ground.js';
import type { Ground } from './ground.js';
import { measureJobs } from './jobs.js';
import { proveImports } from './imports.js';
import { compareLists } from './lists.js';
import { chooseGenerator } from './load.js';
import type { Generator } from './load.js';
import { HELP, readOptions } from './options.js';
import type { Options } from './options.js';
import { PEERS } from './peers.js';
import { measureRealtime } from './realtime.js';
import { describe, judge } from './report.js';
import { keep } from './results.js';
import { check, measure, summarise, weigh } from './rounds.js';
import type { Contestant, Standing, Task } from './rounds.js';
import { startServer } from './server.js';
import { measureStart, productionPackages } from './start.js';
import { proveTiming } from './timing.js';

const WARM_UP = { job: 'read', connections: 32, seconds: 2 } as const;
/** The resident size of Roster is read after so many requests. */
const SERVED = 100_000;

/**
 * The same jobs done in other ways, on one database, in turns.
 * @param root the repository, built
 * @param folder an empty folder, thrown away after: this compiled code lies in it
 */
export async function bench(root: string, folder: string, parameters: readonly string[]): Promise<void> {
  const options = readOptions(parameters);
  if (options === 'help') {
    console.log(HELP);
    return;
  }
  const things = new AsyncDisposableStack();
  process.once('SIGINT', () => void things.disposeAsync().finally(() => process.exit(130)));
  try {
    if (options.install) install();
    if (options.timing) await proveTiming(root, folder, things, say);
    else if (options.background) await measureJobs(root, folder, things, say);
    else if (options.facts) await measureFacts(root, folder, things, say);
    else if (options.realtime) await measureRealtime(root, folder, things, say);
    else if (options.imports) await proveImports(root, folder, options.rows, things, say);
    else if (options.lists) await compareLists(root, folder, things, say);
    else await comparePeers(root, folder, things, options);
  } finally {
    await things.disposeAsync();
  }
}

async function comparePeers(
  root: string,
  folder: string,
  things: AsyncDisposableStack,
  options: Options,
): Promise<void> {
  const generator = chooseGenerator(folder);
  say(`load by ${generator.name}; making ${options.rows} users`);
  const ground = await prepareGround(folder, options.rows);
  things.defer(() => ground.stop());
  const { contestants, absent } = await startAll(root, folder, ground, things, options);
  const standings = await compete(contestants, generator, ground, options);
  const weights = contestants.map(weigh);
  for (const { server } of contestants) await server.stop();
  say('starting again and again');
  const start = await measureStart(root, ground);
  const packages = productionPackages(root);
  const result = judge({ ground, generator: generator.name, options, standings, weights, absent, start, packages });
  await keep(root, 'latest.json', JSON.stringify(result));
  await keep(root, 'latest.svg', chart(result));
  console.log(describe(result));
}

async function startAll(
  root: string,
  folder: string,
  ground: Ground,
  things: AsyncDisposableStack,
  { peers }: Options,
): Promise<{ contestants: Contestant[]; absent: string[] }> {
  const contestants: Contestant[] = [];
  const absent: string[] = [];
  for (const peer of PEERS.filter(({ name }) => peers.length === 0 || peers.includes(name))) {
    const command = peer.command(root, folder, ground);
    if (!command) {
      absent.push(peer.name);
      say(`${peer.name} is left out: what it needs is not installed (--install fetches it)`);
      continue;
    }
    const server = await startServer(command);
    things.defer(() => server.stop());
    await check(server, ground, peer);
    contestants.push({ peer, server, rounds: new Map(), served: 0 });
  }
  return { contestants, absent };
}

async function compete(
  contestants: Contestant[],
  generator: Generator,
  ground: Ground,
  { jobs, connections, rounds, seconds }: Options,
): Promise<Standing[]> {
  for (const contestant of contestants) await measure(contestant, generator, ground, WARM_UP);
  const standings: Standing[] = [];
  for (const job of jobs)
    for (const count of connections) {
      // Those of the job before may be ten minutes old.
      ground.renewTokens();
      const task: Task = { job, connections: count, seconds };
      const able = contestants.filter(({ peer }) => peer.jobs.includes(job));
      for (let number = 1; number <= rounds; number += 1)
        for (const contestant of able) await oneRound(contestant, generator, ground, task, `${number} of ${rounds}`);
      const name = `${job} ${count}`;
      standings.push(...able.map(({ peer, ...each }) => summarise(peer.name, task, each.rounds.get(name)!)));
    }
  const [roster] = contestants.filter(({ peer }) => peer.name === 'roster');
  while (roster && roster.served < SERVED) await measure(roster, generator, ground, { ...WARM_UP, seconds: 5 });
  return standings;
}

async function oneRound(
  contestant: Contestant,
  generator: Generator,
  ground: Ground,
  task: Task,
  number: string,
): Promise<void> {
  const round = await measure(contestant, generator, ground, task);
  const name = `${task.job} ${task.connections}`;
  contestant.rounds.set(name, [...(contestant.rounds.get(name) ?? []), round]);
  const told = `${Math.round(round.perSecond)} a second, ${round.cpuMicroseconds.toFixed(1)} µs of CPU a request`;
  say(`${task.job} × ${task.connections}, round ${number}: ${contestant.peer.name} ${told}`);
}

/** Progress, apart from the table. */
function say(text: string): void {
  console.error(`bench: ${text}`);
}
