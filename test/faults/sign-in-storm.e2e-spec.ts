import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { jest } from '@jest/globals';

import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { patiently } from '../harness/patience.js';
import { PASSWORD } from '../harness/people.js';
import { onDatabase, startProcess } from '../harness/process.js';
import type { RunningProcess } from '../harness/process.js';

jest.setTimeout(180_000);

const ACCOUNTS = 20;
const AT_ONCE = 8;
const STORM = 500;
/** Turns of measuring, of which the median counts: a neighbour on the machine spoils one of them, not most. */
const TURNS = 5;
const ASKED_IN_A_TURN = 200;
/** What another request may take while people sign in (milliseconds), or as a multiple of what it takes without. */
const BOUND = 50;
const FACTOR = 5;
/** Longer than any request may take. Milliseconds. */
const PATIENCE = 30_000;

interface Told {
  /** 0 when there was no answer, but an error of the socket or none in time. */
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly took: number;
  readonly text: string;
}

/** A figure of a sorted whole: the smallest that so many of a hundred do not exceed. */
function percentile(times: readonly number[], percent: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1]!;
}

describe('many who sign in at once', () => {
  const agent = new Agent({ keepAlive: true });
  let roster: RunningProcess;
  let emails: string[];

  beforeAll(async () => {
    const database = await freshDatabase('sign_in_storm');
    const app = await TestApp.start({ database });
    emails = [];
    for (let made = 0; made < ACCOUNTS; made += 1) emails.push((await app.people.user()).email);
    await app.stop();
    roster = await startProcess(onDatabase(database));
    for (let turn = 0; turn < 3; turn += 1) await Promise.all(emails.map((email) => signIn(email)));
  });
  afterAll(async () => {
    agent.destroy();
    await roster.stop();
  });

  function ask(method: string, path: string, token = '', body?: object): Promise<Told> {
    const since = performance.now();
    const headers = {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
    };
    return new Promise((resolve) => {
      const tell = (status: number, retryAfter?: string, text = ''): void =>
        resolve({ status, retryAfter, took: performance.now() - since, text });
      const sent = request(`${roster.url}${path}`, { method, headers, agent, timeout: PATIENCE }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          tell(answer.statusCode!, answer.headers['retry-after'], Buffer.concat(chunks).toString()),
        );
        answer.on('error', () => tell(0));
      });
      sent.on('timeout', () => sent.destroy());
      sent.on('error', () => tell(0));
      sent.end(body && JSON.stringify(body));
    });
  }

  const signIn = (identifier: string) => ask('POST', '/api/v1/auth/login', '', { identifier, password: PASSWORD });

  /** A machine that stood still is no answer to what is asked here. */
  const heard = (send: () => Promise<Told>): Promise<Told> => patiently(send, ({ retryAfter }) => retryAfter);

  /** The slowest but one of a hundred that are asked one after another. */
  async function p99(path: string, token: string): Promise<number> {
    const times: number[] = [];
    for (let asked = 0; asked < ASKED_IN_A_TURN; asked += 1) {
      const { status, took } = await heard(() => ask('GET', path, token));
      expect(status).toBe(200);
      times.push(took);
    }
    return percentile(times, 99);
  }

  /** Signs in, eight at once and again and again, as long as the work takes. @returns what they were told */
  async function besideSignIns(work: () => Promise<void>): Promise<number[]> {
    const statuses: number[] = [];
    let over = false;
    const loops = emails.slice(0, AT_ONCE).map(async (email) => {
      while (!over) statuses.push((await heard(() => signIn(email))).status);
    });
    await pause(100);
    await work().finally(() => (over = true));
    await Promise.all(loops);
    return statuses;
  }

  it.each(['/health/live', '/api/v1/me'])('keep GET %s as quick as it may be', async (path) => {
    const { accessToken } = JSON.parse((await heard(() => signIn(emails[0]!))).text) as { accessToken: string };
    await p99(path, accessToken);
    const [without, beside]: [number[], number[]] = [[], []];
    for (let turn = 0; turn < TURNS; turn += 1) {
      without.push(await p99(path, accessToken));
      const statuses = await besideSignIns(async () => {
        beside.push(await p99(path, accessToken));
      });
      expect(statuses.length).toBeGreaterThan(AT_ONCE);
      expect([...new Set(statuses)]).toEqual([200]);
    }
    const shown = (times: readonly number[]): string => times.map((time) => time.toFixed(1)).join(' ');
    process.stderr.write(`p99 of ${path}: ${shown(without)} ms; beside ${AT_ONCE} sign-ins: ${shown(beside)} ms\n`);
    expect(percentile(beside, 50)).toBeLessThan(Math.max(BOUND, FACTOR * percentile(without, 50)));
  });

  it.each([
    ['of many accounts', ACCOUNTS],
    ['of one account', 1],
  ])('%s: each of 500 is let in or told to come again, and none waits for ever', async (_whose, accounts) => {
    const told = await Promise.all(Array.from({ length: STORM }, (_, place) => signIn(emails[place % accounts]!)));
    const counts: Record<string, number> = {};
    for (const { status, text } of told) {
      const { code = 'signed_in' } = JSON.parse(text || '{"code":"no answer"}') as { code?: string };
      counts[`${status} ${code}`] = (counts[`${status} ${code}`] ?? 0) + 1;
    }
    const slowest = Math.max(...told.map(({ took }) => took));
    process.stderr.write(`${STORM} sign-ins ${_whose}: ${JSON.stringify(counts)}, slowest ${Math.round(slowest)} ms\n`);
    expect(told.filter(({ status }) => ![200, 429, 503].includes(status))).toEqual([]);
    expect(told.filter(({ status, retryAfter }) => status !== 200 && !/^[1-9]\d*$/.test(retryAfter ?? ''))).toEqual([]);
    expect(counts['200 signed_in']).toBeGreaterThan(0);
    expect((await heard(() => signIn(emails[0]!))).status).toBe(200);
  });
});
