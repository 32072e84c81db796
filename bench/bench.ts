import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { chart } from './chart.js';
import { prepareGround } from './ground.js';
import type { Ground } from './ground.js';
import { chooseGenerator } from './load.js';
import type { Generator } from './load.js';
import { measureStart, productionPackages } from './start.js';
import { PEERS } from './peers.js';
import { describe, judge } from './report.js';
import type { Result } from './report.js';
import { check, measure, summarise, topUp } from './rounds.js';
import type { Contestant, Round } from './rounds.js';
import { startServer } from './server.js';

const ROUNDS = 3;
const WARM_UP_SECONDS = 2;
const ROUND_SECONDS = 5;
/** The resident size is read after so many requests. */
const SERVED = 100_000;

/**
 * Measures an authenticated read by id against the same route written in other ways, on one database, in turns.
 * @param root the repository, built
 * @param folder an empty folder, thrown away after: this compiled code lies in it
 */
export async function bench(root: string, folder: string): Promise<void> {
  const things = new AsyncDisposableStack();
  process.once('SIGINT', () => void things.disposeAsync().finally(() => process.exit(130)));
  try {
    const generator = chooseGenerator(folder);
    say(`load by ${generator.name}; making the database`);
    const ground = await prepareGround(folder);
    things.defer(() => ground.stop());
    const contestants = await startAll(root, ground, things);
    const peers = await compete(contestants, generator, ground);
    for (const { server } of contestants) await server.stop();
    say('starting again and again');
    const start = await measureStart(root, ground);
    const result = judge({ ground, generator: generator.name, peers, start, packages: productionPackages(root) });
    keep(root, result);
    console.log(describe(result));
  } finally {
    await things.disposeAsync();
  }
}

async function startAll(root: string, ground: Ground, things: AsyncDisposableStack): Promise<Contestant[]> {
  const contestants: Contestant[] = [];
  for (const peer of PEERS) {
    const server = await startServer(peer.command(root, ground));
    things.defer(() => server.stop());
    await check(server, ground);
    contestants.push({ peer, server, rounds: [], served: 0 });
  }
  return contestants;
}

async function compete(contestants: Contestant[], generator: Generator, ground: Ground): Promise<Result['peers']> {
  for (const contestant of contestants) await measure(contestant, generator, ground, WARM_UP_SECONDS);
  for (let number = 1; number <= ROUNDS; number += 1) {
    for (const contestant of contestants) {
      const round = await measure(contestant, generator, ground, ROUND_SECONDS);
      contestant.rounds.push(round);
      say(`round ${number}: ${contestant.peer.name} ${line(round)}`);
    }
  }
  for (const contestant of contestants) await topUp(contestant, generator, ground, SERVED);
  return contestants.map(summarise);
}

function line({ perSecond, cpuMicroseconds }: Round): string {
  return `${Math.round(perSecond)} a second, ${cpuMicroseconds.toFixed(1)} µs of CPU a request`;
}

function keep(root: string, result: Result): void {
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'latest.json'), `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(join(folder, 'latest.svg'), chart(result));
}

/** Progress, apart from the table. */
function say(text: string): void {
  console.error(`bench: ${text}`);
}
