import { Injectable } from '@nestjs/common';

import { Database, lookup, statement } from '../platform/database/database.js';
import type { PasswordHash } from './password-hash.entity.js';

const FIND = lookup(
  'password_hashes_find',
  `SELECT user_id AS "userId", hash, changed_at AS "changedAt", change_required_at AS "changeRequiredAt"
   FROM roster.password_hashes WHERE user_id = $1`,
);

const INSERT_ALL = statement(
  'password_hashes_insert_all',
  `INSERT INTO roster.password_hashes (user_id, hash, changed_at)
   SELECT user_id, hash, $3 FROM unnest($1::uuid[], $2::text[]) AS given (user_id, hash)`,
);

@Injectable()
export class PasswordsRepository {
  constructor(private readonly db: Database) {}

  find(userId: string): Promise<PasswordHash | null> {
    return this.db.row(FIND, [userId]);
  }

  async put({ userId, hash, changedAt, changeRequiredAt }: PasswordHash): Promise<void> {
    await this.db.change(
      `INSERT INTO roster.password_hashes (user_id, hash, changed_at, change_required_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at, change_required_at = excluded.change_required_at`,
      [userId, hash, changedAt, changeRequiredAt],
    );
  }

  /** @returns false when there was none */
  async delete(userId: string): Promise<boolean> {
    return (await this.db.change('DELETE FROM roster.password_hashes WHERE user_id = $1', [userId])) === 1;
  }

  /** For users who have none. */
  async insertAll(userIds: readonly string[], hashes: readonly string[], changedAt: Date): Promise<void> {
    await this.db.change(INSERT_ALL, [userIds, hashes, changedAt]);
  }

  /** Those of these users who have a hash. */
  async holders(userIds: readonly string[]): Promise<string[]> {
    const rows = await this.db.rows<{ userId: string }>(
      'SELECT user_id AS "userId" FROM roster.password_hashes WHERE user_id = ANY($1)',
      [userIds],
    );
    return rows.map(({ userId }) => userId);
  }

  /** Hashes that hold a sealed key, in the order of their users, beyond the last that was looked at. */
  keyedAfter(userId: string | null, limit: number): Promise<{ userId: string; hash: string }[]> {
    return this.db.rows(
      `SELECT user_id AS "userId", hash FROM roster.password_hashes
       WHERE hash LIKE '$firebase-scrypt$%' AND ($1::uuid IS NULL OR user_id > $1) ORDER BY user_id LIMIT $2`,
      [userId, limit],
    );
  }

  /** The same password under newer parameters. */
  async rehash(userId: string, known: string, hash: string): Promise<void> {
    await this.db.change('UPDATE roster.password_hashes SET hash = $3 WHERE user_id = $1 AND hash = $2', [
      userId,
      known,
      hash,
    ]);
  }
}
