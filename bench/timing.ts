import { randomBytes, randomInt } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { Client } from 'pg';

import { prepareGround } from './ground.js';
import type { Ground } from './ground.js';
import { ROSTER } from './peers.js';
import { keep } from './results.js';
import { median } from './rounds.js';
import { startServer } from './server.js';
import { table } from './table.js';

const ROWS = 20_000;
/** Asked of each kind of address at each door. */
const TIMES = 500;
/** Asked first and not counted: code is compiled, statements are prepared, threads are started. */
const WARM_UP = 60;
/** Nothing can be said of a door where the machine tells even like from like; then it is asked again, so often in all. */
const TRIES = 3;
/** What the answer before left to do is done by then. Milliseconds. */
const BREATH = 4;
/** How far the medians may be apart, and the AUC from one half. */
const MOST_PERCENT = 2;
const MOST_AUC = 0.05;

/** From here on a thousand and more have an address that they have not confirmed. */
const UNCONFIRMED = 14_000;

const KINDS = ['known', 'unknown', 'control'] as const;
type Kind = (typeof KINDS)[number];

/** Where one may ask about an address, and the addresses that it is asked about. */
interface Door {
  readonly name: string;
  readonly path: string;
  /** The one of which the server knows something; each is asked about once. */
  readonly known: (place: number) => string;
  readonly body: (address: string) => object;
  readonly status: number;
}

interface Judged {
  readonly door: string;
  readonly medians: Readonly<Record<Kind, number>>;
  /** Of known against unknown addresses, and of unknown ones against others like them. */
  readonly percent: readonly [number, number];
  readonly auc: readonly [number, number];
}

/**
 * Whether the time of an answer tells who has an account: the same question about known and unknown addresses, in an
 * order that chance decides, beside a control of more unknown ones, which shows what this machine can tell apart at all.
 * @param root the repository, built
 * @param folder an empty folder, thrown away after
 */
export async function proveTiming(
  root: string,
  folder: string,
  things: AsyncDisposableStack,
  say: (text: string) => void,
): Promise<void> {
  const ground = await prepareGround(folder, ROWS);
  things.defer(() => ground.stop());
  await givePasswords(ground);
  const command = ROSTER.command(root, folder, ground)!;
  const server = await startServer({ ...command, environment: { ...command.environment, RATE_LIMITS: 'off' } });
  things.defer(() => server.stop());
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  things.defer(() => agent.destroy());
  const judged: Judged[] = [];
  for (const door of doors()) {
    let one = judge(door.name, await measure(server.url, agent, door, 0));
    for (let tried = 1; tried < TRIES && verdictOf(one) === 'NOISE'; tried += 1)
      one = judge(door.name, await measure(server.url, agent, door, tried));
    judged.push(one);
    say(describe([one]).at(-1)!);
  }
  await keep(root, 'timing.json', JSON.stringify(judged));
  console.log(describe(judged).join('\n'));
  if (judged.some((one) => verdictOf(one) !== 'alike')) process.exitCode = 1;
}

/** Some two thousand people of its own for each door, so that none is asked about twice; one in fifty is suspended. */
function people(from: number): (place: number) => string {
  return (place) => `person.${from + place + Math.floor(place / 49) + 1}@example.com`;
}

function doors(): Door[] {
  const email = (address: string): object => ({ email: address });
  const password = randomBytes(24).toString('base64url');
  return [
    {
      name: 'sign-in',
      path: 'login',
      known: people(2000),
      body: (identifier) => ({ identifier, password }),
      status: 401,
    },
    {
      name: 'register',
      path: 'register',
      known: people(4000),
      body: (address) => ({ email: address, password }),
      status: 202,
    },
    { name: 'forgot', path: 'password/forgot', known: people(6000), body: email, status: 202 },
    { name: 'resend, an account', path: 'email/resend', known: people(8000), body: email, status: 202 },
    {
      name: 'resend, an address to confirm',
      path: 'email/resend',
      known: people(UNCONFIRMED),
      body: email,
      status: 202,
    },
    {
      name: 'resend, a registration that waits',
      path: 'email/resend',
      // Those that were asked about as unknown ones at the second door.
      known: (place) => strangerOf('register', 'unknown', place % (WARM_UP + TIMES)),
      body: email,
      status: 202,
    },
    { name: 'magic link', path: 'magic-link', known: people(10000), body: email, status: 202 },
  ];
}

