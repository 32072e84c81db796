import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { UserFiles } from '../imports/index.js';
import { OperatorFault } from '../platform/config/operator-fault.js';
import { placeFile, refuseTaken } from '../platform/database/backup/archive-file.js';
import { ListQueryInvalid } from '../platform/http/lists/list-query-invalid.js';
import { withApplication } from './application.js';
import type { Invocation } from './invocation.js';
import { Progress } from './progress.js';

type Wanted = Parameters<UserFiles['take']>[1];
type Pieces = Parameters<Parameters<UserFiles['write']>[2]>[0];
type Taken = Awaited<ReturnType<UserFiles['take']>>;

const RULES = ['skip', 'update', 'fail'] as const;
const FORMATS = ['auto', 'roster', 'auth0', 'keycloak', 'supabase', 'firebase'] as const;
const TYPES: Readonly<Record<string, Wanted['type']>> = {
  '.csv': 'text/csv',
  '.ndjson': 'application/x-ndjson',
  '.jsonl': 'application/x-ndjson',
  '.json': 'application/json',
};

/** @returns 1 if a row could not be taken over */
export async function importUsers(invocation: Invocation): Promise<number> {
  const { operand, answer } = invocation;
  const file = operand;
  const wanted = await wantedBy(invocation, file);
  const { size } = await unlessUnreadable(stat(file), file);
  const reading = new Progress('Reading  ');
  const taking = new Progress('Importing');
  const { found, failed } = await withApplication((app) => {
    const bytes = createReadStream(file, { highWaterMark: 256 * 1024 });
    return app.get(UserFiles).take(
      told(bytes, () => reading.reach(bytes.bytesRead, size)),
      wanted,
      (done, of) => {
        if (done === 0) reading.end();
        taking.reach(done, of);
      },
    );
  });
  taking.end();
  const { id, state, format, rows, created, updated, skipped, problem } = found;
  answer(textOf(found, failed), {
    id,
    state,
    format,
    rows,
    created,
    updated,
    skipped,
    failed: found.failed,
    problem,
    failures: failed,
  });
  return state === 'completed' && found.failed === 0 ? 0 : 1;
}

/** Users go to stdout, and nothing else does; with --file the answer tells how many there were. */
export async function exportUsers({ answer, file, format, filter }: Invocation): Promise<number> {
  const wanted = oneOf('format', ['csv', 'ndjson'] as const, format ?? 'csv');
  if (file !== null) refuseTaken(file);
  const progress = new Progress('Exporting');
  const rows = await withApplication((app, _, stop) =>
    stop.interruptible(async (signal) => {
      const into = (pieces: Pieces): Promise<void> => {
        const texts = textsOf(pieces, progress);
        return file === null ? toStdout(texts, signal) : placeFile(file, (draft) => toFile(texts, draft, signal));
      };
      try {
        return await app.get(UserFiles).write(wanted, filter, into);
      } catch (error) {
        throw error instanceof ListQueryInvalid ? new OperatorFault(error.message) : error;
      }
    }),
  ).finally(() => progress.end());
  return file === null ? 0 : answer(`✓ ${rows} users are in ${file}.`, { file, format: wanted, rows });
}

async function wantedBy({ onConflict, dryRun, format, firebase }: Invocation, file: string): Promise<Wanted> {
  const type = TYPES[extname(file).toLowerCase()];
  if (!type) throw new OperatorFault('The name of the file has to end by .csv, .ndjson, .jsonl or .json.');
  const named = oneOf('format', FORMATS, format ?? 'auto');
  return {
    type,
    onConflict: oneOf('on-conflict', RULES, onConflict ?? 'skip'),
    dryRun,
    format: named === 'auto' ? null : named,
    firebase: firebase === null ? null : await unlessUnreadable(readFile(firebase, 'utf8'), firebase),
  };
}

function oneOf<const T extends string>(option: string, values: readonly T[], given: string): T {
  const found = values.find((value) => value === given);
  if (found === undefined) throw new OperatorFault(`--${option} takes ${values.join(', ')}.`);
  return found;
}

async function unlessUnreadable<T>(reading: Promise<T>, file: string): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw new OperatorFault(`The file ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

async function* told(bytes: AsyncIterable<Uint8Array>, tell: () => void): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    tell();
    yield piece;
  }
}

async function* textsOf(pieces: Pieces, progress: Progress): AsyncGenerator<string> {
  let [done, of] = [0, 0];
  for await (const { text, rows, total } of pieces) {
    yield text;
    of = total ?? of;
    done += rows;
    progress.reach(done, Math.max(of, done));
  }
}

function toFile(texts: AsyncIterable<string>, draft: string, signal: AbortSignal): Promise<void> {
  return pipeline(texts, createWriteStream(draft, { flags: 'r+' }), { signal });
}

async function toStdout(texts: AsyncIterable<string>, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(texts, process.stdout, { signal, end: false });
  } catch (error) {
    const { syscall, code } = error as NodeJS.ErrnoException;
    throw syscall === 'write' ? new OperatorFault(`Not everything could be written to stdout (${code}).`) : error;
  }
}

function textOf(
  { id, state, dryRun, problem, rows, created, updated, skipped, failed }: Taken['found'],
  failures: Taken['failed'],
): string {
  const counts = `${created} created, ${updated} updated, ${skipped} skipped, ${failed} failed`;
  return [
    `${state === 'completed' ? '✓' : '✗'} ${rows} rows${dryRun ? ' (dry run: nothing was changed)' : ''}: ${counts}.`,
    ...(problem === null ? [] : [problem]),
    ...failures.map(
      ({ line, code, pointer, detail }) => `  line ${String(line).padEnd(9)}${code} ${pointer ?? ''} ${detail}`,
    ),
    ...(failed > failures.length ? [`  … and ${failed - failures.length} more: GET /api/v1/imports/${id}/rows`] : []),
  ].join('\n');
}
