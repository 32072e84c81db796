import { Injectable } from '@nestjs/common';

import { csvWriter } from '../platform/http/formats/csv-writer.js';
import { Users } from '../users/index.js';
import type { ExportFormat } from './export.entity.js';

type Page = Awaited<ReturnType<Users['inBulk']['page']>>;

/** So many users in one piece of a file. */
const ROWS_OF_PIECE = 500;

export interface Piece {
  readonly text: string;
  readonly rows: number;
  /** Where the next begins; null after the last. */
  readonly next: string | null;
  /** About how many rows there are in all; known with the first. */
  readonly total: number | null;
}

/** Users as a file shows them, piece by piece: what `GET /users` answers as CSV and NDJSON, by the same writers. */
@Injectable()
export class UsersAsText {
  private readonly csv;

  constructor(private readonly users: Users) {
    const properties = Object.fromEntries(users.inBulk.members.map((name) => [name, {}]));
    this.csv = csvWriter('User', { User: { properties } });
  }

  /** @throws ListQueryInvalid, FilterTooCostly */
  async piece(format: ExportFormat, filter: string | null, cursor: string | null): Promise<Piece> {
    const page = await this.users.inBulk.page(filter ?? undefined, cursor, ROWS_OF_PIECE);
    const header = cursor === null && format === 'csv' ? this.csv.header : '';
    return { text: header + this.written(format, page), rows: page.users.length, next: page.next, total: page.total };
  }

  private written(format: ExportFormat, { users }: Page): string {
    if (format === 'csv') return this.csv.rows(users);
    return users.map((user) => `${JSON.stringify(user)}\n`).join('');
  }
}