function strangerOf(door: string, kind: Kind, place: number): string {
  const name = kind === 'unknown' ? 'nobody' : 'no.one';
  return `${name}.${10_000 + place}@${door.replace(/\W+/g, '-')}.example`;
}

/** Everybody has the same password, which nobody here will guess. */
async function givePasswords({ databaseUrl }: Ground): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(`
      UPDATE roster.users SET email_verified_at = NULL WHERE email LIKE 'person.1____@example.com' AND email >= 'person.${UNCONFIRMED}';
      INSERT INTO roster.password_hashes (user_id, hash, changed_at)
        SELECT u.id, h.hash, now() FROM roster.users u, (SELECT hash FROM roster.password_hashes LIMIT 1) h
        ON CONFLICT DO NOTHING`);
  } finally {
    await client.end();
  }
}

async function measure(url: string, agent: Agent, door: Door, tried: number): Promise<Record<Kind, number[]>> {
  const times: Record<Kind, number[]> = { known: [], unknown: [], control: [] };
  for (let turn = 0; turn < WARM_UP + TIMES; turn += 1)
    for (const kind of shuffled(KINDS)) {
      const place = tried * (WARM_UP + TIMES) + turn;
      const address = kind === 'known' ? door.known(place) : strangerOf(door.name, kind, place);
      const took = await timeOf(url, agent, door, address);
      if (turn >= WARM_UP) times[kind].push(took);
      await pause(BREATH);
    }
  return times;
}

/** From the first byte of the question to the last of the answer. Milliseconds. */
function timeOf(url: string, agent: Agent, { path, body, status }: Door, address: string): Promise<number> {
  const bytes = JSON.stringify(body(address));
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) };
  const since = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/api/v1/auth/${path}`, { method: 'POST', headers, agent }, (answer) => {
      answer.resume();
      answer.on('end', () => {
        if (answer.statusCode === status) resolve(performance.now() - since);
        else reject(new Error(`${path} answered ${answer.statusCode} about ${address}`));
      });
    });
    sent.on('error', reject);
    sent.end(bytes);
  });
}

function shuffled<T>(values: readonly T[]): T[] {
  const left = [...values];
  return values.map(() => left.splice(randomInt(left.length), 1)[0]!);
}

function judge(door: string, times: Record<Kind, number[]>): Judged {
  const medians = { known: median(times.known), unknown: median(times.unknown), control: median(times.control) };
  const percent = (kind: Kind): number => (medians[kind] / medians.unknown - 1) * 100;
  return {
    door,
    medians,
    percent: [percent('known'), percent('control')],
    auc: [aucOf(times.known, times.unknown), aucOf(times.control, times.unknown)],
  };
}

/** What the machine tells apart where nothing is to be told says nothing of the server. */
function verdictOf({ percent, auc }: Judged): 'alike' | 'TOLD APART' | 'NOISE' {
  const apart = percent.map((each, at) => Math.abs(each) > MOST_PERCENT || Math.abs(auc[at]! - 0.5) > MOST_AUC);
  if (!apart[0]) return 'alike';
  return apart[1] ? 'NOISE' : 'TOLD APART';
}

function describe(judged: readonly Judged[]): string[] {
  const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)} %`;
  const head = ['door', 'known', 'unknown', 'control', 'known', 'control', 'AUC', 'A/A', 'verdict'];
  const rows = judged.map((one) => [
    one.door,
    ...KINDS.map((kind) => `${one.medians[kind].toFixed(2)} ms`),
    ...one.percent.map(signed),
    ...one.auc.map((auc) => auc.toFixed(3)),
    verdictOf(one),
  ]);
  return table([head, ...rows]);
}

/**
 * How well a measurement tells the ones from the others (Mann-Whitney): the chance that one of `ones` is larger than
 * one of `others`, ties counted half. 0.5 is not at all, 0 and 1 are always.
 */
function aucOf(ones: readonly number[], others: readonly number[]): number {
  let larger = 0;
  for (const one of ones) for (const other of others) larger += one > other ? 1 : one === other ? 0.5 : 0;
  return larger / (ones.length * others.length);
}
