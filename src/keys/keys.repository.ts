import { Injectable } from '@nestjs/common';

import { Database } from '../platform/database/database.js';
import { SigningKey } from './signing-key.entity.js';
import type { KeyState } from './signing-key.entity.js';

const KEYS_LOCK = 0x4b455953;

@Injectable()
export class KeysRepository {
  constructor(private readonly db: Database) {}

  /** Keys that verify: next, active, and those retired after `since`. */
  verifying(since: Date): Promise<SigningKey[]> {
    return this.db.rows(
      `SELECT kid, state, public_key AS "publicKey", private_key AS "privateKey", created_at AS "createdAt",
         activated_at AS "activatedAt", retired_at AS "retiredAt"
       FROM roster.signing_keys WHERE retired_at IS NULL OR retired_at > $1 ORDER BY created_at`,
      [since],
    );
  }

  /** One maker and one rotation at a time, over all processes, until the transaction ends. */
  async lock(): Promise<void> {
    await this.db.row('SELECT pg_advisory_xact_lock($1)', [KEYS_LOCK]);
  }

  async deleteRetired(before: Date): Promise<void> {
    await this.db.change('DELETE FROM roster.signing_keys WHERE retired_at < $1', [before]);
  }

  async insert(key: SigningKey): Promise<void> {
    await this.db.repository(SigningKey).insert(key as never);
  }

  async reseal(kid: string, privateKey: Buffer): Promise<void> {
    await this.db.repository(SigningKey).update({ kid }, { privateKey });
  }

  async move(
    state: KeyState,
    change: { state: KeyState; activatedAt?: Date; retiredAt?: Date; privateKey?: null },
  ): Promise<void> {
    await this.db.repository(SigningKey).update({ state }, change);
  }
}
