import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';

import { ask } from '../harness/database.js';
import { runToEnd } from '../harness/process.js';
import type { Ended } from '../harness/process.js';

/** A folder that is removed at the end, also for the other user as whom PostgreSQL runs. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'roster-drill-'));

  constructor() {
    chmodSync(this.path, 0o755);
  }

  at(name: string): string {
    return join(this.path, name);
  }

  async remove(): Promise<void> {
    // One more start and stop ends a PostgreSQL that was left running.
    if (existsSync(this.at('postgres-18/postmaster.pid')))
      await runToEnd({ DATA_DIR: this.path }, ['migrate', 'status']);
    rmSync(this.path, { recursive: true, force: true });
  }
}

interface Tables {
  readonly [name: string]: { readonly rows: number; readonly digest: string };
}

/** What a cluster counts for itself is counted anew in another one (new-cluster.ts), with the places of readers. */
const COUNTED = `array_remove(array_agg(CASE WHEN a.atttypid = 'xid8'::regtype OR (c.relname = 'event_cursors' AND a.attname = 'seq')
  THEN a.attname::text END), NULL)`;

/**
 * What lies in each table, by a way of its own: the count, and a digest of whole rows that knows no order.
 * @param cluster `other` leaves out what every cluster counts for itself
 */
export async function contentsOf(url: string, cluster: 'same' | 'other' = 'same'): Promise<Tables> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("SET timezone = 'UTC'");
    const { rows: tables } = await client.query<{ name: string; counted: string[] }>(`
      SELECT c.oid::regclass::text AS name, ${COUNTED} AS counted
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relnamespace IN ('roster'::regnamespace, 'graphile_worker'::regnamespace) AND c.relkind IN ('r', 'p')
        AND NOT c.relispartition AND c.relname <> 'migrations' GROUP BY c.oid ORDER BY 1`);
    const contents: Record<string, { rows: number; digest: string }> = {};
    for (const { name, counted } of tables) {
      const isOther = cluster === 'other' && counted.length > 0;
      const { rows } = isOther
        ? await client.query<{ row: string }>(`SELECT (to_jsonb(t) - $1::text[])::text AS row FROM ${name} t`, [
            counted,
          ])
        : await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      const lines = rows.map(({ row }) => row).sort();
      contents[name] = { rows: lines.length, digest: createHash('sha256').update(lines.join('\n')).digest('hex') };
    }
    return contents;
  } finally {
    await client.end();
  }
}

export async function hasTables(url: string): Promise<boolean> {
  const rows = await ask(url, "SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace('roster') LIMIT 1");
  return rows.length > 0;
}

/** Runs a command, and reads its line of JSON. */
export async function command<T>(settings: Record<string, string>, ...parameters: string[]): Promise<T> {
  const { code, stdout, stderr } = await runToEnd(settings, [...parameters, '--json']);
  if (code !== 0) throw new Error(`${parameters.join(' ')} ended with ${code}: ${stdout}${stderr}`);
  return JSON.parse(stdout) as T;
}

/** Runs a command that has to fail. @returns what it says */
export async function refusal(settings: Record<string, string>, ...parameters: string[]): Promise<string> {
  const { code, stdout, stderr }: Ended = await runToEnd(settings, parameters);
  if (code !== 1) throw new Error(`${parameters.join(' ')} ended with ${code}: ${stdout}${stderr}`);
  return stderr;
}
