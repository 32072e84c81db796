import { pathToFileURL } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';

import { jest } from '@jest/globals';

import type { OwnCluster } from '../events/own-cluster.js';
import { startOwnCluster } from '../events/own-cluster.js';
import { ask } from '../harness/database.js';
import { launch, onDatabase } from '../harness/process.js';
import { Receiver } from '../webhooks/receiver.js';
import { pushedReader } from './storm/readers/pushed.js';
import { Again } from './storm/readers/reader.js';
import type { EventReader, Place } from './storm/readers/reader.js';
import type { Told, Verdict } from './storm/judge.js';
import { seedOf } from './storm/seed.js';
import { tableOf } from './storm/report.js';
import { storm } from './storm/storm.js';
import type { StormPlan } from './storm/storm.js';
import { told } from './storm/told.js';

jest.setTimeout(600_000);

/** Preloaded into the processes of the application. */
const PLANT = pathToFileURL('test/fixtures/publishes-early.mjs').href;
/** How long somebody takes a delivery before they say so. Milliseconds. */
const SLOWLY = 30;

/** What a storm found at a reader, or in the writes. */
async function verdictOf(name: string, plan: Omit<StormPlan, 'seed'>): Promise<Verdict> {
  const report = await storm({ seed: seedOf(), ...plan });
  process.stdout.write(`\n${name}: ${tableOf(report)}\n`);
  expect(report.surprises).toEqual([]);
  return report.verdict;
}

/** Nothing is found at those that are not broken. */
function expectWell({ readers, ...writes }: Verdict, except: readonly string[]): void {
  const none = { missing: [], phantom: [], outOfOrder: [], altered: [] };
  for (const [name, reader] of Object.entries(readers))
    if (!except.includes(name)) expect([name, reader]).toMatchObject([name, none]);
  if (!except.includes('writes')) for (const found of Object.values(writes)) expect(found).toEqual([]);
}

interface Row {
  readonly id: string;
  readonly type: string;
  readonly subject: string | null;
  readonly version: number | null;
  readonly at: Date;
  readonly data: object;
}

/** Asks for what comes after the greatest id that it has had, as anybody would who does not know better. */
function byId({ mark }: Place, { superUrl }: OwnCluster): EventReader {
  const received: Told[] = [];
  let last = mark;
  const again = new Again(async () => {
    const rows = await ask<Row>(
      superUrl,
      'SELECT id, type, subject, subject_version AS version, occurred_at AS at, data FROM roster.events WHERE id > $1 ORDER BY id',
      [last],
    );
    received.push(...rows.map(({ at, ...fact }) => told({ ...fact, time: at.toISOString() })));
    last = rows.at(-1)?.id ?? last;
  });
  return { name: 'by id', received, stop: () => again.stop() };
}

describe('what is broken on purpose is found by the storm', () => {
  it('a publication before the commit: somebody is told of what never was', async () => {
    const receiver = await Receiver.open((response) => void pause(SLOWLY).then(() => response.writeHead(204).end()));
    const verdict = await verdictOf('published early', {
      kills: 2,
      crashes: 4,
      broken: ['early', 'webhook'],
      settings: { NODE_OPTIONS: `--import=${PLANT}`, EARLY_URL: receiver.url },
      readers: async () => [pushedReader('early', receiver, () => receiver.close())],
    });
    expect(verdict.readers['early']!.phantom.length).toBeGreaterThan(0);
    expectWell(verdict, ['early', 'webhook']);
  });

  it('synchronous_commit=off: changes that were acknowledged are gone, and so are events that were read', async () => {
    const verdict = await verdictOf('synchronous_commit=off', {
      kills: 0,
      crashes: 3,
      broken: ['feed', 'stream', 'socket', 'webhook'],
      plant: commitAtLeisure,
    });
    expect(verdict.lost.length).toBeGreaterThan(0);
    const phantoms = Object.values(verdict.readers).flatMap(({ phantom }) => phantom);
    expect(phantoms.length).toBeGreaterThan(0);
  });

  it('synchronous_commit=off: nor does the application start on such a database', async () => {
    const cluster = await startOwnCluster();
    try {
      await commitAtLeisure(cluster);
      const { ended } = launch(onDatabase(cluster.database));
      const { code, stderr, stdout } = await ended;
      expect([code, `${stdout}${stderr}`]).toEqual([1, expect.stringContaining('synchronous_commit is off')]);
    } finally {
      await cluster.stop();
    }
  });

  it('a reader that goes by id: it skips whoever commits late', async () => {
    const verdict = await verdictOf('read by id', {
      kills: 0,
      crashes: 1,
      least: 1000,
      broken: ['by id'],
      readers: async (place, cluster) => [byId(place, cluster)],
    });
    expect(verdict.readers['by id']!.missing.length).toBeGreaterThan(0);
    expectWell(verdict, ['by id']);
  });
});

/** For every connection from now on; the log is written by nobody before the crash, as far as can be. */
async function commitAtLeisure({ sql, database }: OwnCluster): Promise<void> {
  const name = new URL(database.url).pathname.slice(1);
  for (const [setting, value] of [
    ['wal_writer_delay', '10s'],
    ['wal_writer_flush_after', '1GB'],
    ['bgwriter_lru_maxpages', '0'],
  ])
    await sql(`ALTER SYSTEM SET ${setting} = '${value}'`);
  await sql('SELECT pg_reload_conf()');
  await sql(`ALTER DATABASE ${name} SET synchronous_commit = off`);
  await sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()', [
    name,
  ]);
}
