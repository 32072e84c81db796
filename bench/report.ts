import { cpus } from 'node:os';

import { SESSIONS } from './ground.js';
import type { Ground } from './ground.js';
import type { Job, Options } from './options.js';
import type { Standing, Weight } from './rounds.js';
import type { Start } from './start.js';
import { table } from './table.js';

export interface Target {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly met: boolean;
}

export interface Measured {
  readonly ground: Ground;
  readonly generator: string;
  readonly options: Options;
  readonly standings: readonly Standing[];
  readonly weights: readonly Weight[];
  readonly absent: readonly string[];
  readonly start: Start;
  readonly packages: number;
}

export interface Result extends Pick<
  Measured,
  'generator' | 'standings' | 'weights' | 'absent' | 'start' | 'packages'
> {
  readonly date: string;
  readonly node: string;
  readonly postgresql: string;
  readonly processor: string;
  readonly cores: number;
  readonly users: number;
  readonly sessions: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly targets: readonly Target[];
}

export function judge(measured: Measured): Result {
  const { ground, options, ...rest } = measured;
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    postgresql: ground.databaseVersion,
    processor: cpus()[0]!.model,
    cores: cpus().length,
    users: options.rows,
    sessions: SESSIONS,
    seconds: options.seconds,
    rounds: options.rounds,
    generator: rest.generator,
    standings: rest.standings,
    weights: rest.weights,
    absent: rest.absent,
    start: rest.start,
    packages: rest.packages,
    targets: targetsOf(measured),
  };
}

/** What is aimed at, at 32 connections; only of those who took part. */
function targetsOf({ standings, weights, start, packages }: Measured): Target[] {
  const of = (name: string, job: Job): Standing | undefined =>
    standings.find((each) => each.name === name && each.job === job && each.connections === 32);
  const times = (job: Job, name: string, least: number): Target[] => {
    const [ours, theirs] = [of('roster', job), of(name, job)];
    if (!ours || !theirs) return [];
    const value = Math.round((ours.perSecond / theirs.perSecond) * 100) / 100;
    return [{ what: `${job}: throughput against ${name}`, unit: 'times', value, atLeast: least, met: value >= least }];
  };
  const atMost = (what: string, unit: string, value: number | undefined, most: number): Target[] =>
    value === undefined ? [] : [{ what, unit, value, atMost: most, met: value <= most }];
  const roster = weights.find(({ name }) => name === 'roster');
  const failures = standings.reduce((sum, each) => sum + each.failures, 0);
  return [
    ...atMost('read: CPU a request', 'µs', of('roster', 'read')?.cpuMicroseconds, 60),
    ...times('read', 'gin', 1.3),
    ...times('read', 'fastify-pg', 1.3),
    ...times('read', 'express-pg', 3),
    ...times('read', 'nest-usual', 5),
    ...times('read', 'fastapi-sqlalchemy', 10),
    ...times('read', 'django', 10),
    ...times('list', 'fastify-pg', 0.8),
    ...times('create', 'fastify-pg', 0.45),
    ...atMost('start above the bare imports', 'ms', start.listening - start.imports, 1000),
    ...atMost(`resident size after ${roster?.served} requests`, 'MiB', roster?.rss, 250),
    ...atMost('production packages', '', packages, 350),
    ...atMost('failed requests', '', failures, 0),
  ];
}

/** The result as a person reads it. */
export function describe(result: Result): string {
  const { date, node, postgresql, processor, cores, generator, users, sessions, standings, weights, absent } = result;
  const groups = [...new Set(standings.map(({ job, connections }) => `${job} ${connections}`))];
  return [
    '',
    `${date} · Node ${node} · PostgreSQL ${postgresql} · ${cores} × ${processor} · load by ${generator}`,
    `${users} users, ${sessions} sessions; medians of ${result.rounds} rounds of ${result.seconds} s; server, database and load in cores`,
    ...groups.flatMap((group) => describeGroup(group, standings)),
    '',
    ...table([
      ['memory and start', 'RSS (peak) MiB', 'after', 'listens after ms'],
      ...weights.map(({ name, rss, peakRss, served, startedIn }) => [
        name,
        `${rss} (${peakRss})`,
        String(served),
        String(startedIn),
      ]),
    ]),
    ...(absent.length > 0 ? ['', `not installed, and left out: ${absent.join(', ')}`] : []),
    '',
    `start of roster: ${result.start.listening} ms to listening, ${result.start.imports} ms of it bare imports`,
    '',
    ...result.targets.map(verdict),
  ].join('\n');
}

function describeGroup(group: string, standings: readonly Standing[]): string[] {
  const rows = standings
    .filter(({ job, connections }) => `${job} ${connections}` === group)
    .map((each) => [
      each.name,
      String(Math.round(each.perSecond)),
      each.cpuMicroseconds.toFixed(1),
      each.p50.toFixed(2),
      each.p99.toFixed(2),
      each.serverCores.toFixed(2),
      each.databaseCores.toFixed(2),
      each.generatorCores.toFixed(2),
      each.limit,
    ]);
  const [job, connections] = group.split(' ');
  const head = [
    `${job}, ${connections} at once`,
    'a second',
    'CPU µs',
    'p50 ms',
    'p99 ms',
    'server',
    'database',
    'load',
    'limit',
  ];
  return ['', ...table([head, ...rows])];
}

function verdict({ what, unit, value, atMost: most, atLeast: least, met }: Target): string {
  const wanted = most === undefined ? `at least ${least}` : `at most ${most}`;
  return `${met ? 'met      ' : 'SHORTFALL'} ${what}: ${value} ${unit}`.trimEnd() + ` (${wanted})`;
}
