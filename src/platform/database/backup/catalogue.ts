import type { Client } from 'pg';

import { OperatorFault } from '../../config/operator-fault.js';
import type { Sequence, Table } from './archive.js';
import { refuseUnverified } from './unverified.js';

/**
 * Text and numbers are the same on every server then; and a table whose rows a policy would hide fails rather than lacks
 * them.
 */
const SAME_EVERYWHERE = `
  SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres';
  SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL row_security = off`;

/** Said in a transaction, before anything is read or written as text. */
export async function speakPlainly(client: Client): Promise<void> {
  await client.query(SAME_EVERYWHERE);
}

/** Partitions are read and written through their parents; the migrations are in the head. */
const TABLES = `
  SELECT 'table' AS kind, format('%I.%I', n.nspname, c.relname) AS name,
    (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
        'collatable', a.attcollation <> 0) ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
    coalesce((SELECT json_agg(a.attname ORDER BY k.place)
      FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k (attnum, place), pg_attribute a
      WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.attnum), '[]') AS key
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ('roster', 'graphile_worker') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relname <> 'migrations'
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

/** Every table that is part of a copy: found, not listed, so that none can be forgotten. */
export async function tablesOf(client: Client): Promise<Table[]> {
  return (await client.query<Table>(TABLES)).rows;
}

const SEQUENCES = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ('roster', 'graphile_worker') AND c.relkind = 'S' AND c.relname <> 'migrations_id_seq'
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

/** Read last: a sequence is no part of the snapshot, and must not lie behind the rows. */
export async function sequencesOf(client: Client): Promise<Sequence[]> {
  const sequences: Sequence[] = [];
  for (const { name } of (await client.query<{ name: string }>(SEQUENCES)).rows) {
    const { rows } = await client.query<{ value: string; called: boolean }>(
      `SELECT last_value::text AS value, is_called AS called FROM ${name}`,
    );
    sequences.push({ kind: 'sequence', name, ...rows[0]! });
  }
  return sequences;
}

export async function countOf(client: Client, { name }: Pick<Table, 'name'>): Promise<number> {
  const { rows } = await client.query<{ count: string }>(`SELECT count(*) AS count FROM ${name}`);
  return Number(rows[0]!.count);
}

/** What says its length without being read: to unpack every value twice would be slow. */
const LENGTHS: Readonly<Record<string, (column: string) => string>> = {
  text: (column) => `octet_length(${column})`,
  bytea: (column) => `2 + 2 * octet_length(${column})`,
};
/** Types whose text is always short. */
const SHORT = /^(uuid|boolean|smallint|integer|bigint|xid8|date|timestamp.*|time .*|inet|cidr|real|double precision)$/;

/** Bytes of the longest row as text, about; 1 where none is of a length to speak of. */
export async function longestOf(client: Client, { name, columns }: Pick<Table, 'name' | 'columns'>): Promise<number> {
  const lengths = columns
    .filter(({ type }) => !SHORT.test(type))
    .map(({ name: column, type }) => {
      const value = `t.${quoted(column)}`;
      return `coalesce(${LENGTHS[type]?.(value) ?? `octet_length(${value}::text)`}, 0)::bigint`;
    });
  if (lengths.length === 0) return 1;
  const { rows } = await client.query<{ longest: string | null }>(
    `SELECT max(${lengths.join(' + ')}) AS longest FROM ${name} t`,
  );
  return Math.max(1, Number(rows[0]!.longest));
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

const MONTHS = `
  SELECT DISTINCT right(relname, 7) AS month FROM pg_class
  WHERE relnamespace = 'roster'::regnamespace AND relispartition AND relkind = 'r' AND relname ~ '_\\d{4}_\\d{2}$' ORDER BY 1`;

export async function monthsOf(client: Client): Promise<string[]> {
  return (await client.query<{ month: string }>(MONTHS)).rows.map(({ month }) => month);
}

/** Names of the migrations that have run, oldest first; null where there never was a Roster. */
export async function migrationsIn(client: Client): Promise<string[] | null> {
  const { rows } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('roster.migrations') IS NOT NULL AS there",
  );
  if (!rows[0]!.there) return null;
  const ran = await client.query<{ name: string }>('SELECT name FROM roster.migrations ORDER BY timestamp, id');
  return ran.rows.map(({ name }) => name);
}

/** @throws OperatorFault where there is nothing to copy, or nobody knows what it is */
export async function migrationsToCopy(client: Client): Promise<string[]> {
  await refuseUnverified(client);
  const migrations = await migrationsIn(client);
  if (!migrations) throw new OperatorFault('There is nothing to copy: this database has no tables of Roster.');
  return migrations;
}

export async function serverVersion(client: Client): Promise<{ version: string; major: number }> {
  const { rows } = await client.query<{ version: string; number: string }>(
    `SELECT split_part(current_setting('server_version'), ' ', 1) AS version, current_setting('server_version_num') AS number`,
  );
  return { version: rows[0]!.version, major: Math.floor(Number(rows[0]!.number) / 10_000) };
}
