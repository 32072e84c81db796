import { Client } from 'pg';

import { CHARACTERS_OF_PART, ROWS_OF_PART } from '../../src/platform/database/backup/archive.js';
import type { Rows } from '../../src/platform/database/backup/archive.js';
import { snapshotOf } from '../../src/platform/database/backup/snapshot.js';
import { ask, asSuperuser, freshDatabase } from '../harness/database.js';

/** A piece of an export in bytes, whose text is twice as long; and of an import in characters. */
const LONG = 1_000_000;

describe('a copy of long rows', () => {
  let parts: ReadonlyMap<string, readonly Rows[]>;

  beforeAll(async () => {
    const address = await freshDatabase('long_rows');
    await ask(
      asSuperuser(address),
      `WITH import AS (
         INSERT INTO roster.imports (id, state, on_conflict, dry_run, bytes, rows, position, created, updated, skipped, failed, created_at, updated_at, version)
         VALUES (gen_random_uuid(), 'running', 'skip', false, 0, 0, 0, 0, 0, 0, 0, now(), now(), 1) RETURNING id
       ), staged AS (
         INSERT INTO roster.import_chunks (import_id, first_row, rows)
         SELECT id, n, json_build_array(repeat('x', $1)) FROM import, generate_series(1, 20) n
       ), export AS (
         INSERT INTO roster.exports (id, state, format, rows, bytes, chunks, created_at, updated_at, version)
         VALUES (gen_random_uuid(), 'completed', 'csv', 1, 1, 1, now(), now(), 1) RETURNING id
       ), written AS (
         INSERT INTO roster.export_chunks (export_id, number, bytes)
         SELECT id, n, convert_to(repeat('x', CASE WHEN n > 600 THEN $1 ELSE 1 END), 'UTF8') FROM export, generate_series(1, 620) n
       )
       INSERT INTO roster.rate_limits (key, points) SELECT 'k' || n, n FROM generate_series(1, 1200) n`,
      [LONG],
    );
    parts = await partsOf(address.ownerUrl);
  });

  it.each(['import_chunks', 'export_chunks'])('has a few of %s in memory at a time', (table) => {
    const lengths = parts.get(`roster.${table}`)!.map(({ text }) => text.length);
    expect(Math.max(...lengths)).toBeGreaterThan(LONG);
    // Each quotation mark is written with a sign before it.
    expect(Math.max(...lengths)).toBeLessThan(1.1 * CHARACTERS_OF_PART);
  });

  it('has many short ones at a time', () => {
    const counts = parts.get('roster.rate_limits')!.map(({ rows }) => rows.length);
    expect(counts).toEqual([ROWS_OF_PART, ROWS_OF_PART, 200]);
  });
});

/** The rows of each table, as they pass. */
async function partsOf(url: string): Promise<ReadonlyMap<string, readonly Rows[]>> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const tables = new Map<string, Rows[]>();
  let rows: Rows[] = [];
  try {
    const circumstances = { madeAt: new Date(0), signal: AbortSignal.timeout(60_000) };
    for await (const part of snapshotOf(client, circumstances)) {
      if (part.kind === 'table') tables.set(part.name, (rows = []));
      if (part.kind === 'rows') rows.push(part);
    }
    return tables;
  } finally {
    await client.end();
  }
}
