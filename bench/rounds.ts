import type { Ground } from './ground.js';
import { cpuOf, cpuOfEndedChildren, cpuOfFamily, idleSeconds, memoryOf } from './linux.js';
import type { Generator } from './load.js';
import type { Peer } from './peers.js';
import type { Server } from './server.js';

/** One run of load against one server. What is given as cores is CPU seconds a second. */
export interface Round {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
  readonly failures: number;
  readonly p50: number;
  readonly p99: number;
  readonly serverCores: number;
  readonly databaseCores: number;
  readonly generatorCores: number;
  readonly idleCores: number;
}

export interface Contestant {
  readonly peer: Peer;
  readonly server: Server;
  readonly rounds: Round[];
  /** Requests answered, warm-up included. */
  served: number;
}

/** The medians of a contestant's rounds. */
export interface Standing extends Round {
  readonly name: string;
  readonly about: string;
  /** MiB, after `served` requests. */
  readonly rss: number;
  readonly peakRss: number;
  readonly served: number;
  readonly limit: 'server' | 'database' | 'generator' | 'machine';
}

/** One correct answer, and one refusal: a server that does less work than it says must not win. */
export async function check(server: Server, { id, token }: Ground): Promise<void> {
  const url = `${server.url}/api/v1/users/${id}`;
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  const body = (await answer.json()) as { id?: string };
  if (answer.status !== 200 || body.id !== id)
    throw new Error(`${url} answered ${answer.status}: ${JSON.stringify(body)}`);
  const forged = token.replace(/.{8}$/, 'AAAAAAAA');
  const refusal = await fetch(url, { headers: { authorization: `Bearer ${forged}` } });
  if (refusal.status !== 401) throw new Error(`${url} answered ${refusal.status} to a forged token`);
}

export async function measure(
  contestant: Contestant,
  generator: Generator,
  { databasePid }: Ground,
  seconds: number,
): Promise<Round> {
  const { pid, url } = contestant.server;
  const read = (): number[] => [cpuOf(pid), cpuOfFamily(databasePid), cpuOfEndedChildren(), idleSeconds()];
  const before = read();
  const load = await generator.run(url, seconds);
  const [server, database, generated, idle] = read().map((value, place) => value - before[place]!);
  contestant.served += load.requests;
  return {
    perSecond: load.requests / load.seconds,
    cpuMicroseconds: (server! / load.requests) * 1e6,
    failures: load.failures,
    p50: load.p50,
    p99: load.p99,
    serverCores: server! / load.seconds,
    databaseCores: database! / load.seconds,
    generatorCores: generated! / load.seconds,
    idleCores: idle! / load.seconds,
  };
}

/** More load until so many requests were served: resident sizes are compared after the same work. */
export async function topUp(
  contestant: Contestant,
  generator: Generator,
  ground: Ground,
  requests: number,
): Promise<void> {
  while (contestant.served < requests) {
    const { perSecond } = contestant.rounds[0]!;
    const seconds = Math.ceil((requests - contestant.served) / perSecond);
    await measure(contestant, generator, ground, Math.min(30, seconds));
  }
}

export function summarise({ peer, server, rounds, served }: Contestant): Standing {
  const middle = (name: keyof Round): number => round(median(rounds.map((one) => one[name])));
  const standing = {
    perSecond: middle('perSecond'),
    cpuMicroseconds: middle('cpuMicroseconds'),
    failures: rounds.reduce((sum, one) => sum + one.failures, 0),
    p50: middle('p50'),
    p99: middle('p99'),
    serverCores: middle('serverCores'),
    databaseCores: middle('databaseCores'),
    generatorCores: middle('generatorCores'),
    idleCores: middle('idleCores'),
  };
  const { rss, peak } = memoryOf(server.pid);
  return { name: peer.name, about: peer.about, ...standing, limit: limitOf(standing), rss, peakRss: peak, served };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** Who had no more to give. A server of one thread that is busy all the time is the limit, whatever the others do. */
function limitOf({ serverCores, databaseCores, generatorCores, idleCores }: Round): Standing['limit'] {
  if (serverCores >= 0.9) return 'server';
  if (generatorCores >= 0.9) return 'generator';
  if (idleCores < 0.1) return databaseCores > serverCores ? 'database' : 'machine';
  return 'database';
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
