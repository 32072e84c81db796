import { CsvReader } from './csv-reader.js';
import { JsonDocumentReader } from './json-document-reader.js';
import { JsonLinesReader } from './json-lines-reader.js';
import { LONGEST_RECORD } from './source-row.js';
import type { RecordReader, SourceRow } from './source-row.js';

const named = (first: readonly string[]): { columns: readonly string[]; isHeader: boolean } => ({
  columns: first,
  isHeader: true,
});

/** However a text is cut, it says the same. */
function readAll(make: () => RecordReader, text: string): SourceRow[] {
  const whole = gather(make(), [text]);
  const small = gather(make(), text.length < 20_000 ? [...text] : (text.match(/[^]{1,4096}/g) ?? []));
  expect(small).toEqual(whole);
  return whole;
}

function gather(reader: RecordReader, pieces: readonly string[]): SourceRow[] {
  const rows = pieces.flatMap((piece) => reader.read(piece));
  return [...rows, ...reader.end()];
}

const told = (rows: readonly SourceRow[]): unknown[] =>
  rows.map(({ line, value, fault }) => [line, fault ? fault.code : value]);

describe('CsvReader', () => {
  const read = (text: string): unknown[] => told(readAll(() => new CsvReader(named), text));

  it.each([
    [
      'a line feed',
      'a,b\n1,2\n3,4\n',
      [
        [2, { a: '1', b: '2' }],
        [3, { a: '3', b: '4' }],
      ],
    ],
    [
      'CRLF, and no end of the last line',
      'a,b\r\n1,2\r\n3,4',
      [
        [2, { a: '1', b: '2' }],
        [3, { a: '3', b: '4' }],
      ],
    ],
    ['semicolons', 'a;b\n1,5;2\n', [[2, { a: '1,5', b: '2' }]]],
    [
      'quotes, commas, line feeds and quotes in quotes',
      'a,b\n"1,""x""\n2",3\n4,5\n',
      [
        [2, { a: '1,"x"\n2', b: '3' }],
        [4, { a: '4', b: '5' }],
      ],
    ],
    [
      'empty cells and lines',
      'a,b\n,2\n\n"",""\n',
      [
        [2, { b: '2' }],
        [4, {}],
      ],
    ],
  ])('reads %s', (_, text, rows) => {
    expect(read(text)).toEqual(rows);
  });

  it.each([
    [
      'too few cells',
      'a,b\n1\n3,4\n',
      [
        [2, 'columns_mismatch'],
        [3, { a: '3', b: '4' }],
      ],
    ],
    [
      'too many',
      `a,b\n${'1,'.repeat(10_000)}1\n3,4\n`,
      [
        [2, 'columns_mismatch'],
        [3, { a: '3', b: '4' }],
      ],
    ],
    [
      'a quote in the middle',
      'a,b\n5" disk,2\n3,4\n',
      [
        [2, 'quote_misplaced'],
        [3, { a: '3', b: '4' }],
      ],
    ],
    [
      'text after a quote',
      'a,b\n"1"x,2\n3,4\n',
      [
        [2, 'quote_misplaced'],
        [3, { a: '3', b: '4' }],
      ],
    ],
    [
      'a quote that nothing closes',
      'a,b\n"1,2\n3,4\n5,6\n',
      [
        [2, 'quote_open'],
        [3, { a: '3', b: '4' }],
        [4, { a: '5', b: '6' }],
      ],
    ],
    [
      'a NUL',
      'a,b\n1\0,2\n3,4\n',
      [
        [2, 'nul'],
        [3, { a: '3', b: '4' }],
      ],
    ],
    [
      'what was no UTF-8',
      'a,b\n1\ufffd,2\n3,4\n',
      [
        [2, 'encoding_invalid'],
        [3, { a: '3', b: '4' }],
      ],
    ],
    [
      'a line of a megabyte',
      `a,b\n${'x'.repeat(1_048_576)},2\n3,4\n`,
      [
        [2, 'record_too_long'],
        [3, { a: '3', b: '4' }],
      ],
    ],
    [
      'an open quote and a megabyte',
      `a,b\n"${'x'.repeat(1_048_576)}\n3,4\n`,
      [
        [2, 'record_too_long'],
        [3, { a: '3', b: '4' }],
      ],
    ],
  ])('passes over %s, and goes on', (_, text, rows) => {
    expect(read(text)).toEqual(rows);
  });

  it.each([
    ['nothing', '', 'file_empty'],
    ['a column that stands twice', 'a,b,a\n1,2,3\n', 'column_twice'],
    ['ten thousand columns', `${Array.from({ length: 10_000 }, (_, at) => `c${at}`).join(',')}\n`, 'columns_surplus'],
    ['a header that has no end', 'x'.repeat(1_048_576), 'header_missing'],
  ])('refuses a file of %s', (_, text, code) => {
    expect(() => gather(new CsvReader(named), [text])).toThrow(expect.objectContaining({ code }));
  });

  it('keeps no more than one record, however long the file', () => {
    const reader = new CsvReader(named);
    reader.read('a,b\n"');
    for (let at = 0; at < 100; at += 1) reader.read('x'.repeat(65_536));
    expect((reader as unknown as { rest: string }).rest.length).toBeLessThanOrEqual(LONGEST_RECORD + 65_536);
  });
});

