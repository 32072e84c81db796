import { Injectable } from '@nestjs/common';

import { Database, lookup, statement } from '../platform/database/database.js';

/** How many are left, and when they were made; null when there are none. */
export interface RecoveryStatus {
  readonly remaining: number;
  readonly createdAt: Date | null;
}

const STATUS = lookup(
  'recovery_codes_status',
  `SELECT count(*) FILTER (WHERE used_at IS NULL)::int AS remaining, min(created_at) AS "createdAt"
   FROM roster.recovery_codes WHERE user_id = $1`,
);
const IS_UNUSED = lookup(
  'recovery_codes_is_unused',
  'SELECT 1 FROM roster.recovery_codes WHERE user_id = $1 AND hash = $2 AND used_at IS NULL',
);
const USE = statement(
  'recovery_codes_use',
  'UPDATE roster.recovery_codes SET used_at = $3 WHERE user_id = $1 AND hash = $2 AND used_at IS NULL RETURNING hash',
);

@Injectable()
export class RecoveryCodesRepository {
  constructor(private readonly db: Database) {}

  async statusOf(userId: string): Promise<RecoveryStatus> {
    return (await this.db.row<RecoveryStatus>(STATUS, [userId]))!;
  }

  async isUnused(userId: string, hash: Buffer): Promise<boolean> {
    return (await this.db.row(IS_UNUSED, [userId, hash])) !== null;
  }

  /** Uses it up, in one statement: of many at once one succeeds. @returns false for the others */
  async use(userId: string, hash: Buffer, at: Date): Promise<boolean> {
    return (await this.db.row(USE, [userId, hash, at])) !== null;
  }

  async replaceAllOf(userId: string, hashes: readonly Buffer[], at: Date): Promise<void> {
    await this.deleteAllOf(userId);
    await this.db.change(
      'INSERT INTO roster.recovery_codes (user_id, hash, created_at) SELECT $1, unnest($2::bytea[]), $3',
      [userId, hashes, at],
    );
  }

  deleteAllOf(userId: string): Promise<number> {
    return this.db.change('DELETE FROM roster.recovery_codes WHERE user_id = $1', [userId]);
  }
}
