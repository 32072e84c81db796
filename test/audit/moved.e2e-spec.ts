import { createDataSource } from '../../ormconfig.js';
import { AuditLog } from '../../src/audit/index.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { migrate } from '../../src/platform/database/migrate.js';
import { Secrets } from '../../src/platform/crypto/secrets.js';
import { CursorCodec, cursorScope } from '../../src/platform/http/lists/cursor.js';
import { TestApp } from '../harness/app.js';
import { asSuperuser, ask, freshDatabase } from '../harness/database.js';
import { awaitThat } from '../jobs/awaited.js';
import { everythingCopied } from './copied.js';

/** How much further the cluster had counted from which the dump came. */
const FURTHER = 900_000_000;

/** What a dump and a restore into a younger cluster leave: everything that was counted there is far ahead. */
describe('a database that was moved to another cluster', () => {
  let address: DatabaseAddress;
  let app: TestApp | null = null;

  afterEach(async () => {
    await app?.stop();
    app = null;
  });
  beforeEach(async () => {
    address = await freshDatabase(`moved_${process.env['JEST_WORKER_ID']}`);
  });

  const sql = <T = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> =>
    ask<T>(asSuperuser(address), text, values);
  const settle = async (): Promise<void> => {
    const { ownerUrl } = address;
    await migrate(
      createDataSource({ url: ownerUrl, poolMax: 1, applicationName: 'moved', patience: 60_000 }),
      ownerUrl,
      null,
    );
  };
  /** Whatever holds numbers of transactions: a table that gets some is moved here, too. */
  const counted = (): Promise<{ table: string; column: string }[]> =>
    sql(`SELECT attrelid::regclass::text AS "table", attname AS "column" FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
      WHERE relnamespace = 'roster'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND atttypid = 'xid8'::regtype
        AND attnum > 0`);
  const move = async (): Promise<void> => {
    for (const { table, column } of await counted())
      await sql(`UPDATE ${table} SET ${column} = (${column}::text::bigint + ${FURTHER})::text::xid8`);
  };
  const record = (name: string): Promise<unknown> =>
    sql("INSERT INTO roster.events (id, type, data, occurred_at) VALUES (gen_random_uuid(), $1, '{}', now())", [name]);
  /** What is not heard in time fails, and is asked again. */
  const health = (expected: string): Promise<unknown> =>
    awaitThat(
      () => app!.send<{ status: string }>('GET', '/health'),
      ({ status, body }) => status === 200 && body.status === expected,
    );
  const inOrder = async (reader: string): Promise<string[]> => {
    const rows = await sql<{ type: string }>(
      `SELECT e.type FROM roster.events e, roster.event_cursors c WHERE c.reader = $1 AND (e.xid, e.seq) > (c.xid, c.seq)
         AND e.xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY e.xid, e.seq`,
      [reader],
    );
    return rows.map(({ type }) => type);
  };

  it('goes on with its audit log: each fact once, before the move and after it', async () => {
    // Regressed: the cursor stood ahead of all that would ever happen, nothing was copied, and nobody was told.
    app = await TestApp.start({ database: address });
    for (let n = 0; n < 5; n += 1) await app.people.user();
    await everythingCopied(app);
    await app.stop();
    await record('test.unread');
    await move();
    await record('test.after_the_move');
    app = await TestApp.start({ database: address });
    const before = (await sql('SELECT FROM roster.audit_entries')).length;
    await app.people.user();
    await health('warn');
    expect(await sql('SELECT FROM roster.audit_entries')).toHaveLength(before);
    await settle();
    await everythingCopied(app);
    await health('pass');
    const facts = await sql<{ id: string }>('SELECT id FROM roster.events ORDER BY id');
    expect(await sql('SELECT id FROM roster.audit_entries ORDER BY id')).toEqual(facts);
    const types = await sql<{ type: string }>(
      "SELECT type FROM roster.audit_entries WHERE type ~ '^test' ORDER BY seq",
    );
    expect(types.map(({ type }) => type)).toEqual(['test.unread', 'test.after_the_move']);
    expect(await app.get(AuditLog).verifyAll(() => undefined)).toMatchObject({ verified: true });
  });

  it('leaves each reader where it stood, also where the sequence alone would say otherwise', async () => {
    await sql('DELETE FROM roster.events');
    for (const name of ['one', 'two', 'three', 'four']) await record(`test.${name}`);
    const place = (name: string, xid: number, seq: number): Promise<unknown> =>
      sql("UPDATE roster.events SET xid = $2::text::xid8, seq = $3 WHERE type = 'test.' || $1", [
        name,
        String(xid),
        seq,
      ]);
    // Of two at once the one that began first may have the later number in the sequence.
    await place('one', FURTHER, 1);
    await place('two', FURTHER + 1, 3);
    await place('three', FURTHER + 2, 2);
    // Old as the others, though this cluster has counted further.
    await place('four', 10, 0);
    await sql('DELETE FROM roster.event_cursors');
    const cursor = 'INSERT INTO roster.event_cursors (reader, xid, seq) VALUES ($1, $2::text::xid8, $3)';
    await sql(cursor, ['near', String(FURTHER), 1]);
    await sql(cursor, ['far', String(FURTHER + 1), 3]);
    await sql("SELECT setval('roster.events_seq', 4)");
    await record('test.new');
    await settle();
    expect(await inOrder('near')).toEqual(['test.two', 'test.three', 'test.new']);
    expect(await inOrder('far')).toEqual(['test.three', 'test.new']);
    // It is done once: the next start finds nothing to do.
    const now = await sql('SELECT xid, seq, type FROM roster.events ORDER BY type');
    await settle();
    expect(await sql('SELECT xid, seq, type FROM roster.events ORDER BY type')).toEqual(now);
  });

  it('tells a webhook of what it began to listen to, no more and no less, and in order', async () => {
    // Regressed: a webhook began to listen at a number of the former cluster, and was told of nothing any more.
    await sql('DELETE FROM roster.events');
    await sql('DELETE FROM roster.event_cursors');
    for (const name of ['before', 'after']) await record(`test.${name}`);
    const webhook = `INSERT INTO roster.webhooks (id, url, event_types, ordered, secret, since, created_at, created_by, keeper_id, version)
      VALUES (gen_random_uuid(), 'https://example.com', '{}', 'subject', '\\x00', $1::text::xid8, now(), gen_random_uuid(), gen_random_uuid(), 1) RETURNING id`;
    const [first] = await sql<{ id: string }>(webhook, ['0']);
    // More of them than the new cluster has numbers that it gave to nobody.
    for (let n = 0; n < 3; n += 1) await sql(webhook, [String(FURTHER + n)]);
    await sql(
      `INSERT INTO roster.webhooks SELECT (jsonb_populate_record(w, jsonb_build_object('id', gen_random_uuid(), 'since', ($1 + n)::text))).*
       FROM roster.webhooks w, generate_series(1, 2000) n WHERE w.id = $2`,
      [FURTHER + 100_000, first!.id],
    );
    await sql("UPDATE roster.events SET xid = $1::text::xid8, seq = 1 WHERE type = 'test.before'", [String(FURTHER)]);
    await sql("UPDATE roster.events SET xid = $1::text::xid8, seq = 2 WHERE type = 'test.after'", [
      String(FURTHER + 1),
    ]);
    await sql(
      `INSERT INTO roster.webhook_deliveries (id, webhook_id, kind, event_id, event_type, xid, seq, body, state, attempts, next_attempt_at, tries, created_at)
       SELECT gen_random_uuid(), $1, 'event', id, type, xid, seq, '', 'waiting', 0, now(), '[]', now() FROM roster.events`,
      [first!.id],
    );
    await settle();
    await record('test.new');
    const told = await sql<{ told: number; webhooks: number }>(
      `SELECT told, count(*)::int AS webhooks FROM (SELECT w.id, count(e.id)::int AS told FROM roster.webhooks w
         LEFT JOIN roster.events e ON e.xid >= w.since GROUP BY w.id) each GROUP BY told ORDER BY told`,
    );
    expect(told).toEqual([
      { told: 1, webhooks: 2001 },
      { told: 2, webhooks: 1 },
      { told: 3, webhooks: 2 },
    ]);
    // A delivery stands where its fact does, and before those to come.
    const apart =
      'SELECT 1 FROM roster.webhook_deliveries d JOIN roster.events e ON e.id = d.event_id WHERE (d.xid, d.seq) <> (e.xid, e.seq)';
    expect(await sql(apart)).toEqual([]);
    const order = 'SELECT type FROM roster.events ORDER BY xid, seq';
    expect((await sql<{ type: string }>(order)).map(({ type }) => type)).toEqual([
      'test.before',
      'test.after',
      'test.new',
    ]);
    const ahead = (await counted()).map(
      ({ table, column }) =>
        `SELECT '${table}' FROM ${table} WHERE ${column} >= pg_snapshot_xmax(pg_current_snapshot())`,
    );
    expect(await sql(ahead.join(' UNION ALL '))).toEqual([]);
  });

  it('refuses the cursors that the cluster before it gave, which would wait for ever', async () => {
    app = await TestApp.start({ database: address });
    const ada = await app.people.admin();
    const { body } = await ada.get<{ page: { nextCursor: string } }>('/api/v1/events?limit=200');
    expect((await ada.get(`/api/v1/events?cursor=${body.page.nextCursor}`)).status).toBe(200);
    const codec = new CursorCodec(new Secrets(Buffer.alloc(32, 7)).key('cursors'));
    const scope = cursorScope('events', 'sequence', undefined);
    const id = '00000000-0000-0000-0000-000000000000';
    const kept = codec.encode({ scope, direction: 'next', value: `${FURTHER}.1`, id });
    for (const path of [`/api/v1/events?cursor=${kept}`, `/api/v1/events/stream?after=${kept}`])
      expect(await ada.get(path)).toMatchObject({ status: 400, body: { errors: [{ code: 'cursor_invalid' }] } });
  });
});