describe('JsonLinesReader', () => {
  const read = (text: string): unknown[] => told(readAll(() => new JsonLinesReader(), text));

  it('reads an object on each line, and passes over what is none', () => {
    const lines = [
      '{"a":1}',
      '',
      '[1]',
      '{"a":',
      '{"a":1,"a":2}',
      '{"__proto__":1}',
      '{"a":"\\u0000"}',
      '7',
      '{"b":2}',
    ];
    expect(read(lines.join('\r\n'))).toEqual([
      [1, { a: 1 }],
      ...[3, 4, 5, 6, 7, 8].map((line) => [line, 'json_invalid']),
      [9, { b: 2 }],
    ]);
  });

  it('passes over a line of a megabyte', () => {
    const long = `{"a":"${'x'.repeat(1_048_576)}"}`;
    expect(read(`{"a":1}\n${long}\n{"b":2}\n`)).toEqual([
      [1, { a: 1 }],
      [2, 'record_too_long'],
      [3, { b: 2 }],
    ]);
  });
});

describe('JsonDocumentReader', () => {
  const read = (text: string): unknown[] => told(readAll(() => new JsonDocumentReader(), text));

  it.each([
    [
      'a list',
      '[{"a":1},\n{"a":{"b":[{"c":"]}"}]}}]',
      [
        [1, { a: 1 }],
        [2, { a: { b: [{ c: ']}' }] } }],
      ],
    ],
    [
      'a list in a document',
      '{"x":[{"users":[{"no":1}]}],\n"users":[\n{"a":"\\"}"},{"b":2}\n],"users2":[{"no":1}]}',
      [
        [3, { a: '"}' }],
        [3, { b: 2 }],
      ],
    ],
    ['an empty list', '{"users":[]}', []],
  ])('reads %s', (_, text, rows) => {
    expect(read(text)).toEqual(rows);
  });

  it('passes over what is too long, and what is no JSON', () => {
    const long = `{"a":"${'x'.repeat(1_048_576)}"}`;
    expect(read(`[${long},\n{a:1},\n{"b":2}]`)).toEqual([
      [1, 'record_too_long'],
      [2, 'json_invalid'],
      [3, { b: 2 }],
    ]);
  });

  it('tells of a document that is cut off', () => {
    expect(read('{"users":[{"a":1},{"b"')).toEqual([
      [1, { a: 1 }],
      [1, 'json_invalid'],
    ]);
  });

  it.each(['{"people":[]}', '{"users":{}}', '"users"'])('refuses %s', (text) => {
    expect(() => gather(new JsonDocumentReader(), [text])).toThrow(expect.objectContaining({ code: 'list_missing' }));
  });
});
