import { Problem } from '../platform/contract/problem.js';
import type { FieldFault } from '../platform/contract/problem.js';
import type { Users } from '../users/index.js';
import type { Chunk } from './imports.repository.js';
import type { StagedRow } from './reading/file-reader.js';

type UsersInBulk = Users['inBulk'];
type BulkUser = ReturnType<UsersInBulk['read']>;

/** A row that was checked: somebody to be taken over, or why they cannot be. */
export interface ReadyRow {
  readonly number: number;
  readonly line: number;
  readonly user: BulkUser | null;
  readonly fault: FieldFault | null;
}

/** Rows of one transaction: they follow each other, and no two of them name the same. */
export interface Batch {
  readonly rows: readonly ReadyRow[];
  /** How many rows of the file are before it. */
  readonly from: number;
  /** Nothing of its chunk is left after it. */
  readonly isLast: boolean;
}

/**
 * The rows of a chunk that come after a position, checked, and divided where one would meet another.
 * @param most rows of a batch
 */
export function batchesOf({ firstRow, rows }: Chunk, position: number, users: UsersInBulk, most: number): Batch[] {
  const due = rows.slice(position - firstRow + 1).map((row, at) => ready(row, position + 1 + at, users));
  const batches: { rows: ReadyRow[]; from: number; claimed: Set<string> }[] = [];
  for (const row of due) {
    const claims = row.user ? claimsOf(row.user) : [];
    const open = batches.at(-1);
    if (open && open.rows.length < most && !claims.some((claim) => open.claimed.has(claim))) {
      open.rows.push(row);
      for (const claim of claims) open.claimed.add(claim);
    } else batches.push({ rows: [row], from: row.number - 1, claimed: new Set(claims) });
  }
  return batches.map(({ rows: own, from }, at) => ({ rows: own, from, isLast: at === batches.length - 1 }));
}

function ready({ line, user, fallbackName, fault }: StagedRow, number: number, users: UsersInBulk): ReadyRow {
  if (!user) return { number, line, user: null, fault };
  try {
    return { number, line, user: users.read(user, fallbackName), fault: null };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { number, line, user: null, fault: faultIn(error) };
  }
}

/** The first thing that is wrong with a row. */
export function faultIn({ definition, detail, faults }: Problem): FieldFault {
  return faults?.[0] ?? { pointer: '', code: definition.code, detail: detail ?? definition.title };
}

/** What nobody else may have beside this user. */
export function claimsOf({ keys: { emailKey, usernameKey, externalId } }: BulkUser): string[] {
  return [
    `email ${emailKey}`,
    ...(usernameKey === null ? [] : [`username ${usernameKey}`]),
    ...(externalId === null ? [] : [`externalId ${externalId}`]),
  ];
}
