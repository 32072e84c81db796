import type { FieldFault } from '../../platform/contract/problem.js';
import { parseStrictText } from '../../platform/http/strict-json.js';
import type { FormatName } from '../import.entity.js';

export type Members = Readonly<Record<string, unknown>>;

/** What a format may have to know beside the file. */
export interface MappingOptions {
  readonly now: Date;
  /** Whether the values were cells of a table, which are texts, whatever they mean. */
  readonly isTable: boolean;
  /** What stands before the salt in a hash of Firebase; null where its parameters were not given. */
  readonly firebasePrefix: string | null;
}

/** A row in our words, not yet checked; or why it is passed over. */
export type Mapped =
  | {
      readonly user: object;
      /** What somebody is called where nobody says how; null where a name is asked for. */
      readonly fallbackName: string | null;
    }
  | { readonly fault: FieldFault };

/** How another system writes people down, and how we would. */
export interface Format {
  readonly name: FormatName;
  /** Whether the columns of a table are theirs. */
  readonly hasColumns: (columns: readonly string[]) => boolean;
  /** The columns of a table that does not name them, if this may be its first row. */
  readonly columnsOf?: (first: readonly string[]) => readonly string[] | null;
  /** Whether the first object of a file is one of theirs. */
  readonly hasObject: (first: Members) => boolean;
  readonly map: (row: Members, options: MappingOptions) => Mapped;
}

/** What was absent stays absent: it is not checked, and changes nothing. */
export function given(members: Members): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

export function textAt(row: Members, name: string): string | undefined {
  const value = row[name];
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

export function objectAt(row: Members, name: string): Members {
  const value = row[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
}

/** An object that stands in a cell, or in a text, as JSON; what is none stays as it is, for the check to name it. */
export function jsonAt(row: Members, name: string): unknown {
  const text = textAt(row, name);
  if (text === undefined) return row[name];
  try {
    return parseStrictText(text);
  } catch {
    return text; // no JSON that we would take: the check says so
  }
}

/** A cell, a flag, or what databases write for one. */
export function flagAt(row: Members, name: string): boolean | undefined {
  const value = row[name];
  if (typeof value === 'boolean') return value;
  if (value === undefined || value === null || value === '') return undefined;
  return ['true', 't', '1', 'yes'].includes(wordOf(value).toLowerCase());
}

/** A text, or a number as one; of anything else nothing: what an object says of itself may be anything. */
export function wordOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** What stands before the `@`. */
export function localPartOf(email: string | undefined): string | null {
  return email?.slice(0, email.lastIndexOf('@')) || null;
}

/** Whoever signs in by an address needs no user name that is the same. */
export function usernameUnless(email: string | undefined, username: string | undefined): string | undefined {
  return username?.toLowerCase() === email?.toLowerCase() ? undefined : username;
}

/** A telephone number as E.164 writes it: without the signs that people put between. */
export function phoneOf(text: string | undefined): string | undefined {
  const digits = text?.replace(/[\s().-]/g, '');
  return digits && /^\d/.test(digits) ? `+${digits}` : digits;
}
