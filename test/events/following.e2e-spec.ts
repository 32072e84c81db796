import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';

import { EventsRepository } from '../../src/events/events.repository.js';
import { Events, Facts, LiveFacts } from '../../src/events/index.js';
import type { RecordedFact } from '../../src/events/index.js';
import { defineEvent } from '../../src/platform/contract/event.js';
import { Database } from '../../src/platform/database/database.js';
import { TestApp } from '../harness/app.js';
import { startOwnCluster } from './own-cluster.js';
import type { OwnCluster } from './own-cluster.js';

const PATIENCE = 30_000;
const Happened = defineEvent('test.followed', 'For a test', { number: 'integer' });

/** Somebody who watches, and what they were given. */
class Watcher {
  readonly given: string[] = [];
  private readonly over = new AbortController();

  /** @param slow every so many facts they have no room for a while; 0 for whoever always has */
  constructor(app: TestApp, { from, slow = 0 }: { from?: { xid: string; seq: string }; slow?: number } = {}) {
    const accept = (fact: RecordedFact): Promise<void> | undefined => {
      this.given.push(fact.id);
      return slow > 0 && this.given.length % slow === 0 ? sleep(15) : undefined;
    };
    this.joined = app.get(LiveFacts).watch(accept, this.over.signal, from);
  }

  readonly joined: Promise<unknown>;

  leave(): void {
    this.over.abort();
  }

  async has(ids: readonly string[]): Promise<void> {
    const late = performance.now() + PATIENCE;
    while (this.given.at(-1) !== ids.at(-1) && performance.now() < late) await sleep(10);
    expect(this.given).toEqual(ids);
  }
}

