import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

import { kindOf, partsOf, placeFile, writeParts } from './archive-file.js';
import { Tally, rowsPart, verify } from './archive.js';
import type { Contents, Part } from './archive.js';
import { isNote } from './dump.js';

const folder = mkdtempSync(join(tmpdir(), 'roster-archive-'));
const file = join(folder, 'roster.backup');
const damaged = join(folder, 'damaged.backup');

const column = (name: string): object => ({ name, type: 'text', collatable: true });
const table = (name: string): Part =>
  ({ kind: 'table', name, columns: [column('id'), column('value')], key: ['id'] }) as Part;
const rowsOf = (name: string): Part =>
  rowsPart(
    Array.from({ length: 1200 }, (_, at) => [`${name}-${at}`, at % 7 === 0 ? null : `ada-${at}@example.com\u2028`]),
  );

/** A copy as `snapshotOf` makes it. */
async function* copy(): AsyncGenerator<Part> {
  const tally = new Tally();
  const seen = (part: Part): Part => {
    tally.see(part);
    return part;
  };
  const made = { version: '1', postgres: '18', madeAt: '2026-11-21T00:00:00Z', migrations: ['One1'], months: [] };
  yield seen({ kind: 'roster-backup', format: 1, ...made, rows: 2400 });
  for (const name of ['roster.sessions', 'roster.users']) {
    yield seen(table(name));
    yield seen(rowsOf(name));
    yield seen(tally.tableEnd());
  }
  yield seen({ kind: 'sequence', name: 'roster.events_seq', value: '41', called: true });
  yield await Promise.resolve(tally.end());
}

/** What a restore asks of a file before it opens a database. */
async function read(path: string): Promise<Contents | string> {
  const kind = await kindOf(path);
  return kind === 'logical' ? verify(partsOf(path), () => undefined) : kind;
}

beforeAll(() => placeFile(file, (draft) => writeParts(draft, copy())));
afterAll(() => rmSync(folder, { recursive: true }));

const flipped = (at: number): Buffer => {
  const bytes = readFileSync(file);
  bytes[at < 0 ? bytes.length + at : at]! ^= 1;
  return bytes;
};
const lines = (): string[] => gunzipSync(readFileSync(file)).toString('utf8').split('\n');
/** Packed as we do: whoever changes it takes care. */
const zipped = (text: string): Buffer => {
  const bytes = gzipSync(text);
  bytes[9] = 0xff;
  return bytes;
};
const packed = (text: string[]): Buffer => zipped(text.join('\n'));
const changed = (line: RegExp, from: string, to: string): Buffer =>
  packed(lines().map((text) => (line.test(text) ? text.replace(from, to) : text)));

describe('the file of a copy', () => {
  it('is read as it was written, and packed anew by hand as well', async () => {
    const contents = {
      head: { migrations: ['One1'] },
      tables: [{ name: 'roster.sessions', rows: 1200 }, { rows: 1200 }],
    };
    expect(await read(file)).toMatchObject(contents);
    writeFileSync(damaged, packed(lines()));
    expect(await read(damaged)).toMatchObject(contents);
  });

  it.each<[string, () => Buffer, RegExp]>([
    [
      'a byte changed',
      () => flipped(statSync(file).size >> 1),
      /cut, or its bytes were changed|not those that were written|no JSON/,
    ],
    ...[0, 3, 6, 9, 10].map((at): [string, () => Buffer, RegExp] => [
      `byte ${at} of its head changed`,
      () => flipped(at),
      /first bytes were changed|no backup of Roster|cut, or its bytes were changed|not those|no JSON/,
    ]),
    ['its last byte changed', () => flipped(-1), /cut, or its bytes were changed/],
    ['its last byte cut off', () => readFileSync(file).subarray(0, -1), /cut/],
    ['all but its head cut off', () => readFileSync(file).subarray(0, 10), /cut/],
    ['nothing in it', () => Buffer.alloc(0), /no backup of Roster/],
    ['another behind it', () => Buffer.concat([readFileSync(file), readFileSync(file)]), /something follows its end/],
    ['its end cut off', () => readFileSync(file).subarray(0, -5), /cut/],
    ['half of it cut off', () => readFileSync(file).subarray(0, statSync(file).size >> 1), /cut/],
    ['its last line taken away', () => packed([...lines().slice(0, -2), '']), /its end is missing/],
    ['a value changed', () => changed(/^\["[^"]+","[^"]+@/, '@', '@x'), /rows of roster\.\w+ are not those/],
    [
      'a row taken away',
      () => packed(lines().filter((text, at, all) => !(text[0] === '[' && all[at - 1]![0] === '{'))),
      /are not those/,
    ],
    ['a sequence changed', () => changed(/events_seq/, '"value":"', '"value":"9'), /lines are not those/],
    ['another format', () => changed(/roster-backup/, '"format":1', '"format":2'), /format is 2/],
    ['another text in it', () => zipped('{"kind":"table"}\n'), /no backup of Roster/],
    ['nothing of a backup in it', () => Buffer.from('DROP TABLE users'), /no backup of Roster/],
  ])('is refused with %s', async (_, bytes, why) => {
    writeFileSync(damaged, bytes());
    await expect(read(damaged)).rejects.toThrow(why);
  });
});

describe('placing a file', () => {
  it('overwrites none, and leaves no draft of one that failed', async () => {
    const bytes = readFileSync(file);
    await expect(placeFile(file, (draft) => writeParts(draft, copy()))).rejects.toThrow('exists already');
    expect(readFileSync(file)).toEqual(bytes);
    const failing = (): Promise<void> => Promise.reject(new Error('full'));
    await expect(placeFile(join(folder, 'failed'), failing)).rejects.toThrow('full');
    expect(readdirSync(folder).sort()).toEqual(['damaged.backup', 'roster.backup']);
  });

  it.each<[string, boolean]>([
    ['{"kind":"roster-dump"}', true],
    ['{"kind":"other"}', false],
    ['null', false],
    ['users', false],
  ])('knows whether %s is a note of ours, which may be set aside', async (text, isOurs) => {
    const path = join(folder, 'note.json');
    writeFileSync(path, text);
    expect(await isNote(path)).toBe(isOurs);
    rmSync(path);
    expect(await isNote(path)).toBe(false);
  });
});
