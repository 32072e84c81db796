import { Injectable } from '@nestjs/common';

import { Database, lookup, statement } from '../platform/database/database.js';
import { violatedUnique } from '../platform/database/database-errors.js';
import { Factor } from './factor.entity.js';
import type { FactorKind, FactorRow } from './factor.entity.js';
import { PasskeyTaken } from './mfa.contract.js';

export const FACTOR_COLUMNS = `id, user_id AS "userId", kind, name, transports, backed_up AS "backedUp", aaguid,
  created_at AS "createdAt", confirmed_at AS "confirmedAt", last_used_at AS "lastUsedAt", version`;

const OF_USER = lookup(
  'factors_of_user',
  `SELECT ${FACTOR_COLUMNS} FROM roster.factors WHERE user_id = $1 ORDER BY created_at, id`,
);
const FIND = lookup('factors_find', `SELECT ${FACTOR_COLUMNS} FROM roster.factors WHERE id = $1 AND user_id = $2`);
const CONFIRMED_KINDS = lookup(
  'factors_confirmed_kinds',
  'SELECT DISTINCT kind FROM roster.factors WHERE user_id = $1 AND confirmed_at IS NOT NULL',
);
const OLDER = lookup('factors_older', 'SELECT 1 FROM roster.factors WHERE user_id = $1 AND confirmed_at < $2 LIMIT 1');
const RENAME = statement(
  'factors_rename',
  `UPDATE roster.factors SET name = $2, version = version + 1 WHERE id = $1 RETURNING ${FACTOR_COLUMNS}`,
);

@Injectable()
export class FactorsRepository {
  constructor(private readonly db: Database) {}

  ofUser(userId: string): Promise<FactorRow[]> {
    return this.db.rows(OF_USER, [userId]);
  }

  find(id: string, userId: string): Promise<FactorRow | null> {
    return this.db.row(FIND, [id, userId]);
  }

  async confirmedKindsOf(userId: string): Promise<FactorKind[]> {
    return (await this.db.rows<{ kind: FactorKind }>(CONFIRMED_KINDS, [userId])).map(({ kind }) => kind);
  }

  /** Confirmed before that moment. */
  async isAnyOlderThan(userId: string, moment: Date): Promise<boolean> {
    return (await this.db.row(OLDER, [userId, moment])) !== null;
  }

  async countOf(userId: string): Promise<number> {
    const row = await this.db.row<{ count: number }>(
      'SELECT count(*)::int AS count FROM roster.factors WHERE user_id = $1',
      [userId],
    );
    return row!.count;
  }

  async countConfirmedOf(userId: string): Promise<number> {
    const row = await this.db.row<{ count: number }>(
      'SELECT count(*)::int AS count FROM roster.factors WHERE user_id = $1 AND confirmed_at IS NOT NULL',
      [userId],
    );
    return row!.count;
  }

  /** @throws PasskeyTaken */
  async insert(factor: Factor): Promise<void> {
    try {
      await this.db.repository(Factor).insert(factor);
    } catch (error) {
      throw violatedUnique(error) === 'factors_credential_id_idx' ? new PasskeyTaken() : error;
    }
  }

  async rename(id: string, name: string): Promise<FactorRow> {
    return (await this.db.row<FactorRow>(RENAME, [id, name]))!;
  }

  async delete(id: string): Promise<void> {
    await this.db.change('DELETE FROM roster.factors WHERE id = $1', [id]);
  }

  deleteSince(userId: string, since: Date): Promise<FactorRow[]> {
    return this.db.rows(
      `DELETE FROM roster.factors WHERE user_id = $1 AND created_at >= $2 RETURNING ${FACTOR_COLUMNS}`,
      [userId, since],
    );
  }

  deleteAllOf(userId: string): Promise<number> {
    return this.db.change('DELETE FROM roster.factors WHERE user_id = $1', [userId]);
  }
}
