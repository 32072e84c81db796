import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import autocannon from 'autocannon';

import type { Load, Order } from './load.js';

/** Different requests that one connection sends in turn: each is written out before the run, for that is slow. */
const REQUESTS = 500;

const [folder, text, run] = process.argv.slice(2) as [string, string, string];
const { url, job, hello, connections, seconds, freshTokens } = JSON.parse(text) as Order;
const lines = (name: string): string[] => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n');
const any = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)]!;
const ids = lines('ids.txt');
const tokens = lines(freshTokens ? 'fresh-tokens.txt' : 'tokens.txt');
let made = 0;

function request(): { method: string; path: string; headers: Record<string, string>; body?: string } {
  const headers = { authorization: `Bearer ${any(tokens)}` };
  if (job === 'hello') return { method: 'GET', path: hello, headers: {} };
  if (job === 'read') return { method: 'GET', path: `/api/v1/users/${any(ids)}`, headers };
  if (job === 'list') return { method: 'GET', path: '/api/v1/users?limit=20', headers };
  made += 1;
  const name = `${process.pid}-${run}-${made}`;
  return {
    method: 'POST',
    path: '/api/v1/users',
    headers: { ...headers, 'content-type': 'application/json', 'idempotency-key': name },
    body: JSON.stringify({ email: `bench.${name}@example.com`, name: 'Bench Person' }),
  };
}

const result = await autocannon({
  url,
  duration: seconds,
  connections,
  setupClient: (client) => client.setRequests(Array.from({ length: REQUESTS }, request)),
});
const load: Load = {
  requests: result.requests.total,
  seconds: result.duration,
  failures: result.non2xx + result.errors + result.timeouts,
  p50: result.latency.p50,
  p99: result.latency.p99,
};
console.log(JSON.stringify(load));
