import { Injectable } from '@nestjs/common';

import { Database, lookup, statement } from '../platform/database/database.js';
import { WebAuthnChallenge } from './webauthn-challenge.entity.js';
import type { ChallengePurpose } from './webauthn-challenge.entity.js';

/** A passkey, with what its signatures are proved by. */
export interface Credential {
  readonly factorId: string;
  readonly userId: string;
  readonly credentialId: Buffer;
  readonly publicKey: Buffer;
  readonly counter: number;
  readonly transports: readonly string[];
}

const CREDENTIAL = `SELECT id AS "factorId", user_id AS "userId", credential_id AS "credentialId", public_key AS "publicKey",
  counter::float8 AS counter, transports FROM roster.factors WHERE kind = 'passkey'`;
const OF_USER = lookup('passkeys_of_user', `${CREDENTIAL} AND user_id = $1 ORDER BY created_at, id`);
const BY_CREDENTIAL = lookup('passkeys_by_credential', `${CREDENTIAL} AND credential_id = $1`);
// Authenticators that do not count say 0 for ever (WebAuthn 6.1.1).
const USE = statement(
  'passkeys_use',
  `UPDATE roster.factors SET counter = $2, backed_up = $3, last_used_at = $4
   WHERE id = $1 AND (counter < $2 OR (counter = 0 AND $2 = 0)) RETURNING id`,
);
const USE_CHALLENGE = statement(
  'webauthn_challenges_use',
  `UPDATE roster.webauthn_challenges SET used_at = $4
   WHERE id = $1 AND purpose = $2 AND user_id IS NOT DISTINCT FROM $3 AND used_at IS NULL AND expires_at > $4
   RETURNING challenge`,
);

@Injectable()
export class PasskeysRepository {
  constructor(private readonly db: Database) {}

  ofUser(userId: string): Promise<Credential[]> {
    return this.db.rows(OF_USER, [userId]);
  }

  findByCredential(credentialId: Buffer): Promise<Credential | null> {
    return this.db.row(BY_CREDENTIAL, [credentialId]);
  }

  /** In one statement: of two answers that show one counter, as a copy of the key would, one succeeds. */
  async use(id: string, counter: number, backedUp: boolean, at: Date): Promise<boolean> {
    return (await this.db.row(USE, [id, counter, backedUp, at])) !== null;
  }

  async insertChallenge(challenge: WebAuthnChallenge): Promise<void> {
    await this.db.repository(WebAuthnChallenge).insert(challenge);
  }

  /** Uses it up, in one statement. @returns null when it was used, is too old, or is somebody's or something else's */
  async useChallenge(id: string, purpose: ChallengePurpose, userId: string | null, now: Date): Promise<Buffer | null> {
    const row = await this.db.row<{ challenge: Buffer }>(USE_CHALLENGE, [id, purpose, userId, now]);
    return row?.challenge ?? null;
  }

  deleteExpiredChallenges(before: Date): Promise<number> {
    return this.db.changeAll(
      `DELETE FROM roster.webauthn_challenges WHERE id IN
        (SELECT id FROM roster.webauthn_challenges WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
      [before],
    );
  }
}
