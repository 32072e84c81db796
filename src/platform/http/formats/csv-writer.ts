import { stringify } from 'csv-stringify/sync';

import { nameOf, resolve } from './schema.js';
import type { Schema, Schemas } from './schema.js';

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
 * @param nested the JSON writer of a component that stands in a cell
 */
export function csvWriter(
  component: string,
  schemas: Schemas,
  fields: ReadonlySet<string> | null = null,
  nested: (component: string) => (value: unknown) => string = () => JSON.stringify,
): CsvWriter {
  const { properties = {} } = resolve({ $ref: component }, schemas);
  const columns = Object.keys(properties).filter((name) => !fields || fields.has(name));
  const cells = columns.map((name) => [name, cellWriter(properties[name]!, nested)] as const);
  const write = (rows: readonly unknown[][]): string =>
    stringify(rows as unknown[][], {
      record_delimiter: 'windows',
      escape_formulas: true,
      // Else a lone line feed would begin a row, and its first cell would be a formula.
      quoted_match: /[\r\n]/,
      cast: { boolean: String, date: (date) => date.toISOString() },
    });
  return {
    header: write([columns]),
    rows: (values) =>
      write(values.map((value) => cells.map(([name, cell]) => cell((value as Record<string, unknown>)[name])))),
  };
}

/** What a component writes of itself is all that leaves of it, here as elsewhere. */
function cellWriter(schema: Schema, nested: (component: string) => (value: unknown) => string) {
  const reference = [schema, ...(schema.allOf ?? schema.anyOf ?? [])].find(({ $ref }) => $ref)?.$ref;
  const write = reference === undefined ? JSON.stringify : nested(nameOf(reference));
  return (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !(value instanceof Date) ? write(value) : value;
}
