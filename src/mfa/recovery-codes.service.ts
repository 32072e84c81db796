import { randomBytes } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Clock } from '../platform/clock/clock.js';
import { hashToken } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { Users } from '../users/index.js';
import { CredentialLetters } from './credential-letters.service.js';
import { FactorsRepository } from './factors.repository.js';
import { RecoveryCodeUsed, RecoveryCodesMade, SecondFactorMissing } from './mfa.contract.js';
import { RecoveryCodesRepository } from './recovery-codes.repository.js';
import type { RecoveryStatus } from './recovery-codes.repository.js';

export const RECOVERY_CODES = 10;
const BYTES = 10;
/** Crockford's: none that is read as another, and none that makes a word. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const NORMAL = /^[0-9a-hjkmnp-tv-z]{16}$/;

/** Ten ways in for whoever lost their factors, each good once. */
@Injectable()
export class RecoveryCodes {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly users: Users,
    private readonly codes: RecoveryCodesRepository,
    private readonly factors: FactorsRepository,
    private readonly letters: CredentialLetters,
  ) {}

  statusOf(userId: string): Promise<RecoveryStatus> {
    return this.codes.statusOf(userId);
  }

  /** New ones in the place of all that there were. @throws SecondFactorMissing */
  makeAgain(userId: string): Promise<string[]> {
    return this.db.transaction(async () => {
      const owner = await this.users.lock(userId);
      if ((await this.factors.countConfirmedOf(userId)) === 0) throw new SecondFactorMissing();
      const made = await this.make(userId);
      await this.letters.tell(owner, 'codes_made');
      return made;
    });
  }

  /** Part of the transaction of a caller who has locked the user. Shown now or never: only their hashes are kept. */
  async make(userId: string): Promise<string[]> {
    const made = Array.from({ length: RECOVERY_CODES }, randomRecoveryCode);
    const hashes = made.map((code) => digestOf(userId, normalCode(code)));
    await this.codes.replaceAllOf(userId, hashes, this.clock.now());
    this.events.record(RecoveryCodesMade, { userId, count: made.length }, { subject: `users/${userId}` });
    return made;
  }

  /** Uses the code up. @returns false when it is not right, or no longer */
  use(userId: string, code: string): Promise<boolean> {
    const hash = digestOf(userId, normalCode(code));
    return this.db.transaction(async () => {
      // Whoever guesses locks nobody and writes nothing.
      if (!(await this.codes.isUnused(userId, hash))) return false;
      const owner = await this.users.lock(userId);
      if (!(await this.codes.use(userId, hash, this.clock.now()))) return false;
      const { remaining } = await this.codes.statusOf(userId);
      const circumstances = { subject: `users/${userId}`, actorId: userId };
      this.events.record(RecoveryCodeUsed, { userId, remaining }, circumstances);
      await this.letters.tell(owner, 'code_used');
      return true;
    });
  }

  /** Part of the caller's transaction. @returns how many there were */
  removeAllOf(userId: string): Promise<number> {
    return this.codes.deleteAllOf(userId);
  }
}

/** 80 random bits, so that a plain hash of them is enough: `8xw2-90ab-cdef-ghjk`. */
function randomRecoveryCode(): string {
  const bits = BigInt(`0x${randomBytes(BYTES).toString('hex')}`);
  const letters = Array.from({ length: 16 }, (_, at) => ALPHABET[Number((bits >> BigInt(5 * at)) & 31n)]);
  return letters.join('').replace(/(.{4})(?=.)/g, '$1-');
}

/** As it is hashed: typed in any case, with any spaces, and o for 0. */
function normalCode(typed: string): string {
  const code = typed.toLowerCase().replace(/[\s-]/g, '').replaceAll('o', '0').replace(/[il]/g, '1');
  return NORMAL.test(code) ? code : '';
}

function digestOf(userId: string, code: string): Buffer {
  return hashToken(`${userId}:${code}`);
}
