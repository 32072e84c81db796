import { setTimeout as pause } from 'node:timers/promises';

import { jest } from '@jest/globals';

import { Honest, isPublic } from '../contract/conventions/honest.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { awaitThat } from '../jobs/awaited.js';

jest.setTimeout(300_000);

/** Written behind the back of every request: from facts, which are among what is looked at, and by the clock. */
const COPIES = ['audit_entries', 'audit_details', 'audit_checkpoints', 'event_cursors'];
const BY_THE_CLOCK = ['job_workers', 'webhook_deliveries'];
/** Who took a file of people away is put on record, and is all that reading it does. */
const READING = "WHERE type <> 'export.fetched'";

describe('S28 GET and HEAD', () => {
  const pages: string[] = [];
  let honest: Honest;

  beforeAll(async () => {
    const app = await TestApp.start({
      database: await freshDatabase('safe_methods'),
      prepare: (fastify) =>
        fastify.addHook('onRoute', ({ method, url }) => {
          if ([method].flat().includes('GET') && !/[:*]/.test(url)) pages.push(url);
        }),
    });
    honest = new Honest(app);
  });
  afterAll(() => honest.app.stop());

  /** Everything that lies in our tables, by table. */
  async function everything(): Promise<Record<string, string>> {
    const tables = await honest.app.sql<{ name: string }>(
      `SELECT relname AS name FROM pg_class
       WHERE relnamespace = 'roster'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
         AND relname <> ALL($1) ORDER BY relname`,
      [[...COPIES, ...BY_THE_CLOCK]],
    );
    const found: Record<string, string> = {};
    for (const { name } of tables) {
      const [row] = await honest.app.sql<{ rows: string }>(
        `SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') AS rows FROM roster.${name} t ${name === 'events' ? READING : ''}`,
      );
      found[name] = row!.rows;
    }
    return found;
  }

  /** What is to be done by now, or is being done. */
  function jobsDue(): Promise<unknown[]> {
    return honest.app.sql(
      "SELECT FROM roster.jobs WHERE state = 'running' OR (state = 'queued' AND run_at <= clock_timestamp())",
    );
  }

  /** As soon as all that was begun is done, mail included. */
  async function everythingSettled(): Promise<Record<string, string>> {
    for (let before = await everything(); ;) {
      await awaitThat(jobsDue, ({ length }) => length === 0, 60_000);
      await pause(700);
      const after = await everything();
      if (JSON.stringify(after) === JSON.stringify(before) && (await jobsDue()).length === 0) return after;
      before = after;
    }
  }

  it('change nothing, whatever is read and whatever follows a link', async () => {
    const reads = honest.operations.filter(({ method }) => method === 'GET');
    const occasions = [];
    for (const operation of reads) occasions.push({ operation, at: await honest.occasion(operation) });
    const before = await everythingSettled();
    const answers: string[] = [];
    for (const { operation, at } of occasions)
      for (const method of ['GET', 'HEAD']) {
        const { status } = await honest.send(operation, at, { method });
        if (status !== 200) answers.push(`${method} ${operation.operationId}: ${status}`);
      }
    for (const page of pages.filter((url) => !url.startsWith('/api/')))
      for (const method of ['GET', 'HEAD']) {
        const { status } = await honest.app.send(method, `${page}?token=${'a'.repeat(43)}`);
        if (status >= 500) answers.push(`${method} ${page}: ${status}`);
      }
    expect(answers).toEqual([]);
    expect(await everythingSettled()).toEqual(before);
    expect(Object.keys(before).length).toBeGreaterThan(15);
    expect([reads.length, pages.length].every((count) => count > 10)).toBe(true);
  });

  it('are guarded alike: without a token both are refused, and HEAD says no word', async () => {
    const guarded = honest.operations.filter((operation) => operation.method === 'GET' && !isPublic(operation));
    const answers: unknown[] = [];
    for (const operation of guarded) {
      const at = await honest.occasion(operation);
      const get = await honest.send(operation, at, { anonymous: true });
      const head = await honest.send(operation, at, { anonymous: true, method: 'HEAD' });
      answers.push([operation.operationId, get.status, head.status, head.text]);
    }
    expect(answers).toEqual(guarded.map(({ operationId }) => [operationId, 401, 401, '']));
    expect(guarded.length).toBeGreaterThan(10);
  });
});
