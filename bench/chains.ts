// A load whose requests need what the ones before were answered: signing in, and refreshing what that gave.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';

import type { Load, Order } from './load.js';

const [folder, text, run] = process.argv.slice(2) as [string, string, string];
const { url, job, connections, seconds } = JSON.parse(text) as Order;
const { emails, password, refreshTokens } = JSON.parse(readFileSync(join(folder, 'people.json'), 'utf8')) as {
  emails: string[];
  password: string;
  /** The first of a session each: a run takes some that no other has had. */
  refreshTokens: string[];
};
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const latencies: number[] = [];
let failures = 0;

interface Tokens {
  readonly refreshToken: string;
}

function post(path: string, body: object): Promise<Tokens | null> {
  const bytes = Buffer.from(JSON.stringify(body));
  const headers = { 'content-type': 'application/json', 'content-length': bytes.length };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, { method: 'POST', agent, headers }, (answer) => {
      let told = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (told += chunk));
      answer.on('end', () => resolve(answer.statusCode === 200 ? (JSON.parse(told) as Tokens) : null));
    });
    sent.on('error', reject);
    sent.end(bytes);
  });
}

const signIn = (place: number): Promise<Tokens | null> =>
  post('/api/v1/auth/login', { identifier: emails[place % emails.length], password });

async function loop(place: number): Promise<void> {
  let tokens: Tokens = { refreshToken: refreshTokens[(Number(run) * connections + place) % refreshTokens.length]! };
  while (performance.now() < end) {
    const since = performance.now();
    const answer = job === 'refresh' ? await post('/api/v1/auth/refresh', tokens) : await signIn(place);
    if (answer) tokens = { refreshToken: answer.refreshToken };
    else failures += 1;
    latencies.push(performance.now() - since);
  }
}

const end = performance.now() + seconds * 1000;
await Promise.all(Array.from({ length: connections }, (_, place) => loop(place)));
agent.destroy();
latencies.sort((one, other) => one - other);
const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
const load: Load = { requests: latencies.length, seconds, failures, p50: at(0.5), p99: at(0.99) };
console.log(JSON.stringify(load));
