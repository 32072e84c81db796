import { Injectable } from '@nestjs/common';

import { Database, statement } from '../../database/database.js';
import type { Deed } from '../../database/transaction.js';

/** What is known of a key, and whether its transaction is ours now. */
export interface Seen {
  /** False while another transaction works under the same key. */
  readonly locked: boolean;
  readonly fingerprint: Buffer | null;
  readonly answer: Buffer | null;
  readonly expired: boolean | null;
}

// In one round trip. What is committed between the snapshot and the lock is not seen: then the work is
// refused, or KEEP finds the row, and FIND tells its answer.
const TAKE = statement(
  'idempotency_keys_take',
  `SELECT pg_try_advisory_xact_lock($1::bigint) AS locked, k.fingerprint, k.answer, k.expires_at <= $3 AS expired
   FROM (SELECT 1) AS one LEFT JOIN roster.idempotency_keys k ON k.id = $2`,
);
const FIND = statement(
  'idempotency_keys_find',
  `SELECT fingerprint, answer FROM roster.idempotency_keys WHERE id = $1 AND expires_at > $2`,
);
// A row that is there makes this statement, and with it the transaction, fail: its key was taken meanwhile.
const KEEP = statement(
  'idempotency_keys_keep',
  `INSERT INTO roster.idempotency_keys AS k (id, fingerprint, answer, expires_at) VALUES ($1, $2, $3, $4)`,
);

@Injectable()
export class IdempotencyKeysRepository {
  constructor(private readonly db: Database) {}

  /** Takes the lock of a key until the caller's transaction ends, and looks the key up. @param id 32 bytes */
  async take(id: Buffer, now: Date): Promise<Seen> {
    return (await this.db.row<Seen>(TAKE, [String(id.readBigInt64BE()), id, now]))!;
  }

  /** What was answered under a key that has not expired. @param id 32 bytes */
  find(id: Buffer, now: Date): Promise<{ fingerprint: Buffer; answer: Buffer } | null> {
    return this.db.row(FIND, [id, now]);
  }

  /** To be run last in the transaction; violates the primary key if the key was taken meanwhile. */
  keeping(id: Buffer, fingerprint: Buffer, answer: Buffer, expiresAt: Date): Deed {
    return { deed: KEEP, values: [id, fingerprint, answer, expiresAt] };
  }

  /** Makes room for a key that has expired; part of the caller's transaction. */
  async forget(id: Buffer): Promise<void> {
    await this.db.change('DELETE FROM roster.idempotency_keys WHERE id = $1', [id]);
  }

  /** @returns how many had expired */
  prune(now: Date): Promise<number> {
    return this.db.changeAll(
      `DELETE FROM roster.idempotency_keys WHERE id IN
         (SELECT id FROM roster.idempotency_keys WHERE expires_at <= $1 LIMIT $2)`,
      [now],
    );
  }
}
