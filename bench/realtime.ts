import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { Client } from 'pg';
import { io } from 'socket.io-client';

import { prepareGround } from './ground.js';
import type { Ground } from './ground.js';
import { IdleSockets } from './idle-sockets.js';
import { cpuOf, memoryOfFamily } from './linux.js';
import { ROSTER } from './peers.js';
import { keep } from './results.js';
import { startServer } from './server.js';
import type { Server } from './server.js';
import { table } from './table.js';

const ROWS = 20_000;
const WANTED = 10_000;
/** Descriptors that a process needs besides its sockets. */
const SPARE = 500;
/** Longer than from one ping to the next, so that every socket has had one. Milliseconds. */
const SETTLE = 40_000;
const RATE = 200;
const SECONDS = 30;
/** What the issue asks for: MiB for ten thousand, milliseconds. */
const MOST_MEMORY = 300;
const MOST_DELAY = 100;

interface Delays {
  readonly events: number;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

interface Found {
  readonly sockets: number;
  readonly perThousand: number;
  readonly all: number;
  readonly openedPerSecond: number;
  readonly idleCpu: number;
  readonly alone: Delays;
  readonly crowded: Delays;
}

/**
 * What idle sockets weigh, and how long it takes from a change at one process until a socket of another is told of it:
 * with nobody else there, and among all the idle ones.
 */
export async function measureRealtime(
  root: string,
  folder: string,
  things: AsyncDisposableStack,
  say: (text: string) => void,
): Promise<void> {
  const ground = await prepareGround(folder, ROWS);
  things.defer(() => ground.stop());
  await permit(ground);
  const [writer, teller] = [await start(root, ground), await start(root, ground)];
  for (const server of [writer, teller]) things.defer(() => server.stop());
  const tokens = readFileSync(join(folder, 'tokens.txt'), 'utf8').trim().split('\n');
  const ids = readFileSync(join(folder, 'ids.txt'), 'utf8').trim().split('\n');
  say('changes at one process, a socket at the other');
  const alone = await delays(writer, teller, tokens, ids);
  const idle = new IdleSockets(Number(new URL(teller.url).port), tokens);
  things.defer(() => idle.close());
  const weight = await weigh(teller, idle, say);
  say('the same among them');
  const crowded = await delays(writer, teller, tokens, ids);
  if (idle.size < weight.sockets) throw new Error(`${weight.sockets - idle.size} idle sockets were lost`);
  const found: Found = { ...weight, alone, crowded };
  await keep(root, 'realtime.json', JSON.stringify(found));
  console.log(describe(found).join('\n'));
  if (found.perThousand * 10 > MOST_MEMORY || crowded.p99 > MOST_DELAY) process.exitCode = 1;
}

function start(root: string, ground: Ground): Promise<Server> {
  const command = ROSTER.command(root, '', ground)!;
  const many = { REALTIME_SOCKETS_PER_ADDRESS: '1000000', REALTIME_SOCKETS_PER_USER: '1000' };
  return startServer({ ...command, environment: { ...command.environment, ...many } });
}

/** Whoever may read users may follow what happens to them. */
async function permit({ databaseUrl }: Ground): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`INSERT INTO roster.role_permissions (role, permission) VALUES ('bench_reader', 'events:read')`);
  await client.end();
}

async function weigh(
  server: Server,
  idle: IdleSockets,
  say: (text: string) => void,
): Promise<Omit<Found, 'alone' | 'crowded'>> {
  // The first of them make the code warm, and are not weighed.
  await idle.open(500);
  await pause(3000);
  const before = memoryOfFamily(server.pid).rss;
  const sockets = Math.min(WANTED, descriptors() - SPARE - 500);
  say(`opening ${sockets} sockets`);
  const since = performance.now();
  await idle.open(sockets);
  const openedPerSecond = Math.round((sockets / (performance.now() - since)) * 1000);
  const cpu = cpuOf(server.pid);
  await pause(SETTLE);
  const idleCpu = (cpuOf(server.pid) - cpu) / (SETTLE / 1000);
  const perThousand = ((memoryOfFamily(server.pid).rss - before) / sockets) * 1000;
  return { sockets, perThousand, all: perThousand * 10, openedPerSecond, idleCpu };
}

/** From the moment that stands in the event, which is before its commit, to its receipt on a socket. */
async function delays(
  writer: Server,
  teller: Server,
  tokens: readonly string[],
  ids: readonly string[],
): Promise<Delays> {
  const took: number[] = [];
  const socket = io(teller.url, {
    path: '/realtime',
    transports: ['websocket'],
    auth: { token: tokens[0], events: { types: ['user.updated'] } },
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('ready', () => resolve());
    socket.once('connect_error', reject);
  });
  socket.on('event', ({ time }: { time: string }) =>
    took.push(performance.timeOrigin + performance.now() - Date.parse(time)),
  );
  await write(writer, tokens, ids, 3);
  await pause(1000);
  took.length = 0;
  const written = await write(writer, tokens, ids, SECONDS);
  await pause(2000);
  socket.close();
  if (took.length !== written) throw new Error(`${written} events were made, and ${took.length} came`);
  took.sort((a, b) => a - b);
  const at = (part: number): number => took[Math.min(took.length - 1, Math.floor(took.length * part))]!;
  return { events: took.length, p50: at(0.5), p99: at(0.99), most: took.at(-1)! };
}

/** So many changes a second, whether or not those before were answered. @returns how many were made */
async function write(
  { url }: Server,
  tokens: readonly string[],
  ids: readonly string[],
  seconds: number,
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const answers: Promise<void>[] = [];
  const since = performance.now();
  for (let made = 0; made < RATE * seconds; made += 1) {
    const due = since + (made * 1000) / RATE;
    const early = due - performance.now();
    if (early > 0) await pause(early);
    const change = { token: tokens[made % tokens.length]!, id: ids[randomInt(ids.length)]!, made };
    answers.push(patch(url, agent, change));
  }
  await Promise.all(answers);
  agent.destroy();
  return RATE * seconds;
}

function patch(url: string, agent: Agent, change: { token: string; id: string; made: number }): Promise<void> {
  const bytes = JSON.stringify({ name: `Somebody ${change.made} ${randomInt(1e9)}` });
  const headers = {
    authorization: `Bearer ${change.token}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(bytes),
  };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/api/v1/users/${change.id}`, { method: 'PATCH', headers, agent }, (answer) => {
      answer.resume();
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve() : reject(new Error(`PATCH answered ${answer.statusCode}`)),
      );
    });
    sent.on('error', reject);
    sent.end(bytes);
  });
}

/** How many files a process may have open here. */
function descriptors(): number {
  return Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim().replace('unlimited', '1000000'));
}

function describe({ sockets, perThousand, all, openedPerSecond, idleCpu, alone, crowded }: Found): string[] {
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  const line = (name: string, { events, p50, p99, most }: Delays): string[] => [
    name,
    String(events),
    ms(p50),
    ms(p99),
    ms(most),
  ];
  return [
    `${sockets} idle sockets: ${perThousand.toFixed(1)} MiB a thousand, ${Math.round(all)} MiB for ten thousand (at most ${MOST_MEMORY}); ` +
      `${openedPerSecond} handshakes a second; ${(idleCpu * 100).toFixed(1)} % of a core to keep them`,
    '',
    ...table([
      [`commit at one process to a socket of another, ${RATE} events a second`, 'events', 'p50', 'p99', 'most'],
      line('nobody else', alone),
      line(`among ${sockets} idle sockets`, crowded),
    ]),
  ];
}
