import type { OwnCluster } from '../../events/own-cluster.js';
import { startOwnCluster } from '../../events/own-cluster.js';
import { TestApp } from '../../harness/app.js';
import { PostgresProcess } from '../../harness/postgres-process.js';
import { onDatabase } from '../../harness/process.js';
import { LOOPBACK, addHook } from '../../webhooks/hooks.js';
import { Receiver } from '../../webhooks/receiver.js';
import { chances } from './chances.js';
import { Faults } from './faults.js';
import type { Fault, Plan } from './faults.js';
import { Fleet } from './fleet.js';
import { findingsOf, judge } from './judge.js';
import type { Verdict } from './judge.js';
import { feedReader, socketReader, streamReader } from './readers/http.js';
import { readAudit, webhookReader } from './readers/pushed.js';
import type { EventReader, Place } from './readers/reader.js';
import { factsOf, usersOf } from './recorded.js';
import { untilAllCame, untilAllCopied } from './until-all-came.js';
import { Writers } from './writers.js';
import type { Cast } from './writers.js';

const WRITERS = 8;
const PROCESSES = 2;
const CHANGED = 8;
const COME_AND_GO = 4;
const SCOPES = ['me', 'users:read', 'users:write', 'events:read', 'audit:read', 'webhooks:read', 'webhooks:write'];
const SETTINGS = { ...LOOPBACK, PUBLIC_URL: 'http://roster.test', WEBHOOK_TIMEOUT: '2s', LOG_LEVEL: 'fatal' };

export interface StormPlan extends Plan {
  readonly seed: number;
  /** Of the processes, beside those of every storm. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Readers beside those of every storm. */
  readonly readers?: (place: Place, cluster: OwnCluster) => Promise<EventReader[]>;
  /** Readers who will never have everything: they are waited for no longer than they get on. Default none. */
  readonly broken?: readonly string[];
  /** Done when everybody runs, before the first fault: where something is broken on purpose. */
  readonly plant?: (cluster: OwnCluster) => Promise<void>;
}

export interface StormReport {
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly acknowledged: number;
  readonly refused: number;
  readonly unknown: number;
  readonly repeated: number;
  readonly events: number;
  readonly verdict: Verdict;
  readonly findings: readonly string[];
  readonly surprises: readonly string[];
  readonly seconds: number;
}

/** Two processes on a PostgreSQL of their own, eight who write, everybody who reads, and faults all along. */
export async function storm(plan: StormPlan): Promise<StormReport> {
  const open: (() => Promise<unknown>)[] = [];
  try {
    return await weather(plan, (close) => open.push(close));
  } finally {
    for (const close of open.reverse()) await close();
  }
}

async function weather(plan: StormPlan, atTheEnd: (close: () => Promise<unknown>) => void): Promise<StormReport> {
  const beganAt = performance.now();
  const cluster = await startOwnCluster();
  atTheEnd(() => cluster.stop());
  const server = new PostgresProcess(cluster.pid);
  atTheEnd(() => server.end());
  const receiver = await Receiver.open();
  atTheEnd(() => receiver.close());
  const { token, secret, cast } = await prepare(cluster, receiver);
  const fleet = await Fleet.start({ ...onDatabase(cluster.database), ...SETTINGS, ...plan.settings }, PROCESSES);
  atTheEnd(() => fleet.stop());

  const chance = chances(plan.seed);
  const place: Place = { fleet, token, mark: (await factsOf(cluster)).at(-1)!.id, chance };
  const readers = [feedReader(place), streamReader(place), socketReader(place), webhookReader(receiver, secret)];
  readers.push(...((await plan.readers?.(place, cluster)) ?? []));
  atTheEnd(() => Promise.all(readers.map((reader) => reader.stop())));
  const writers = new Writers(fleet, token, cast);
  atTheEnd(() => writers.giveUp());
  writers.start(WRITERS, plan.seed);
  await plan.plant?.(cluster);
  const faults = await new Faults({ fleet, server, writers, chance, database: cluster.superUrl }).bring(plan);
  await writers.stop(plan.seed);
  await untilAllCame(cluster, place.mark, readers, plan.broken);
  for (const reader of readers) await reader.stop();
  await untilAllCopied(cluster);

  const told = Object.fromEntries(readers.map(({ name, received }) => [name, received]));
  const { acknowledged, refused, keys, surprises, unknown, repeated } = writers;
  // The audit log first: what comes while it is read is no fault of it.
  const audit = await readAudit(place);
  const facts = await factsOf(cluster);
  const users = await usersOf(cluster);
  const evidence = { facts, users, acknowledged, refused, keys, readers: { ...told, audit }, mark: place.mark };
  const verdict = judge(evidence);
  return {
    seed: plan.seed,
    faults,
    acknowledged: new Set(acknowledged.map(({ requestId }) => requestId)).size,
    refused: refused.length,
    unknown,
    repeated,
    events: facts.length,
    verdict,
    findings: findingsOf(verdict),
    surprises,
    seconds: Math.round((performance.now() - beganAt) / 1000),
  };
}

/** Whoever writes and reads, whom they write about, and a webhook that wants everything in order. */
async function prepare(
  { database }: OwnCluster,
  receiver: Receiver,
): Promise<{ token: string; secret: string; cast: Cast }> {
  const app = await TestApp.start({ database, settings: { ...SETTINGS, ROLE: 'api' } });
  try {
    const admin = await app.people.admin();
    const { token } = await app.people.byKey(admin, SCOPES);
    const ids: string[] = [];
    for (let nth = 0; nth < CHANGED + COME_AND_GO; nth += 1) ids.push((await app.people.user()).id);
    const cast = { changed: ids.slice(0, CHANGED), comeAndGo: ids.slice(CHANGED), takenAddress: admin.user.email };
    const { secret } = await addHook(admin, receiver.url, { eventTypes: ['*'], ordered: 'subject' });
    return { token, secret, cast };
  } finally {
    await app.stop();
  }
}
