import { Injectable } from '@nestjs/common';

import { Database } from '../platform/database/database.js';

/** What is looked after: which table has its pieces, and by what they are told apart. */
const PIECES = [
  { table: 'import_rows', owner: 'import_id', key: 'number', of: 'imports' },
  { table: 'export_chunks', owner: 'export_id', key: 'number', of: 'exports' },
] as const;
const STAGED = [
  { table: 'import_chunks', key: 'first_row' },
  { table: 'import_claims', key: 'claim' },
] as const;

@Injectable()
export class HousekeepingRepository {
  constructor(private readonly db: Database) {}

  /** Those that wait or run, and that nobody has touched since: some of them, after the one of this id. */
  async unfinished(table: 'imports' | 'exports', before: Date, after: string): Promise<string[]> {
    const rows = await this.db.rows<{ id: string }>(
      `SELECT id FROM roster.${table}
       WHERE state IN ('queued', 'running') AND finished_at IS NULL AND updated_at < $1 AND id > $2 ORDER BY id LIMIT 100`,
      [before, after],
    );
    return rows.map(({ id }) => id);
  }

  /** Uploads that nobody has gone on with since. */
  async abandon(before: Date, at: Date): Promise<void> {
    await this.db.change(
      `UPDATE roster.imports SET state = 'incomplete', finished_at = $2, updated_at = $2, version = version + 1
       WHERE state = 'uploading' AND finished_at IS NULL AND updated_at < $1`,
      [before, at],
    );
  }

  /** What was staged of imports that are over. */
  async dropStaged(): Promise<void> {
    for (const { table, key } of STAGED)
      await this.db.changeAll(
        `DELETE FROM roster.${table} WHERE (import_id, ${key}) IN
           (SELECT s.import_id, s.${key} FROM roster.${table} s JOIN roster.imports i ON i.id = s.import_id
            WHERE i.finished_at IS NOT NULL LIMIT $1)`,
        [],
      );
  }

  /** Reports, files, and what they belong to, that were over before. */
  async prune(before: Date): Promise<void> {
    for (const { table, owner, key, of } of PIECES) {
      await this.db.changeAll(
        `DELETE FROM roster.${table} WHERE (${owner}, ${key}) IN
           (SELECT p.${owner}, p.${key} FROM roster.${table} p JOIN roster.${of} o ON o.id = p.${owner}
            WHERE o.finished_at < $1 LIMIT $2)`,
        [before],
      );
      await this.db.changeAll(
        `DELETE FROM roster.${of} WHERE id IN (SELECT id FROM roster.${of} WHERE finished_at < $1 LIMIT $2)`,
        [before],
      );
    }
  }
}
