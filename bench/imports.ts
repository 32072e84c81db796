import { request } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

import { prepareGround } from './ground.js';
import type { Ground } from './ground.js';
import { cpuOf, cpuOfFamily, memoryOfFamily } from './linux.js';
import { ROSTER } from './peers.js';
import { keep } from './results.js';
import { startServer } from './server.js';
import { table } from './table.js';

/** Who is there before: the file brings others. */
const PRESENT = 10_000;
const LOOKS_EVERY = 1000;
/** bcrypt, as Auth0 and Supabase have it: that nobody signs in by it here does not matter. */
const HASH = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';

interface Import {
  readonly id: string;
  readonly state: string;
  readonly rows: number;
  readonly position: number;
  readonly created: number;
  readonly bytes: number;
}

/** A second of the work: how far it was, and what the process weighed. */
interface Look {
  readonly second: number;
  readonly position: number;
  readonly rss: number;
}

/**
 * A file of so many users with password hashes, sent over HTTP to a server that does everything else too: jobs, the
 * audit log, the feeds. What it takes, and whether memory stays as it is.
 * @param root the repository, built
 * @param folder an empty folder, thrown away after
 */
export async function proveImports(
  root: string,
  folder: string,
  rows: number,
  things: AsyncDisposableStack,
  say: (text: string) => void,
): Promise<void> {
  const ground = await prepareGround(folder, PRESENT);
  things.defer(() => ground.stop());
  const server = await startServer(ROSTER.command(root, folder, ground)!);
  things.defer(() => server.stop());
  const before = { server: cpuOf(server.pid), database: cpuOfFamily(ground.databasePid) };
  const weight = memoryOfFamily(server.pid).rss;
  const since = performance.now();
  const started = await send(server.url, await tokenOf(server.url, ground), rows);
  const uploaded = (performance.now() - since) / 1000;
  const uploading = { server: cpuOf(server.pid), database: cpuOfFamily(ground.databasePid) };
  say(`${started.rows} rows (${Math.round(started.bytes / 1e6)} MB) are in after ${uploaded.toFixed(1)} s`);
  const looks: Look[] = [];
  const done = await follow(server.url, ground, started.id, (found) => {
    const look = {
      second: (performance.now() - since) / 1000,
      position: found.position,
      rss: memoryOfFamily(server.pid).rss,
    };
    looks.push(look);
    if (looks.length % 10 === 0) say(`${found.position} rows, ${look.rss} MiB`);
  });
  const took = (performance.now() - since) / 1000 - uploaded;
  const after = { server: cpuOf(server.pid), database: cpuOfFamily(ground.databasePid) };
  const each = (seconds: number): number => Math.round((seconds / rows) * 1e7) / 10;
  const result = {
    rows,
    created: done.created,
    state: done.state,
    uploadRowsPerSecond: Math.round(rows / uploaded),
    rowsPerSecond: Math.round(rows / took),
    rowsPerSecondInAll: Math.round(rows / (took + uploaded)),
    cpuMicrosecondsPerRow: {
      upload: { server: each(uploading.server - before.server), database: each(uploading.database - before.database) },
      work: { server: each(after.server - uploading.server), database: each(after.database - uploading.database) },
    },
    rss: { before: weight, median: middle(looks), peak: Math.max(...looks.map(({ rss }) => rss)) },
    looks: looks.filter((_, at) => at % Math.ceil(looks.length / 20) === 0),
  };
  await keep(root, 'imports.json', JSON.stringify(result));
  console.log(describe(result).join('\n'));
  if (done.state !== 'completed' || done.created !== rows) process.exitCode = 1;
}

function describe(result: {
  rows: number;
  rowsPerSecond: number;
  uploadRowsPerSecond: number;
  rowsPerSecondInAll: number;
  cpuMicrosecondsPerRow: Record<'upload' | 'work', { server: number; database: number }>;
  rss: { before: number; median: number; peak: number };
}): string[] {
  const { upload, work } = result.cpuMicrosecondsPerRow;
  const { before, median, peak } = result.rss;
  return [
    ...table([
      ['', 'rows a second', 'CPU µs a row, server', 'database'],
      ['reading and staging', String(result.uploadRowsPerSecond), String(upload.server), String(upload.database)],
      ['taking over', String(result.rowsPerSecond), String(work.server), String(work.database)],
      ['in all', String(result.rowsPerSecondInAll), '', ''],
    ]),
    `${result.rows} rows; resident ${before} MiB before, ${median} in the middle, ${peak} at most`,
  ];
}

function middle(looks: readonly Look[]): number {
  const sorted = looks.map(({ rss }) => rss).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

async function tokenOf(url: string, { environment }: Ground): Promise<string> {
  const body = JSON.stringify({ identifier: environment['ADMIN_EMAIL'], password: environment['ADMIN_PASSWORD'] });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/v1/auth/login`, { method: 'POST', headers, body });
  const { accessToken } = (await answer.json()) as { accessToken?: string };
  if (accessToken === undefined) throw new Error(`The administrator cannot sign in: ${answer.status}`);
  return accessToken;
}

/** Sends the file as it is made: it lies nowhere. */
function send(url: string, token: string, rows: number): Promise<Import> {
  const headers = { 'content-type': 'text/csv', authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/api/v1/imports`, { method: 'POST', headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      answer.on('end', () => {
        if (answer.statusCode === 202) resolve(JSON.parse(text) as Import);
        else reject(new Error(`${answer.statusCode}: ${text}`));
      });
    });
    sent.on('error', reject);
    Readable.from(linesOf(rows)).pipe(sent);
  });
}

function* linesOf(rows: number): Generator<string> {
  yield 'email,name,username,emailVerified,externalId,metadata,passwordHash\n';
  for (let from = 1; from <= rows; from += 500) {
    const lines = Array.from({ length: Math.min(500, rows - from + 1) }, (_, at) => lineOf(from + at));
    yield lines.join('');
  }
}

function lineOf(number: number): string {
  const word = ((number * 2_654_435_761) % 4_294_967_296).toString(36);
  return `${word}.${number}@import.example.com,Given${word} Family${number},${word}${number},true,crm-${number},"{""theme"":""dark""}",${HASH}\n`;
}

async function follow(url: string, ground: Ground, id: string, look: (found: Import) => void): Promise<Import> {
  for (let token = await tokenOf(url, ground); ;) {
    const answer = await fetch(`${url}/api/v1/imports/${id}`, { headers: { authorization: `Bearer ${token}` } });
    if (answer.status === 401) {
      token = await tokenOf(url, ground);
      continue;
    }
    const found = (await answer.json()) as Import;
    look(found);
    if (!['queued', 'running'].includes(found.state)) return found;
    await pause(LOOKS_EVERY);
  }
}
