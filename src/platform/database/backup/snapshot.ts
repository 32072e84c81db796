import type { Client } from 'pg';

import { VERSION } from '../../telemetry/version.js';
import { CHARACTERS_OF_PART, ROWS_OF_PART, Tally, rowsPart } from './archive.js';
import type { Head, Part, Row, Rows, Table } from './archive.js';
import {
  countOf,
  longestOf,
  migrationsToCopy,
  monthsOf,
  quoted,
  sequencesOf,
  serverVersion,
  speakPlainly,
  tablesOf,
} from './catalogue.js';

export interface Circumstances {
  readonly madeAt: Date;
  readonly signal: AbortSignal;
}

/**
 * Everything as it was at one moment, while others go on writing. It only reads, so no number of a transaction is given
 * to it: readers of facts do not wait for its end.
 * @throws OperatorFault where there is nothing to copy
 */
export async function* snapshotOf(client: Client, { madeAt, signal }: Circumstances): AsyncGenerator<Part> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await speakPlainly(client);
    const tables = await tablesOf(client);
    const tally = new Tally();
    const seen = <P extends Part>(part: P): P => {
      signal.throwIfAborted();
      tally.see(part);
      return part;
    };
    yield seen(await describe(client, tables, madeAt));
    for (const table of tables) {
      yield seen(table);
      for await (const rows of rowsOf(client, table)) yield seen(rows);
      yield seen(tally.tableEnd());
    }
    for (const sequence of await sequencesOf(client)) yield seen(sequence);
    yield tally.end();
  } finally {
    await client.query('ROLLBACK');
  }
}

/** The rows of a table in the order of its key, which is the same on every server. */
export async function* rowsOf(client: Client, table: Table): AsyncGenerator<Rows> {
  const batch = Math.max(1, Math.min(ROWS_OF_PART, Math.floor(CHARACTERS_OF_PART / (await longestOf(client, table)))));
  const values = table.columns.map(({ name }) => `t.${quoted(name)}::text`).join(', ');
  await client.query(
    `DECLARE roster_copy NO SCROLL CURSOR FOR SELECT ${values} FROM ${table.name} t ORDER BY ${orderOf(table)}`,
  );
  for (;;) {
    const { rows } = await client.query<Row[]>({ text: `FETCH ${batch} FROM roster_copy`, rowMode: 'array' } as never);
    if (rows.length > 0) yield rowsPart(rows as unknown as Row[]);
    if (rows.length < batch) break;
  }
  await client.query('CLOSE roster_copy');
}

async function describe(client: Client, tables: readonly Table[], madeAt: Date): Promise<Head> {
  const migrations = await migrationsToCopy(client);
  const { version: postgres } = await serverVersion(client);
  let rows = 0;
  for (const table of tables) rows += await countOf(client, table);
  const months = await monthsOf(client);
  const head = { kind: 'roster-backup', format: 1, version: VERSION, postgres } as const;
  return { ...head, madeAt: madeAt.toISOString(), migrations, months, rows };
}

/** By bytes, where a collation would say otherwise; of a table without a key by all that it has. */
function orderOf({ columns, key }: Table): string {
  const names = key.length > 0 ? key : columns.map(({ name }) => name);
  const collatable = new Set(columns.filter((column) => column.collatable).map(({ name }) => name));
  return names
    .map((name) => `t.${quoted(name)}${key.length === 0 ? '::text' : ''}`)
    .map((value, place) => (key.length === 0 || collatable.has(names[place]!) ? `${value} COLLATE "C"` : value))
    .join(', ');
}
