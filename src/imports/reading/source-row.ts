import type { FieldFault } from '../../platform/contract/problem.js';

/** The longest record: the metadata of one user, twice, with room to spare. Characters. */
export const LONGEST_RECORD = 256 * 1024;

/** One record of a file: what it says, or why it cannot be read. */
export interface SourceRow {
  /** Where in the file it begins. */
  readonly line: number;
  readonly value: unknown;
  readonly fault: FieldFault | null;
}

/** Reads a text as it comes, piece by piece; what is not complete yet is kept, and no more than one record is. */
export interface RecordReader {
  /** The records that are complete. */
  read(text: string): SourceRow[];
  /** What is left at the end of the file. */
  end(): SourceRow[];
}

/** The file as a whole is of no use; the sentence may be shown to whoever sent it. */
export class FileRefused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const FAULTS = {
  record_too_long: `has more than ${LONGEST_RECORD} characters`,
  encoding_invalid: 'holds bytes that are no UTF-8',
  nul: 'holds a NUL',
  quote_open: 'opens a quote that nothing closes',
  quote_misplaced: 'has a quote inside a cell that is not quoted',
  columns_mismatch: 'has another number of cells than the header',
  json_invalid: 'is no JSON object',
  values_invalid: 'has values of another kind than its format has',
} as const;

export function faultOf(code: keyof typeof FAULTS, detail: string = FAULTS[code]): FieldFault {
  return { pointer: '', code, detail };
}

export function faulty(line: number, code: keyof typeof FAULTS, detail?: string): SourceRow {
  return { line, value: null, fault: faultOf(code, detail) };
}

/** Why a text is no text that could be kept; null for all others. Undecodable bytes have become U+FFFD. */
export function textFault(line: number, text: string): SourceRow | null {
  if (text.includes('\0')) return faulty(line, 'nul');
  return text.includes('\ufffd') ? faulty(line, 'encoding_invalid') : null;
}
