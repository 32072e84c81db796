import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import autocannon from 'autocannon';

import { CONNECTIONS } from './load.js';
import type { Load } from './load.js';

/** Different requests that one connection sends in turn: each is written out before the run, for that is slow. */
const REQUESTS = 500;

const [url, seconds, folder] = process.argv.slice(2) as [string, string, string];
const lines = (name: string): string[] => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n');
const any = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)]!;
const ids = lines('ids.txt');
const tokens = lines('tokens.txt');

const result = await autocannon({
  url,
  duration: Number(seconds),
  connections: CONNECTIONS,
  setupClient: (client) =>
    client.setRequests(
      Array.from({ length: REQUESTS }, () => ({
        method: 'GET',
        path: `/api/v1/users/${any(ids)}`,
        headers: { authorization: `Bearer ${any(tokens)}` },
      })),
    ),
});
const load: Load = {
  requests: result.requests.total,
  seconds: result.duration,
  failures: result.non2xx + result.errors + result.timeouts,
  p50: result.latency.p50,
  p99: result.latency.p99,
};
console.log(JSON.stringify(load));