describe('whoever follows the facts', () => {
  let cluster: OwnCluster;
  let apps: [TestApp, TestApp];

  beforeAll(async () => {
    cluster = await startOwnCluster();
    const { database } = cluster;
    // ROLE=api: nothing else writes while we look.
    const start = (): Promise<TestApp> => TestApp.start({ database, settings: { ROLE: 'api' } });
    apps = [await start(), await start()];
  }, 120_000);
  afterAll(async () => {
    for (const app of apps) await app.stop();
    await cluster.stop();
  });

  /** Records so many facts in one transaction. */
  const record = (app: TestApp, count = 1, pause = 0): Promise<unknown> =>
    app.get(Database).transaction(async () => {
      for (let number = 0; number < count; number += 1) app.get(Events).record(Happened, { number });
      // A number is taken, and so the order, before what follows.
      await app.get(Database).row('SELECT pg_current_xact_id()');
      await sleep(pause);
    });
  const idsAfter = async ({ xid, seq }: { xid: string; seq: string }): Promise<string[]> =>
    (
      await cluster.sql<{ id: string }>(
        'SELECT id FROM roster.events WHERE (xid, seq) > (CAST($1 AS xid8), CAST($2 AS bigint)) ORDER BY xid, seq',
        [xid, seq],
      )
    ).map(({ id }) => id);
  const end = (): Promise<{ xid: string; seq: string }> => apps[0].get(Facts).end();

  it('is not passed over by a transaction that is held open, and is told of it in its place', async () => {
    const from = await end();
    const watchers = apps.map((app) => new Watcher(app, { from }));
    const held = new Client({ connectionString: cluster.superUrl });
    await held.connect();
    await held.query('BEGIN');
    await held.query(
      "INSERT INTO roster.events (id, type, data, occurred_at) VALUES (gen_random_uuid(), 'test.held', '{}', now())",
    );
    const ada = await apps[0].people.admin();
    type Page = { data: { type: string }[]; page: { nextCursor: string } };
    const first = (await ada.get<Page>('/api/v1/events?limit=200')).body;
    for (const app of apps) await record(app, 3, 5);
    await sleep(1200);
    // Later ones are committed and are not shown: the order is not final.
    for (const watcher of watchers) expect(watcher.given).toEqual([]);
    const nothing = (await ada.get<Page>(`/api/v1/events?limit=200&cursor=${first.page.nextCursor}`)).body;
    expect(nothing.data).toEqual([]);
    await held.query('COMMIT');
    await held.end();
    const ids = await idsAfter(from);
    for (const watcher of watchers) await watcher.has(ids);
    const all = (await ada.get<Page>(`/api/v1/events?limit=200&cursor=${nothing.page.nextCursor}`)).body;
    expect(all.data[0]!.type).toBe('test.held');
    expect(all.data).toHaveLength(ids.length);
    watchers.forEach((watcher) => watcher.leave());
  });

  it('is told each fact once and in order: 8 writers over two applications, watchers who come, go and fall behind', async () => {
    const from = await end();
    let writing = true;
    const writers = Array.from({ length: 8 }, async (_, nth) => {
      for (let round = 0; round < 60; round += 1)
        await record(apps[nth % 2]!, 1 + ((round * 7 + nth) % 5), (round * 3 + nth) % 7);
    });
    const watchers: Watcher[] = [];
    const late: { watcher: Watcher; from: { xid: string; seq: string } }[] = [];
    const joining = (async () => {
      for (let nth = 0; writing; nth += 1) {
        const app = apps[nth % 2]!;
        const past = nth % 3 === 0 ? from : await end();
        const watcher = new Watcher(app, { from: past, slow: nth % 4 === 0 ? 7 : 0 });
        if (nth % 5 === 4) setTimeout(() => watcher.leave(), 30);
        else if (past === from) watchers.push(watcher);
        else late.push({ watcher, from: past });
        await sleep((nth * 13) % 60);
      }
    })();
    await Promise.all(writers);
    writing = false;
    await joining;
    const ids = await idsAfter(from);
    expect(ids.length).toBeGreaterThan(1000);
    expect(watchers.length + late.length).toBeGreaterThan(5);
    for (const watcher of watchers) await watcher.has(ids);
    for (const { watcher, from: since } of late) await watcher.has(await idsAfter(since));
    process.stdout.write(`\n${ids.length} facts, ${watchers.length + late.length} watchers, none missed, none twice\n`);
    [...watchers, ...late.map(({ watcher }) => watcher)].forEach((watcher) => watcher.leave());
  }, 180_000);

  it('from now on is told what is recorded after they joined', async () => {
    const watchers = apps.map((app) => new Watcher(app));
    await Promise.all(watchers.map(({ joined }) => joined));
    const from = await end();
    for (const app of apps) await record(app, 2);
    const ids = await idsAfter(from);
    expect(ids).toHaveLength(4);
    for (const watcher of watchers) await watcher.has(ids);
    watchers.forEach((watcher) => watcher.leave());
  });

  it('is told what is left where retention takes facts away meanwhile', async () => {
    const from = await end();
    await record(apps[0], 1200);
    const live = new Watcher(apps[1]);
    await live.joined;
    // Slow, so that the rest goes while they are at the first: what they read then is one batch of 500.
    const slow = new Watcher(apps[0], { from, slow: 50 });
    const empty = new Watcher(apps[1], { from, slow: 499 });
    while (slow.given.length === 0 || empty.given.length === 0) await sleep(1);
    await cluster.sql('DELETE FROM roster.events WHERE xid >= CAST($1 AS xid8)', [from.xid]);
    await record(apps[1], 3);
    const ids = (await idsAfter(from)).slice(-3);
    for (const watcher of [slow, empty]) {
      const late = performance.now() + PATIENCE;
      while (watcher.given.at(-1) !== ids.at(-1) && performance.now() < late) await sleep(10);
      expect(watcher.given.slice(-3)).toEqual(ids);
      expect(new Set(watcher.given).size).toBe(watcher.given.length);
    }
    await live.has(ids);
    [live, slow, empty].forEach((watcher) => watcher.leave());
  });

  it('goes on where the database was away', async () => {
    const watchers = apps.map((app) => new Watcher(app));
    await Promise.all(watchers.map(({ joined }) => joined));
    const from = await end();
    await record(apps[0], 1);
    await cluster.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'roster%' AND pid <> pg_backend_pid()",
    );
    await sleep(100);
    // Each connection that is not yet known to be gone costs a try.
    for (let tries = 1, isDone = false; !isDone; tries += 1)
      isDone = await record(apps[1], 1).then(
        () => true,
        (error: unknown) => {
          if (tries === 20) throw error;
          return sleep(50, false);
        },
      );
    const ids = await idsAfter(from);
    for (const watcher of watchers) await watcher.has(ids);
    watchers.forEach((watcher) => watcher.leave());
  });

  it('takes no more than a watcher has room for, and reads the same row for all of them once', async () => {
    const repository = apps[0].get(EventsRepository);
    const reads: number[] = [];
    const after = repository.after.bind(repository);
    repository.after = async (position, limit) => {
      const rows = await after(position, limit);
      reads.push(rows.length);
      return rows;
    };
    const watchers = Array.from({ length: 50 }, () => new Watcher(apps[0]));
    await Promise.all(watchers.map(({ joined }) => joined));
    reads.length = 0;
    const from = await end();
    await record(apps[0], 20);
    const ids = await idsAfter(from);
    for (const watcher of watchers) await watcher.has(ids);
    expect(reads.reduce((sum, rows) => sum + rows, 0)).toBe(20);
    watchers.forEach((watcher) => watcher.leave());
    repository.after = after;
  });
});
