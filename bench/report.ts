import { cpus } from 'node:os';

import { SESSIONS, USERS } from './ground.js';
import type { Ground } from './ground.js';
import { CONNECTIONS } from './load.js';
import type { Standing } from './rounds.js';
import type { Start } from './start.js';

export interface Target {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly met: boolean;
}

export interface Result {
  readonly date: string;
  readonly node: string;
  readonly postgresql: string;
  readonly processor: string;
  readonly cores: number;
  readonly generator: string;
  readonly users: number;
  readonly sessions: number;
  readonly connections: number;
  readonly peers: readonly Standing[];
  readonly start: Start;
  readonly packages: number;
  readonly targets: readonly Target[];
}

export interface Measured {
  readonly ground: Ground;
  readonly generator: string;
  readonly peers: readonly Standing[];
  readonly start: Start;
  readonly packages: number;
}

export function judge({ ground, generator, peers, start, packages }: Measured): Result {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    postgresql: ground.databaseVersion,
    processor: cpus()[0]!.model,
    cores: cpus().length,
    generator,
    users: USERS,
    sessions: SESSIONS,
    connections: CONNECTIONS,
    peers,
    start,
    packages,
    targets: targetsOf(peers, start, packages),
  };
}

function targetsOf(peers: readonly Standing[], start: Start, packages: number): Target[] {
  const roster = peers.find(({ name }) => name === 'roster')!;
  const usual = peers.find(({ name }) => name === 'nest-usual')!;
  const times = Math.round((roster.perSecond / usual.perSecond) * 100) / 100;
  return [
    atMost('CPU a request', 'µs', roster.cpuMicroseconds, 85),
    atLeast('throughput against nest-usual', 'times', times, 3),
    atMost('start above the bare imports', 'ms', start.listening - start.imports, 1000),
    atMost(`resident size after ${roster.served} requests`, 'MiB', roster.rss, 250),
    atMost('production packages', '', packages, 350),
    atMost(
      'failed requests',
      '',
      peers.reduce((sum, { failures }) => sum + failures, 0),
      0,
    ),
  ];
}

const atMost = (what: string, unit: string, value: number, limit: number): Target => ({
  what,
  unit,
  value,
  atMost: limit,
  met: value <= limit,
});
const atLeast = (what: string, unit: string, value: number, limit: number): Target => ({
  what,
  unit,
  value,
  atLeast: limit,
  met: value >= limit,
});

/** The result as a person reads it. */
export function describe(result: Result): string {
  const { date, node, postgresql, processor, cores, generator, peers, start, targets } = result;
  const rows = peers.map((peer) => [
    peer.name,
    peer.cpuMicroseconds.toFixed(1),
    String(Math.round(peer.perSecond)),
    peer.p50.toFixed(2),
    peer.p99.toFixed(2),
    peer.serverCores.toFixed(2),
    peer.databaseCores.toFixed(2),
    peer.generatorCores.toFixed(2),
    peer.limit,
    `${peer.rss} (${peer.peakRss})`,
  ]);
  const head = ['', 'CPU µs', 'a second', 'p50 ms', 'p99 ms', 'server', 'database', 'load', 'limit', 'RSS (peak) MiB'];
  return [
    '',
    `GET /api/v1/users/:id with a token · ${date} · Node ${node} · PostgreSQL ${postgresql} · ${cores} × ${processor} · ${generator}`,
    `${result.users} users, ${result.sessions} sessions, ${result.connections} connections; medians; server, database and load in cores`,
    '',
    ...table([head, ...rows]),
    '',
    `start: ${start.listening} ms to listening, ${start.imports} ms of it bare imports`,
    '',
    ...targets.map(verdict),
  ].join('\n');
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  '),
  );
}

function verdict({ what, unit, value, atMost: most, atLeast: least, met }: Target): string {
  const wanted = most === undefined ? `at least ${least}` : `at most ${most}`;
  return `${met ? 'met      ' : 'SHORTFALL'} ${what}: ${value} ${unit}`.trimEnd() + ` (${wanted})`;
}
