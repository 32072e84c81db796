import { setTimeout as pause } from 'node:timers/promises';

import type { Answer } from '../harness/household.js';
import type { Person } from '../harness/people.js';

export interface ImportBody {
  readonly id: string;
  readonly state: string;
  readonly format: string | null;
  readonly rows: number;
  readonly position: number;
  readonly created: number;
  readonly updated: number;
  readonly skipped: number;
  readonly failed: number;
  readonly problem: string | null;
  readonly jobId: string | null;
  readonly version: number;
  readonly dryRun: boolean;
}

export interface UserBody {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly username: string | null;
  readonly phone: string | null;
  readonly locale: string;
  readonly externalId: string | null;
  readonly emailVerified: boolean;
  readonly status: string;
  readonly roles: string[];
  readonly metadata: object;
  readonly appMetadata: object;
  readonly version: number;
}

export interface RowBody {
  readonly number: number;
  readonly line: number;
  readonly status: string;
  readonly userId: string | null;
  readonly code: string | null;
  readonly pointer: string | null;
}

const OVER = ['completed', 'cancelled', 'failed', 'incomplete'];
const PATIENCE = 240_000;

export const CSV = { 'content-type': 'text/csv' };
export const NDJSON = { 'content-type': 'application/x-ndjson' };
export const JSON_DOCUMENT = { 'content-type': 'application/json' };

/** Hands a file in. */
export function handIn<T = ImportBody>(
  person: Person,
  file: string | Buffer,
  headers: Record<string, string> = CSV,
  query = '',
): Promise<Answer<T>> {
  return person.send<T>('POST', `/api/v1/imports${query}`, { body: file, headers });
}

/** Waits until an import is over. */
export async function over(person: Person, id: string): Promise<ImportBody> {
  const until = Date.now() + PATIENCE;
  for (;;) {
    const { body } = await person.get<ImportBody>(`/api/v1/imports/${id}`);
    if (OVER.includes(body.state)) return body;
    if (Date.now() > until) throw new Error(`The import is not over: ${JSON.stringify(body)}`);
    await pause(50);
  }
}

/** Hands a file in, and waits until it is taken over. */
export async function taken(
  person: Person,
  file: string | Buffer,
  headers: Record<string, string> = CSV,
  query = '',
): Promise<ImportBody> {
  const { status, body, text } = await handIn(person, file, headers, query);
  if (status !== 202) throw new Error(`${status}: ${text}`);
  return over(person, body.id);
}

/** What became of each row. */
export async function reportOf(person: Person, id: string, query = 'limit=200'): Promise<RowBody[]> {
  const { body } = await person.get<{ data: RowBody[] }>(`/api/v1/imports/${id}/rows?${query}`);
  return body.data;
}

/** The same in few words. */
export async function summaryOf(person: Person, id: string): Promise<string[]> {
  const rows = await reportOf(person, id);
  return rows.map(({ line, status, code, pointer }) =>
    [line, status, code, pointer].filter((word) => word !== null && word !== '').join(' '),
  );
}

/** Lines of CSV. */
export function csv(...lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

/** Lines of NDJSON. */
export function ndjson(...rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

/** Whoever has this address. */
export async function userAt(person: Person, email: string): Promise<UserBody | undefined> {
  const filter = encodeURIComponent(`email eq "${email}"`);
  return (await person.get<{ data: UserBody[] }>(`/api/v1/users?filter=${filter}`)).body.data[0];
}
