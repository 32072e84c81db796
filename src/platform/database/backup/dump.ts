import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';

import type { Client } from 'pg';

import { OperatorFault } from '../../config/operator-fault.js';
import { VERSION } from '../../telemetry/version.js';
import { withConnection } from '../data-source.js';
import { ArchiveDamaged } from './archive.js';
import { countOf, migrationsIn, migrationsToCopy, serverVersion, tablesOf } from './catalogue.js';
import { dump, restore } from './postgres-tools.js';
import type { PostgresTools, Work } from './postgres-tools.js';
import { releaseJobs } from './queue.js';
import { refuseNewer } from './replay.js';
import { LONG, emptyAgain, placeOf, refuseFilled } from './target.js';
import { UNVERIFIED } from './unverified.js';

/** What pg_dump's own file does not say; beside it, with `.json` after its name. */
export interface DumpNote {
  readonly kind: 'roster-dump';
  readonly version: string;
  readonly postgres: string;
  readonly madeAt: string;
  readonly migrations: readonly string[];
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  /** Of the dump. */
  readonly sha256: string;
}

export function noteOf(file: string): string {
  return `${file}.json`;
}

/** @returns what belongs beside the dump, which has the same snapshot */
export async function dumpInto(tools: PostgresTools, work: Work, madeAt: Date): Promise<DumpNote> {
  return withConnection(
    work.ownerUrl,
    async (client) => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const migrations = await migrationsToCopy(client);
      const { rows } = await client.query<{ snapshot: string }>('SELECT pg_export_snapshot() AS snapshot');
      await dump(tools, work, rows[0]!.snapshot);
      const tables: { name: string; rows: number }[] = [];
      for (const { name } of await tablesOf(client)) tables.push({ name, rows: await countOf(client, { name }) });
      const { version: postgres } = await serverVersion(client);
      const sha256 = await digestOf(work.file);
      return {
        kind: 'roster-dump',
        version: VERSION,
        postgres,
        madeAt: madeAt.toISOString(),
        migrations,
        tables,
        sha256,
      };
    },
    LONG,
  );
}

export async function writeNote(draft: string, note: DumpNote): Promise<void> {
  await writeFile(draft, `${JSON.stringify(note, null, 2)}\n`);
}

/** Whether a file of this name is one of our notes. */
export async function isNote(file: string): Promise<boolean> {
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as Partial<DumpNote> | null)?.kind === 'roster-dump';
  } catch {
    // None, or somebody else's.
    return false;
  }
}

/** @throws ArchiveDamaged if the dump is not what was noted @throws OperatorFault if there is no note */
export async function verifyDump(file: string): Promise<DumpNote> {
  const note = await readNote(file);
  if (note.sha256 !== (await digestOf(file))) throw new ArchiveDamaged('its bytes are not those that were written');
  return note;
}

// pg_restore has no checksums: with one byte changed it may fill a database with another value, and find nothing wrong.
async function readNote(file: string): Promise<DumpNote> {
  try {
    return JSON.parse(await readFile(noteOf(file), 'utf8')) as DumpNote;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new OperatorFault(
        `${noteOf(file)} is not there, and without it nobody can tell whether the dump is whole. ` +
          'Put it beside the dump again, or fill a database with pg_restore by hand.',
        { cause: error },
      );
    throw new OperatorFault(`${noteOf(file)}, which belongs to the dump, cannot be read.`);
  }
}

export async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/**
 * pg_restore has one transaction; what is found wrong after it is taken away again, and until nothing is, nobody starts on
 * it (unverified.ts).
 * @param known every migration that this version knows
 * @returns the rows that are there now
 */
export async function restoreDump(
  tools: PostgresTools,
  work: Work,
  note: DumpNote,
  known: readonly string[],
): Promise<{ tables: number; rows: number }> {
  refuseNewer(note.migrations, known);
  const { ownerUrl } = work;
  const there = await withConnection(ownerUrl, async (client) => {
    const found = await refuseFilled(client, placeOf(ownerUrl));
    // The dump makes both schemas, and what its indexes need is no part of them.
    await client.query('DROP SCHEMA IF EXISTS roster, graphile_worker CASCADE; CREATE EXTENSION IF NOT EXISTS pg_trgm');
    await client.query(`CREATE SCHEMA ${UNVERIFIED}`);
    return found;
  });
  try {
    await restore(tools, work);
    return await withConnection(
      ownerUrl,
      async (client) => {
        const done = await compare(client, note, known);
        await releaseJobs(client);
        await client.query('ANALYZE');
        await client.query(`DROP SCHEMA ${UNVERIFIED}`);
        return done;
      },
      LONG,
    );
  } catch (error) {
    await emptyAgain(ownerUrl, there);
    throw error;
  }
}

async function compare(client: Client, note: DumpNote, known: readonly string[]): ReturnType<typeof restoreDump> {
  refuseNewer((await migrationsIn(client)) ?? [], known);
  let rows = 0;
  const tables = await tablesOf(client);
  for (const { name } of tables) {
    const count = await countOf(client, { name });
    const noted = note.tables.find((table) => table.name === name)?.rows ?? count;
    if (count !== noted) throw new OperatorFault(`${name} has ${count} rows, not ${noted}. Nothing was changed.`);
    rows += count;
  }
  return { tables: tables.length, rows };
}
