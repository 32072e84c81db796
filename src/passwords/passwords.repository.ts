import { Injectable } from '@nestjs/common';

import { Database, lookup } from '../platform/database/database.js';
import type { PasswordHash } from './password-hash.entity.js';

const FIND = lookup(
  'password_hashes_find',
  `SELECT user_id AS "userId", hash, changed_at AS "changedAt", change_required_at AS "changeRequiredAt"
   FROM roster.password_hashes WHERE user_id = $1`,
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

  /** The same password under newer parameters. */
  async rehash(userId: string, known: string, hash: string): Promise<void> {
    await this.db.change('UPDATE roster.password_hashes SET hash = $3 WHERE user_id = $1 AND hash = $2', [
      userId,
      known,
      hash,
    ]);
  }
}
