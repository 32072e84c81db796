import { Injectable } from '@nestjs/common';

import { Database, statement } from '../../platform/database/database.js';
import { Flow } from './flow.entity.js';
import type { FlowPurpose } from './flow.entity.js';

const COLUMNS = `id, purpose, user_id AS "userId", email_key AS "emailKey", token_hash AS "tokenHash", code_hash AS "codeHash",
  tries_left AS "triesLeft", payload, created_at AS "createdAt", code_expires_at AS "codeExpiresAt",
  expires_at AS "expiresAt", used_at AS "usedAt", superseded_at AS "supersededAt"`;
const LIVE = 'used_at IS NULL AND superseded_at IS NULL';

const BY_TOKEN = statement(
  'flows_by_token',
  `SELECT ${COLUMNS} FROM roster.flows WHERE token_hash = $1 AND purpose = ANY($2) AND ${LIVE} AND expires_at > $3`,
);
const BY_ID = statement('flows_by_id', `SELECT ${COLUMNS} FROM roster.flows WHERE id = $1 AND purpose = ANY($2)`);
// A try that is right does not count: what comes after it may want another. In one statement, for a second update of the
// row would ask for the user (a foreign key is looked at again), whom somebody may hold who waits for this very row.
const TRY = statement(
  'flows_try',
  `UPDATE roster.flows SET tries_left = tries_left - (code_hash IS DISTINCT FROM $4)::int
   WHERE id = $1 AND purpose = ANY($2) AND ${LIVE} AND code_expires_at > $3 AND tries_left > 0 RETURNING ${COLUMNS}`,
);
const USE = statement(
  'flows_use',
  `UPDATE roster.flows SET used_at = $2 WHERE id = $1 AND ${LIVE} AND expires_at > $2`,
);
const SUPERSEDE = statement(
  'flows_supersede',
  `UPDATE roster.flows SET superseded_at = $3 WHERE purpose = $1 AND email_key = $2 AND user_id IS NOT DISTINCT FROM $4 AND ${LIVE}`,
);

@Injectable()
export class FlowsRepository {
  constructor(private readonly db: Database) {}

  async insert(flow: Flow): Promise<void> {
    await this.db.repository(Flow).insert(flow as never);
  }

  findByToken(tokenHash: Buffer, purposes: readonly FlowPurpose[], now: Date): Promise<Flow | null> {
    return this.db.row(BY_TOKEN, [tokenHash, purposes, now]);
  }

  /** Whatever has become of it. */
  find(id: string, purposes: readonly FlowPurpose[]): Promise<Flow | null> {
    return this.db.row(BY_ID, [id, purposes]);
  }

  /** Counts a try with a code that is wrong; null when there is none left. */
  try(id: string, purposes: readonly FlowPurpose[], codeHash: Buffer, now: Date): Promise<Flow | null> {
    return this.db.row(TRY, [id, purposes, now, codeHash]);
  }

  /** @returns false when it was used already, or is no longer good */
  async use(id: string, now: Date): Promise<boolean> {
    return (await this.db.change(USE, [id, now])) === 1;
  }

  /** Nobody ends what another has begun. */
  async supersede(purpose: FlowPurpose, emailKey: string, userId: string | null, now: Date): Promise<void> {
    await this.db.change(SUPERSEDE, [purpose, emailKey, now, userId]);
  }

  supersedeOf(userId: string, purpose: FlowPurpose, now: Date): Promise<number> {
    return this.db.change(
      `UPDATE roster.flows SET superseded_at = $3 WHERE user_id = $1 AND purpose = $2 AND ${LIVE}`,
      [userId, purpose, now],
    );
  }

  /** But for an invitation, which rests on nothing but the account, and the way back to an address. */
  async supersedeAllOf(userId: string, now: Date): Promise<void> {
    await this.db.change(
      `UPDATE roster.flows SET superseded_at = $2 WHERE user_id = $1 AND purpose NOT IN ('invitation', 'email_revert') AND ${LIVE}`,
      [userId, now],
    );
  }

  async supersedeSince({ userId, purpose, createdAt }: Flow, now: Date): Promise<void> {
    await this.db.change(
      `UPDATE roster.flows SET superseded_at = $4
       WHERE user_id = $1 AND purpose = $2 AND created_at >= $3 AND ${LIVE}`,
      [userId, purpose, createdAt, now],
    );
  }

  /** The newest of a purpose that is still to be proved. */
  findLive(purpose: FlowPurpose, emailKey: string, now: Date): Promise<Flow | null> {
    return this.db.row(
      `SELECT ${COLUMNS} FROM roster.flows WHERE purpose = $1 AND email_key = $2 AND ${LIVE} AND expires_at > $3
       ORDER BY created_at DESC LIMIT 1`,
      [purpose, emailKey, now],
    );
  }

  deleteExpired(before: Date): Promise<number> {
    return this.db.changeAll(
      `DELETE FROM roster.flows WHERE id IN
        (SELECT id FROM roster.flows WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
      [before],
    );
  }
}
