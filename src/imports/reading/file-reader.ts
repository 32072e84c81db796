import { AUTH0 } from '../formats/auth0.js';
import { FIREBASE } from '../formats/firebase.js';
import type { Format, Mapped, MappingOptions, Members } from '../formats/format.js';
import { KEYCLOAK } from '../formats/keycloak.js';
import { ROSTER } from '../formats/roster.js';
import { SUPABASE } from '../formats/supabase.js';
import type { FieldFault } from '../../platform/contract/problem.js';
import type { FormatName } from '../import.entity.js';
import { CsvReader } from './csv-reader.js';
import { JsonDocumentReader } from './json-document-reader.js';
import { JsonLinesReader } from './json-lines-reader.js';
import { FileRefused, LONGEST_RECORD, faultOf } from './source-row.js';
import type { RecordReader, SourceRow } from './source-row.js';

/** Ours last: it is content with little. */
const KNOWN: readonly Format[] = [SUPABASE, FIREBASE, KEYCLOAK, AUTH0, ROSTER];

export const FILE_TYPES = ['text/csv', 'application/x-ndjson', 'application/json'] as const;
export type FileType = (typeof FILE_TYPES)[number];

/** How ZIP and gzip begin: what is in them may be a thousand times as long. */
const COMPRESSED = [
  [0x50, 0x4b, 0x03, 0x04],
  [0x1f, 0x8b],
];

/** What comes in less is read together: a record is looked at anew with each piece until it is whole. Characters. */
const PIECE = 16 * 1024;

/** A row of a file in our words, as it is staged: what it says of somebody, or why it says nothing. */
export interface StagedRow {
  readonly line: number;
  readonly user: object | null;
  readonly fallbackName: string | null;
  readonly fault: FieldFault | null;
}

/** Reads a file of users as it comes, whoever wrote it: its bytes, its records, its words. */
export class FileReader {
  private readonly decoder = new TextDecoder();
  private readonly formats: readonly Format[];
  private readonly options: MappingOptions;
  private reader: RecordReader | null = null;
  private begun = false;
  /** What came last, until there is a piece of it. */
  private gathered = '';
  /** The beginning of the file, until it is known who reads it; and the line that it is from. */
  private beginning = '';
  private line = 1;
  private blanks = 0;
  private recognised: Format | null = null;

  /** @param wanted the format, if it was said; else it is recognised */
  constructor(
    private readonly type: FileType,
    wanted: FormatName | null,
    options: Omit<MappingOptions, 'isTable'>,
  ) {
    this.options = { ...options, isTable: type === 'text/csv' };
    this.formats = wanted === null ? KNOWN : KNOWN.filter(({ name }) => name === wanted);
  }

  /** Null until the first row. */
  get format(): FormatName | null {
    return this.recognised?.name ?? null;
  }

  /** @throws FileRefused */
  read(bytes: Uint8Array): StagedRow[] {
    if (!this.begun && COMPRESSED.some((magic) => magic.every((byte, at) => bytes[at] === byte)))
      throw new FileRefused('file_compressed', 'The file is compressed: send what is in it');
    this.begun = true;
    return this.take(this.decoder.decode(bytes, { stream: true }));
  }

  /** @throws FileRefused */
  end(): StagedRow[] {
    const rows = this.take(this.decoder.decode(), true);
    if (this.reader === null) throw new FileRefused('file_empty', 'The file is empty');
    return [...rows, ...this.reader.end().map((row) => this.mapped(row))];
  }

  private take(text: string, isEnd = false): StagedRow[] {
    this.gathered += text;
    if (this.gathered.length < PIECE && !isEnd) return [];
    const all = this.beginning + this.gathered;
    this.gathered = '';
    this.beginning = this.reader ? '' : this.withoutBlanks(all);
    this.reader ??= this.readerOf(this.beginning.trimStart(), isEnd);
    if (!this.reader) return [];
    const due = this.beginning || all;
    this.beginning = '';
    return this.reader.read(due).map((row) => this.mapped(row));
  }

  /** Lines of blanks before all others are counted, and not kept. */
  private withoutBlanks(text: string): string {
    const blanks = text.slice(0, text.length - text.trimStart().length);
    if (this.blanks + blanks.length > LONGEST_RECORD)
      throw new FileRefused('file_empty', `The file begins with more than ${LONGEST_RECORD} blanks`);
    const passed = blanks.lastIndexOf('\n') + 1;
    this.blanks += passed;
    this.line += blanks.split('\n').length - 1;
    return text.slice(passed);
  }

  /** Null while too little is known. Exports of Auth0 are called `.json`, though each line of them is an object. */
  private readerOf(beginning: string, isEnd: boolean): RecordReader | null {
    if (beginning === '') return null;
    if (this.type === 'text/csv') return new CsvReader((first) => this.columnsOf(first), this.line);
    if (this.type === 'application/x-ndjson') return new JsonLinesReader(this.line);
    if (!beginning.startsWith('{')) return new JsonDocumentReader(this.line);
    const line = beginning.indexOf('\n');
    if (line < 0 && !isEnd && beginning.length < LONGEST_RECORD) return null;
    const isOfLines = isRecord(line < 0 ? beginning : beginning.slice(0, line));
    return isOfLines ? new JsonLinesReader(this.line) : new JsonDocumentReader(this.line);
  }

  private columnsOf(first: readonly string[]): { columns: readonly string[]; isHeader: boolean } {
    const named = first.map((name) => name.trim());
    for (const format of this.formats) {
      const columns = format.columnsOf?.(first);
      if (!columns && !format.hasColumns(named)) continue;
      this.recognised = format;
      return columns ? { columns, isHeader: false } : { columns: named, isHeader: true };
    }
    throw new FileRefused(
      'format_unknown',
      named.includes('email')
        ? `The columns are those of no format that is known: ${named.join(', ').slice(0, 300)}`
        : 'The first line names no column "email"',
    );
  }

  private mapped({ line, value, fault }: SourceRow): StagedRow {
    if (fault) return { line, user: null, fallbackName: null, fault };
    const row = value as Members;
    const mapped = this.inOurWords(this.formatOf(row), row);
    if ('fault' in mapped) return { line, user: null, fallbackName: null, fault: mapped.fault };
    return { line, user: mapped.user, fallbackName: mapped.fallbackName, fault: null };
  }

  /** Whatever a row makes of it, the others are read as ever. */
  private inOurWords(format: Format, row: Members): Mapped {
    try {
      return format.map(row, this.options);
    } catch (error) {
      if (error instanceof FileRefused) throw error;
      return { fault: faultOf('values_invalid') };
    }
  }

  /** By the first object that can be read; all others are held to it. */
  private formatOf(row: Members): Format {
    this.recognised ??=
      this.formats.length === 1 ? this.formats[0]! : (this.formats.find(({ hasObject }) => hasObject(row)) ?? null);
    if (!this.recognised)
      throw new FileRefused('format_unknown', 'The first object is of no format that is known: it has no "email"');
    return this.recognised;
  }
}

/** Whether a line is an object of its own, and not a document that lists them. */
function isRecord(line: string): boolean {
  try {
    const value = JSON.parse(line) as Members;
    return !Array.isArray(value['users']);
  } catch {
    return false; // it goes on in the next line
  }
}
