import { jest } from '@jest/globals';

import { CsvReader } from './csv-reader.js';
import { FileReader } from './file-reader.js';
import type { FileType, StagedRow } from './file-reader.js';
import { LONGEST_RECORD } from './source-row.js';
import type { SourceRow } from './source-row.js';

const PIECE = 64 * 1024;
const OPTIONS = { now: new Date(0), firebasePrefix: null };

/** How many characters `indexOf` and `trimStart` pass over while this is done: the same on every machine. */
function lookedAt(deed: () => void): number {
  let looked = 0;
  const { indexOf, trimStart } = String.prototype;
  const finding = jest.spyOn(String.prototype, 'indexOf').mockImplementation(function (this: string, sought, from = 0) {
    const found = indexOf.call(this, sought, from);
    looked += (found < 0 ? this.length : found + 1) - from;
    return found;
  });
  const trimming = jest.spyOn(String.prototype, 'trimStart').mockImplementation(function (this: string) {
    const trimmed = trimStart.call(this);
    looked += this.length - trimmed.length;
    return trimmed;
  });
  try {
    deed();
  } finally {
    finding.mockRestore();
    trimming.mockRestore();
  }
  return looked;
}

function inPieces(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, at) => text.slice(at * size, (at + 1) * size));
}

function fileOf(type: FileType, texts: readonly string[]): StagedRow[] {
  const file = new FileReader(type, null, OPTIONS);
  const rows = texts.flatMap((text) => file.read(Buffer.from(text)));
  return [...rows, ...file.end()];
}

describe('what a table costs', () => {
  const codesOf = (text: string): Set<string | undefined> => {
    const reader = new CsvReader((columns) => ({ columns, isHeader: true }));
    const rows: SourceRow[] = inPieces(text, PIECE).flatMap((piece) => reader.read(piece));
    return new Set([...rows, ...reader.end()].map(({ fault }) => fault?.code));
  };

  it.each([
    ['a line of commas', `a,b\n${','.repeat(200_000)}x\n`, ['columns_mismatch']],
    ['lines without the delimiter', `a;b\n${'x\n'.repeat(50_000)}`, ['columns_mismatch']],
    ['lines of one cell', `a\n${'x\n'.repeat(50_000)}`, [undefined]],
    ['quoted cells without an end', `a,b\n${'"x",'.repeat(100_000)}`, ['record_too_long']],
    ['records of which each would be as long as the file', `a,b\n${'","b","\n'.repeat(50_000)}`, ['quote_misplaced']],
    ['a record of lines', `a,b\n"${'""\n'.repeat(100_000)}`, ['record_too_long']],
  ])('%s is gone through a few times', (_, text, expected) => {
    let codes = new Set<string | undefined>();
    const looked = lookedAt(() => (codes = codesOf(text)));
    expect([...codes]).toEqual(expect.arrayContaining(expected));
    // What is incomplete is looked at again with each of the few pieces that a record may have.
    expect(looked).toBeLessThan(12 * text.length);
  });

  it('a piece of a record that comes sign by sign is not looked at sign by sign', () => {
    const text = `email,name\n"${'""'.repeat(20_000)}",b\n`;
    const looked = lookedAt(() => void fileOf('text/csv', text.split('')));
    expect(looked).toBeLessThan(12 * text.length);
  });
});

describe('what stands before a file', () => {
  it.each<FileType>(['text/csv', 'application/json', 'application/x-ndjson'])(
    'blanks without end are refused soon, and not kept (%s)',
    (type) => {
      const file = new FileReader(type, null, OPTIONS);
      const blank = Buffer.from(' \n'.repeat(PIECE / 2));
      const looked = lookedAt(() => {
        expect(() => {
          for (let at = 0; at <= LONGEST_RECORD / PIECE; at += 1) file.read(blank);
        }).toThrow(expect.objectContaining({ code: 'file_empty' }));
      });
      expect(looked).toBeLessThan(6 * LONGEST_RECORD);
    },
  );

  it('some blanks are passed over, and their lines counted', () => {
    const blanks = ' \n\n\t\n'.repeat(1000);
    const user = { email: 'a@example.com', name: 'A' };
    const read = (type: FileType, text: string): unknown[] =>
      fileOf(type, inPieces(blanks + text, 1000)).map((row) => [row.line, row.user]);
    expect(read('text/csv', 'email;name\na@example.com;A\n')).toEqual([[3002, user]]);
    expect(read('application/x-ndjson', JSON.stringify(user))).toEqual([[3001, user]]);
    expect(read('application/json', `[\n${JSON.stringify(user)}]`)).toEqual([[3002, user]]);
    expect(read('application/json', `${JSON.stringify(user)}\n`)).toEqual([[3001, user]]);
  });

  it('a file of nothing but blanks is empty', () => {
    expect(() => fileOf('text/csv', [' \n'.repeat(100)])).toThrow(expect.objectContaining({ code: 'file_empty' }));
  });
});
