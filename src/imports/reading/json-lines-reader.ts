import { JsonRefused, parseStrictText } from '../../platform/http/strict-json.js';
import { LONGEST_RECORD, faulty, textFault } from './source-row.js';
import type { RecordReader, SourceRow } from './source-row.js';

/** Reads NDJSON: an object on each line. */
export class JsonLinesReader implements RecordReader {
  private rest = '';
  private skipping = false;

  /** @param line where in the file the text begins */
  constructor(private line = 1) {}

  read(text: string): SourceRow[] {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    const rows = lines.flatMap((line) => this.rowOf(line));
    if (this.rest.length <= LONGEST_RECORD) return rows;
    // The rest of it is passed over as it comes.
    if (!this.skipping) rows.push(faulty(this.line, 'record_too_long'));
    this.skipping = true;
    this.rest = '';
    return rows;
  }

  end(): SourceRow[] {
    return this.rest === '' ? [] : this.rowOf(this.rest);
  }

  private rowOf(text: string): SourceRow[] {
    const { line } = this;
    this.line += 1;
    if (this.skipping) {
      this.skipping = false;
      return [];
    }
    return text.trim() === '' ? [] : [objectIn(text, line)];
  }
}

/** One object, read as strictly as a body. */
export function objectIn(text: string, line: number): SourceRow {
  if (text.length > LONGEST_RECORD) return faulty(line, 'record_too_long');
  const fault = textFault(line, text);
  if (fault) return fault;
  try {
    const value = parseStrictText(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { line, value, fault: null };
    return faulty(line, 'json_invalid');
  } catch (error) {
    if (error instanceof JsonRefused) return faulty(line, 'json_invalid', error.message);
    throw error;
  }
}
