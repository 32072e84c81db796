import { join, resolve } from 'node:path';

import { Clock } from '../platform/clock/clock.js';
import type { Config } from '../platform/config/config.js';
import { generatedKeyFile } from '../platform/crypto/secret-key-file.js';
import { placeFile, refuseTaken, setAside, sizeOf, writeParts } from '../platform/database/backup/archive-file.js';
import { Tally } from '../platform/database/backup/archive.js';
import type { Part } from '../platform/database/backup/archive.js';
import { serverVersion } from '../platform/database/backup/catalogue.js';
import { digestOf, dumpInto, isNote, noteOf, writeNote } from '../platform/database/backup/dump.js';
import { findTools } from '../platform/database/backup/postgres-tools.js';
import type { PostgresTools, Work } from '../platform/database/backup/postgres-tools.js';
import { snapshotOf } from '../platform/database/backup/snapshot.js';
import { LONG } from '../platform/database/backup/target.js';
import { withConnection } from '../platform/database/data-source.js';
import { withDatabase } from './application.js';
import type { Invocation } from './invocation.js';
import { Progress } from './progress.js';

export interface Copied {
  readonly tables: number;
  readonly rows: number;
}

/** Copies everything into a file, by pg_dump where one is not older than the server, else row by row. */
export async function backUp({ operand, logical, answer }: Invocation): Promise<number> {
  const file = resolve(operand);
  refuseTaken(file);
  if (await isNote(noteOf(file))) await setAside(noteOf(file));
  refuseTaken(noteOf(file));
  const done = await withDatabase(({ address, config, stop }) =>
    stop.interruptible(async (signal) => {
      const { ownerUrl } = address;
      const { version, major } = await withConnection(ownerUrl, serverVersion);
      const tools = logical ? null : await findTools(major);
      const copied = await (tools ? dumped(tools, { ownerUrl, file, signal }) : copiedRows({ ownerUrl, file, signal }));
      return { ...copied, way: tools ? 'pg_dump' : 'logical', postgres: version, secret: secretOf(config) };
    }),
  );
  const { tables, rows, way, secret } = done;
  const [bytes, sha256] = [await sizeOf(file), await digestOf(file)];
  return answer(
    [
      `✓ ${rows} rows of ${tables} tables are in ${file} (${bytes} bytes, ${WAYS[way as keyof typeof WAYS]}).`,
      `  SHA-256 ${sha256}`,
      `! The secret is not in it. Keep ${secret} elsewhere: without it nobody can sign in after a restore.`,
    ].join('\n'),
    { file, bytes, sha256, ...done },
  );
}

const WAYS = { pg_dump: 'by pg_dump; what belongs to it is beside it, as .json', logical: 'row by row' };

/** Where the operator finds it. */
function secretOf({ values, dataDir }: Config): string {
  return values.SECRET_KEY ? 'SECRET_KEY' : join(dataDir, generatedKeyFile);
}

async function dumped(tools: PostgresTools, work: Work): Promise<Copied> {
  let copied: Copied = { tables: 0, rows: 0 };
  await placeFile(work.file, async (draft) => {
    const note = await dumpInto(tools, { ...work, file: draft }, new Clock().now());
    await placeFile(noteOf(work.file), (beside) => writeNote(beside, note));
    copied = { tables: note.tables.length, rows: note.tables.reduce((sum, { rows }) => sum + rows, 0) };
  });
  return copied;
}

async function copiedRows({ ownerUrl, file, signal }: Work): Promise<Copied> {
  const progress = new Progress('Backing up');
  const tally = new Tally();
  try {
    await placeFile(file, (draft) =>
      withConnection(
        ownerUrl,
        (client) =>
          writeParts(draft, watched(snapshotOf(client, { madeAt: new Clock().now(), signal }), tally, progress)),
        LONG,
      ),
    );
  } finally {
    progress.end();
  }
  return { tables: tally.tables.length, rows: tally.rows };
}

async function* watched(parts: AsyncIterable<Part>, tally: Tally, progress: Progress): AsyncGenerator<Part> {
  let of = 0;
  for await (const part of parts) {
    if (part.kind === 'roster-backup') of = part.rows;
    if (part.kind === 'table-end') tally.tableEnd();
    tally.see(part);
    progress.reach(tally.rows, of);
    yield part;
  }
}
