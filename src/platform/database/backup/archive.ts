import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';

import { OperatorFault } from '../../config/operator-fault.js';

/** Rows that are in memory at a time. */
export const ROWS_OF_PART = 500;
/** Characters of rows that are: a row may be a megabyte. */
export const CHARACTERS_OF_PART = 4_000_000;

/** The values of a row as PostgreSQL writes them, in the order of the columns. */
export type Row = readonly (string | null)[];

/** What the copy was made from; the first line. */
export interface Head {
  readonly kind: 'roster-backup';
  readonly format: 1;
  /** Of Roster, and of PostgreSQL. */
  readonly version: string;
  readonly postgres: string;
  readonly madeAt: string;
  /** The migrations that had run, oldest first. */
  readonly migrations: readonly string[];
  /** The months that had partitions of their own: `2026_11`. */
  readonly months: readonly string[];
  readonly rows: number;
}

export interface Table {
  readonly kind: 'table';
  /** With its schema, quoted where SQL wants it. */
  readonly name: string;
  /** Without those that PostgreSQL computes. */
  readonly columns: readonly Column[];
  /** The columns that order the rows. */
  readonly key: readonly string[];
}

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly collatable: boolean;
}

export interface Rows {
  readonly kind: 'rows';
  readonly rows: readonly Row[];
  /** As they stand in the file: an array of JSON in each line. */
  readonly text: string;
}

export interface TableEnd {
  readonly kind: 'table-end';
  readonly name: string;
  readonly rows: number;
  /** Of the lines of its rows. */
  readonly sha256: string;
}

export interface Sequence {
  readonly kind: 'sequence';
  readonly name: string;
  readonly value: string;
  readonly called: boolean;
}

/** The last line: without it the copy was cut. */
export interface End {
  readonly kind: 'end';
  readonly tables: number;
  readonly rows: number;
  /** Of all lines before. */
  readonly sha256: string;
}

/**
 * A copy of the database, in a file or on its way to another server: the head, each table with its rows in the order of
 * its key, the sequences, the end. docs/operations.md describes the file.
 */
export type Part = Head | Table | Rows | TableEnd | Sequence | End;

/** The file is not what it was when it was written, or never was a backup. */
export class ArchiveDamaged extends OperatorFault {
  constructor(why: string) {
    super(`The backup cannot be used: ${why}. Nothing was changed.`);
  }
}

export function rowsPart(rows: readonly Row[]): Rows {
  return { kind: 'rows', rows, text: rows.map((row) => `${JSON.stringify(row)}\n`).join('') };
}

export function textOf(part: Part): string {
  return part.kind === 'rows' ? part.text : `${JSON.stringify(part)}\n`;
}

/** Counts and digests what passes, on both ends of the way. */
export class Tally {
  private readonly whole = createHash('sha256');
  private table: { name: string; rows: number; hash: Hash } | null = null;
  readonly tables: TableEnd[] = [];
  rows = 0;

  see(part: Part): void {
    this.whole.update(textOf(part));
    if (part.kind === 'table') this.table = { name: part.name, rows: 0, hash: createHash('sha256') };
    if (part.kind !== 'rows') return;
    if (!this.table) throw new ArchiveDamaged('it has rows that belong to no table');
    this.table.hash.update(part.text);
    this.table.rows += part.rows.length;
    this.rows += part.rows.length;
  }

  /** The line that ends the table which passed. */
  tableEnd(): TableEnd {
    if (!this.table) throw new ArchiveDamaged('a table ends that never began');
    const { name, rows, hash } = this.table;
    this.table = null;
    const end: TableEnd = { kind: 'table-end', name, rows, sha256: hash.digest('hex') };
    this.tables.push(end);
    return end;
  }

  end(): End {
    return { kind: 'end', tables: this.tables.length, rows: this.rows, sha256: this.whole.copy().digest('hex') };
  }
}

/** What was found in a copy that is whole. */
export interface Contents {
  readonly head: Head;
  readonly tables: readonly TableEnd[];
}

/** Reads a copy to its end, and compares all that it says of itself. @throws ArchiveDamaged */
export async function verify(
  parts: AsyncIterable<Part>,
  reached: (rows: number, of: number) => void,
): Promise<Contents> {
  const tally = new Tally();
  let head: Head | null = null;
  let ended = false;
  for await (const part of parts) {
    if (ended) throw new ArchiveDamaged('something follows its end');
    head ??= headOf(part);
    if (part.kind === 'table-end' && !isSame(part, tally.tableEnd()))
      throw new ArchiveDamaged(`the rows of ${part.name} are not those that were written`);
    if (part.kind === 'end') ended = isSame(part, tally.end()) || refuse();
    tally.see(part);
    reached(tally.rows, head.rows);
  }
  if (!head || !ended) throw new ArchiveDamaged('it is cut: its end is missing');
  return { head, tables: tally.tables };
}

function refuse(): never {
  throw new ArchiveDamaged('its lines are not those that were written');
}

/** @throws ArchiveDamaged unless it is the head of a format that this version reads */
export function headOf(part: Part | undefined): Head {
  if (part?.kind !== 'roster-backup') throw new ArchiveDamaged('it is no backup of Roster');
  if (part.format !== 1) throw new ArchiveDamaged(`its format is ${String(part.format)}, and this version reads 1`);
  return part;
}

function isSame(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
