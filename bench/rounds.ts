import type { Ground } from './ground.js';
import { cpuOfEndedChildren, cpuOfFamily, idleSeconds, memoryOfFamily } from './linux.js';
import type { Generator } from './load.js';
import type { Job } from './options.js';
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
  /** By job and connections: `read 32`. */
  readonly rounds: Map<string, Round[]>;
  /** Requests answered, warm-up included. */
  served: number;
}

/** The medians of a contestant's rounds at one job. */
export interface Standing extends Round {
  readonly job: Job;
  readonly connections: number;
  readonly name: string;
  readonly limit: 'server' | 'database' | 'generator' | 'machine';
}

/** What a contestant weighs after so many requests: MiB. */
export interface Weight {
  readonly name: string;
  readonly about: string;
  readonly rss: number;
  readonly peakRss: number;
  readonly served: number;
  /** Milliseconds from its process to its word that it listens. */
  readonly startedIn: number;
}

export interface Task {
  readonly job: Job;
  readonly connections: number;
  readonly seconds: number;
}

/** Correct answers, and a refusal: a server that does less work than it says must not win. */
export async function check({ url }: Server, { id, token }: Ground, { hello }: Peer): Promise<void> {
  const ask = async (path: string, status: number, bearer = token, body?: object): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}${path}`, {
      headers,
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (answer.status !== status) throw new Error(`${url}${path} answered ${answer.status}: ${text}`);
    return text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {};
  };
  await ask(hello, 200);
  if ((await ask(`/api/v1/users/${id}`, 200))['id'] !== id) throw new Error(`${url} answers somebody else`);
  const { data } = await ask('/api/v1/users?limit=20', 200);
  if ((data as object[]).length !== 20) throw new Error(`${url} lists ${(data as object[]).length} users`);
  const email = `check.${performance.now()}@example.com`;
  if ((await ask('/api/v1/users', 201, token, { email, name: 'Check' }))['email'] !== email)
    throw new Error(`${url} makes somebody else`);
  await ask(`/api/v1/users/${id}`, 401, token.replace(/.{8}$/, 'AAAAAAAA'));
}

export async function measure(
  contestant: Contestant,
  generator: Generator,
  { databasePid }: Ground,
  task: Task,
): Promise<Round> {
  const { peer, server } = contestant;
  const read = (): number[] => [cpuOfFamily(server.pid), cpuOfFamily(databasePid), cpuOfEndedChildren(), idleSeconds()];
  const before = read();
  const { hello, freshTokens = false } = peer;
  const load = await generator.run({ url: server.url, hello, freshTokens, ...task });
  const [cpu, database, generated, idle] = read().map((value, place) => value - before[place]!);
  contestant.served += load.requests;
  return {
    perSecond: load.requests / load.seconds,
    cpuMicroseconds: (cpu! / load.requests) * 1e6,
    failures: load.failures,
    p50: load.p50,
    p99: load.p99,
    serverCores: cpu! / load.seconds,
    databaseCores: database! / load.seconds,
    generatorCores: generated! / load.seconds,
    idleCores: idle! / load.seconds,
  };
}

export function weigh({ peer, server, served }: Contestant): Weight {
  const { rss, peak } = memoryOfFamily(server.pid);
  return { name: peer.name, about: peer.about, rss, peakRss: peak, served, startedIn: Math.round(server.startedIn) };
}

export function summarise(name: string, { job, connections }: Task, rounds: readonly Round[]): Standing {
  const middle = (member: keyof Round): number => round(median(rounds.map((one) => one[member])));
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
  return { job, connections, name, ...standing, limit: limitOf(standing) };
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
