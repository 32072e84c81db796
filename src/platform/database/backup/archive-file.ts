import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip, createGzip } from 'node:zlib';

import { OperatorFault } from '../../config/operator-fault.js';
import { ArchiveDamaged, CHARACTERS_OF_PART, ROWS_OF_PART, textOf } from './archive.js';
import type { Part, Row } from './archive.js';

const GZIP = Buffer.from([0x1f, 0x8b]);
/** Nothing covers the head of gzip (RFC 1952, 2.3): it is always this one, without a time, and without the system. */
const HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
const PG_DUMP = Buffer.from('PGDMP');

/**
 * Lets `write` fill a file that nobody else can read, and gives it its name only when it is whole and on the disk. What a
 * killed process leaves has another name.
 * @throws OperatorFault if there is such a file already, or none can be made
 */
export async function placeFile(file: string, write: (draft: string) => Promise<void>): Promise<void> {
  refuseTaken(file);
  const draft = draftOf(file);
  try {
    await (await open(draft, 'wx', 0o600)).close();
    await write(draft);
    await flush(draft);
    await name(draft, file);
    await flushFolder(dirname(file));
  } catch (error) {
    const { syscall, code } = error as NodeJS.ErrnoException;
    throw syscall ? new OperatorFault(`The file ${file} cannot be written (${code}).`) : error;
  } finally {
    await rm(draft, { force: true });
  }
}

function draftOf(file: string): string {
  return `${file}.${randomBytes(4).toString('hex')}.part`;
}

/** By link(2), which never overwrites; some file systems have none. */
async function name(draft: string, file: string): Promise<void> {
  try {
    await link(draft, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || existsSync(file)) throw taken(file);
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code ?? '')) throw error;
    await rename(draft, file);
  }
}

async function flush(draft: string): Promise<void> {
  const handle = await open(draft, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Else a loss of power may take the name back, though not the bytes; some file systems know no such thing. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'ENOTSUP', 'ENOSYS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await handle.close();
  }
}

/** @throws OperatorFault if there is such a file */
export function refuseTaken(file: string): void {
  if (existsSync(file)) throw taken(file);
}

function taken(file: string): OperatorFault {
  return new OperatorFault(`The file ${file} exists already, and is not overwritten: name another.`);
}

/**
 * A file that was named before the one that it belongs to, by somebody who was killed between, gets the name of what may be
 * removed. Nothing is taken from whoever put the other one elsewhere.
 */
export async function setAside(file: string): Promise<void> {
  await rename(file, draftOf(file));
}

/** Fills a draft with a copy: lines of JSON, compressed. */
export async function writeParts(draft: string, parts: AsyncIterable<Part>): Promise<void> {
  const lines = Readable.from(textsOf(parts), { objectMode: false });
  await pipeline(lines, createGzip(), createWriteStream(draft, { flags: 'r+' }));
  const handle = await open(draft, 'r+');
  try {
    await handle.write(HEAD, 0, HEAD.length, 0);
  } finally {
    await handle.close();
  }
}

async function* textsOf(parts: AsyncIterable<Part>): AsyncGenerator<string> {
  for await (const part of parts) yield textOf(part);
}

export type FileKind = 'logical' | 'pg_dump';

/** What wrote the file, by its first bytes. @throws OperatorFault if it cannot be read, ArchiveDamaged if it is neither */
export async function kindOf(file: string): Promise<FileKind> {
  const first = await firstBytes(file);
  if (first.equals(HEAD)) return 'logical';
  if (first.subarray(0, GZIP.length).equals(GZIP)) throw new ArchiveDamaged('its first bytes were changed');
  if (first.subarray(0, PG_DUMP.length).equals(PG_DUMP)) return 'pg_dump';
  throw new ArchiveDamaged('it is no backup of Roster');
}

async function firstBytes(file: string): Promise<Buffer> {
  try {
    const handle = await open(file);
    const { buffer } = await handle.read(Buffer.alloc(HEAD.length)).finally(() => handle.close());
    return buffer;
  } catch (error) {
    throw new OperatorFault(`The file ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

export async function sizeOf(file: string): Promise<number> {
  return (await stat(file)).size;
}

/** The parts of a file, a batch of rows at a time. @throws ArchiveDamaged where it cannot be understood */
export async function* partsOf(file: string): AsyncGenerator<Part> {
  let rows: Row[] = [];
  let text: string[] = [];
  let length = 0;
  const gathered = (): Part => {
    const part: Part = { kind: 'rows', rows, text: text.join('') };
    [rows, text, length] = [[], [], 0];
    return part;
  };
  for await (const line of linesOf(file)) {
    const value = valueOf(line);
    if (Array.isArray(value)) {
      rows.push(value as Row);
      text.push(line, '\n');
      length += line.length;
      if (rows.length === ROWS_OF_PART || length > CHARACTERS_OF_PART) yield gathered();
    } else {
      if (rows.length > 0) yield gathered();
      yield value as Part;
    }
  }
}

function valueOf(line: string): object {
  try {
    return JSON.parse(line) as object;
  } catch {
    throw new ArchiveDamaged('it has a line that is no JSON');
  }
}

/** Not readline: it ends a line also at U+2028, which JSON may hold. */
async function* linesOf(file: string): AsyncGenerator<string> {
  const source = createReadStream(file);
  const bytes = createGunzip();
  source.once('error', (error) => bytes.destroy(error));
  source.pipe(bytes);
  const decoder = new StringDecoder('utf8');
  // Pieces of a line that has not ended: looked through once each, for a line may be of megabytes.
  let begun: string[] = [];
  try {
    for await (const chunk of bytes) {
      const [end, ...others] = decoder.write(chunk as Buffer).split('\n');
      begun.push(end!);
      for (const other of others) {
        yield begun.join('');
        begun = [other];
      }
    }
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code.startsWith('Z_')) throw new ArchiveDamaged(`it is cut, or its bytes were changed (${code})`);
    throw error;
  } finally {
    source.destroy();
    bytes.destroy();
  }
  if (begun.join('') !== '') throw new ArchiveDamaged('it is cut: its last line is not whole');
}
