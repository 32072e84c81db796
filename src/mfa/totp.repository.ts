import { Injectable } from '@nestjs/common';

import { Database, lookup, statement } from '../platform/database/database.js';
import type { FactorRow } from './factor.entity.js';
import { FACTOR_COLUMNS } from './factors.repository.js';
import type { TotpTries } from './totp-tries.entity.js';

/** An app, with what its codes are made of. */
export interface SealedApp {
  readonly id: string;
  readonly secret: Buffer;
  readonly confirmedAt: Date | null;
}

const APP = `SELECT id, secret, confirmed_at AS "confirmedAt" FROM roster.factors WHERE kind = 'totp'`;
const FIND = statement('totp_find', `${APP} AND id = $1 AND user_id = $2`);
const CONFIRMED = lookup('totp_confirmed', `${APP} AND user_id = $1 AND confirmed_at IS NOT NULL`);
const CONFIRM = statement(
  'totp_confirm',
  `UPDATE roster.factors SET confirmed_at = $3, last_used_at = $3, last_step = $2, version = version + 1
   WHERE id = $1 RETURNING ${FACTOR_COLUMNS}`,
);
const USE_STEP = statement(
  'totp_use_step',
  'UPDATE roster.factors SET last_step = $2, last_used_at = $3 WHERE id = $1 AND last_step < $2 RETURNING id',
);
// From the fifth on each try is the last for a while: 1 minute, 2, 4 … 64; after a hundred there is none.
const COUNT_TRY = statement(
  'totp_tries_count',
  `INSERT INTO roster.totp_tries AS t (user_id, tries) VALUES ($1, 1)
   ON CONFLICT (user_id) DO UPDATE SET tries = t.tries + 1, blocked_until =
     CASE WHEN t.tries >= 4 THEN $2::timestamptz + interval '1 minute' * 2 ^ least(t.tries - 4, 6) END
   WHERE (t.blocked_until IS NULL OR t.blocked_until <= $2) AND t.tries < 100
   RETURNING user_id AS "userId", tries, blocked_until AS "blockedUntil"`,
);

@Injectable()
export class TotpRepository {
  constructor(private readonly db: Database) {}

  find(id: string, userId: string): Promise<SealedApp | null> {
    return this.db.row(FIND, [id, userId]);
  }

  confirmedOf(userId: string): Promise<SealedApp[]> {
    return this.db.rows(CONFIRMED, [userId]);
  }

  async confirm(id: string, step: number, at: Date): Promise<FactorRow> {
    return (await this.db.row<FactorRow>(CONFIRM, [id, step, at]))!;
  }

  /** Uses a step and all before it up, in one statement: of many at once one succeeds. @returns false for the others */
  async useStep(id: string, step: number, at: Date): Promise<boolean> {
    return (await this.db.row(USE_STEP, [id, step, at])) !== null;
  }

  /** Counts a try before it is looked at, in one statement. @returns null when there is none left at the moment */
  countTry(userId: string, now: Date): Promise<TotpTries | null> {
    return this.db.row(COUNT_TRY, [userId, now]);
  }

  findTries(userId: string): Promise<TotpTries | null> {
    return this.db.row(
      'SELECT user_id AS "userId", tries, blocked_until AS "blockedUntil" FROM roster.totp_tries WHERE user_id = $1',
      [userId],
    );
  }

  async forgetTries(userId: string): Promise<void> {
    await this.db.change('DELETE FROM roster.totp_tries WHERE user_id = $1', [userId]);
  }

  /** So many apps with the least ids after this one, or from the beginning. */
  batchAfter(id: string | null, size: number): Promise<SealedApp[]> {
    return this.db.rows(`${APP} AND ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2`, [id, size]);
  }

  /** Unless somebody else has done so meanwhile. */
  async reseal(id: string, before: Buffer, after: Buffer): Promise<void> {
    await this.db.change('UPDATE roster.factors SET secret = $3 WHERE id = $1 AND secret = $2', [id, before, after]);
  }
}
