import { CsvRecords, MOST_COLUMNS } from './csv-record.js';
import type { Scanned } from './csv-record.js';
import { FileRefused, LONGEST_RECORD, faulty, textFault } from './source-row.js';
import type { RecordReader, SourceRow } from './source-row.js';

const DELIMITERS = [',', ';', '\t'] as const;

/**
 * Reads CSV (RFC 4180) record by record. Ours, because of what a bad record does to those after it: csv-parse drops the
 * rest of what it was given after one that is too long, and a quote that nobody closes takes the rest of the file with
 * it (docs/decisions/0021). Here each is one bad row, and the next line is read as ever.
 */
export class CsvReader implements RecordReader {
  private rest = '';
  /** In the middle of a record that is too long already. */
  private skipping = false;
  private delimiter: string | null = null;
  private header: readonly string[] | null = null;
  private isNamed = true;

  /**
   * @param headerOf the columns that the first record names, or, where it names none, whose it is the first row
   * @param line where in the file the text begins
   */
  constructor(
    private readonly headerOf: (first: readonly string[]) => { columns: readonly string[]; isHeader: boolean },
    private line = 1,
  ) {}

  read(text: string): SourceRow[] {
    return this.scan(this.rest + text, false);
  }

  end(): SourceRow[] {
    const rows = this.rest === '' ? [] : this.scan(`${this.rest}\n`, true);
    if (this.header === null) throw new FileRefused('file_empty', 'The file is empty');
    return rows;
  }

  private scan(text: string, isEnd: boolean): SourceRow[] {
    const rows: SourceRow[] = [];
    // The first line tells how cells are separated.
    if (this.delimiter === null && !text.includes('\n') && text.length <= LONGEST_RECORD) {
      this.rest = text;
      return rows;
    }
    const records = new CsvRecords(text, (this.delimiter ??= delimiterOf(text)));
    let at = this.skipping ? this.skip(text, 0) : 0;
    while (at < text.length) {
      const line = this.line;
      const record = records.at(at);
      if (record !== 'incomplete' && record.next - at <= LONGEST_RECORD) {
        this.line += linesIn(text, at, record.next);
        at = record.next;
        const row = this.rowOf(line, record);
        if (row) rows.push(row);
      } else if (record !== 'incomplete' || isEnd || text.length - at > LONGEST_RECORD) {
        rows.push(faulty(line, record === 'incomplete' && isEnd ? 'quote_open' : 'record_too_long'));
        at = this.skip(text, at);
      } else break;
    }
    this.rest = text.slice(at);
    if (this.header === null && rows.length > 0) throw new FileRefused('header_missing', 'The first line is no header');
    return rows;
  }

  /** To the line after this one, if it is here already. */
  private skip(text: string, from: number): number {
    const end = text.indexOf('\n', from);
    this.skipping = end < 0;
    if (end < 0) return text.length;
    this.line += 1;
    return end + 1;
  }

  private rowOf(line: number, { cells, misplaced }: Exclude<Scanned, 'incomplete'>): SourceRow | null {
    if (cells.length === 1 && cells[0] === '') return null;
    if (this.header === null) {
      if (cells.length > MOST_COLUMNS)
        throw new FileRefused('columns_surplus', `The header has more than ${MOST_COLUMNS} columns`);
      const { columns, isHeader } = this.headerOf(cells);
      refuseTwice(columns);
      this.header = columns;
      this.isNamed = isHeader;
      if (isHeader) return null;
    }
    if (misplaced) return faulty(line, 'quote_misplaced');
    const { header, isNamed } = this;
    // Where nothing names the columns, the last may be left out.
    const least = isNamed ? header.length : 1;
    if (cells.length < least || cells.slice(header.length).some((cell) => cell !== ''))
      return faulty(line, 'columns_mismatch');
    return this.valueOf(line, header, cells);
  }

  private valueOf(line: number, header: readonly string[], cells: readonly string[]): SourceRow {
    const value: Record<string, string> = {};
    for (let at = 0; at < header.length; at += 1) {
      const cell = cells[at] ?? '';
      const fault = textFault(line, cell);
      if (fault) return fault;
      if (cell !== '') value[header[at]!] = cell;
    }
    return { line, value, fault: null };
  }
}

function refuseTwice(columns: readonly string[]): void {
  const twice = columns.find((name, at) => columns.indexOf(name) < at);
  if (twice !== undefined) throw new FileRefused('column_twice', `The column "${twice.slice(0, 64)}" stands twice`);
}

/** Of the one that separates the first line. */
function delimiterOf(text: string): string {
  const [first = ''] = text.split('\n', 1);
  const counted = DELIMITERS.map((delimiter) => [delimiter, first.split(delimiter).length] as const);
  return counted.reduce((best, each) => (each[1] > best[1] ? each : best))[0];
}

/** Of a record, whose last sign is a line feed. */
function linesIn(text: string, from: number, to: number): number {
  let lines = 1;
  for (let at = text.indexOf('\n', from); at < to - 1; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}
