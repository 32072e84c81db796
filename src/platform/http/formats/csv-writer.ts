import { stringify } from 'csv-stringify/sync';

import { resolve } from './schema.js';
import type { Schemas } from './schema.js';

export interface CsvWriter {
  readonly header: string;
  /** Some rows, each with its line end. */
  readonly rows: (values: readonly object[]) => string;
}

/**
 * Rows of a component as CSV (RFC 4180): UTF-8, CRLF, a column for each member that the schema names and for no other;
 * lists and objects are JSON in their cell, null and absent are empty. A cell that begins with `=`, `+`, `-`, `@`, a
 * tab or a carriage return is given an apostrophe before it, or a spreadsheet would run it (OWASP, CSV injection).
 * @param fields only these columns
 */
export function csvWriter(component: string, schemas: Schemas, fields: ReadonlySet<string> | null = null): CsvWriter {
  const { properties = {} } = resolve({ $ref: component }, schemas);
  const columns = Object.keys(properties).filter((name) => !fields || fields.has(name));
  const write = (rows: readonly unknown[][]): string =>
    stringify(rows as unknown[][], {
      record_delimiter: 'windows',
      escape_formulas: true,
      cast: { boolean: String, date: (date) => date.toISOString() },
    });
  return {
    header: write([columns]),
    rows: (values) =>
      write(values.map((value) => columns.map((name) => cellOf((value as Record<string, unknown>)[name])))),
  };
}

function cellOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !(value instanceof Date) ? JSON.stringify(value) : value;
}
