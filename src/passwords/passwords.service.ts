import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Revocations } from '../platform/cache/revocations.js';
import { Clock } from '../platform/clock/clock.js';
import { refusal } from '../platform/http/validation.pipe.js';
import { Sessions } from '../sessions/index.js';
import { ForeignPasswords } from './foreign-passwords.service.js';
import { HashingBusy, PasswordHasher } from './password-hashing.js';
import type { PasswordContext } from './password-policy.js';
import type { PasswordHash } from './password-hash.entity.js';
import { PasswordChanged, PasswordRemoved, TooManySignIns } from './passwords.contract.js';
import { PasswordsRepository } from './passwords.repository.js';

/** A password was right: good for as long as nobody changes it, which `holds` tells. */
export interface PasswordProof {
  readonly userId: string;
  readonly changedAt: Date;
}

/** Belongs to nobody: looked up when there is no user, so that known and unknown names cost the same. */
const NOBODY = '00000000-0000-7000-8000-000000000000';

@Injectable()
export class Passwords {
  constructor(
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly hasher: PasswordHasher,
    private readonly passwords: PasswordsRepository,
    private readonly foreign: ForeignPasswords,
    private readonly sessions: Sessions,
    private readonly revocations: Revocations,
  ) {}

  /**
   * The hash of a new password that the policy lets pass. Slow: never inside a transaction.
   * @param pointer where the password stands in the request
   * @throws ValidationFailed with the policy's code
   */
  async hashNew(password: string, context: PasswordContext, pointer: string): Promise<string> {
    return unlessBusy(async () => {
      const fault = await this.hasher.check(password, context);
      if (fault) throw refusal([{ pointer, code: fault.code, detail: fault.message }]);
      return this.hasher.hash(password);
    });
  }

  /**
   * Whether this is the user's password: the proof of it, or null. For nobody the same work is done. Slow: never inside
   * a transaction, which therefore has to ask `holds` before it relies on the proof.
   */
  async prove(userId: string | null, password: string): Promise<PasswordProof | null> {
    const kept = await this.passwords.find(userId ?? NOBODY);
    const hash = kept && this.foreign.open(kept);
    const right = await unlessBusy(() => this.hasher.verify(hash, password));
    if (!right || !kept) return null;
    if (this.hasher.needsRehash(kept.hash)) await this.rehash(kept, password);
    return { userId: kept.userId, changedAt: kept.changedAt };
  }

  /** Whether a hash that is nobody's yet is of this password. Slow: never inside a transaction. */
  fits(hash: string, password: string): Promise<boolean> {
    return unlessBusy(() => this.hasher.verify(hash, password));
  }

  /** Part of the transaction of a caller who has locked the user: nobody has changed the password since the proof. */
  async holds({ userId, changedAt }: PasswordProof): Promise<boolean> {
    return (await this.passwords.find(userId))?.changedAt.getTime() === changedAt.getTime();
  }

  async isChangeRequired(userId: string): Promise<boolean> {
    return (await this.passwords.find(userId))?.changeRequiredAt != null;
  }

  /** Part of the caller's transaction. @param changeRequired the password was made by us and is for one use */
  async put(userId: string, hash: string, changeRequired = false): Promise<void> {
    const now = this.clock.now();
    await this.passwords.put({ userId, hash, changedAt: now, changeRequiredAt: changeRequired ? now : null });
    this.events.record(PasswordChanged, { userId }, { subject: `users/${userId}` });
  }

  /** As `put`, and whoever signed in with the old one is out, but for the session `except`. */
  async replace(userId: string, hash: string, except: string | null, changeRequired = false): Promise<void> {
    await this.put(userId, hash, changeRequired);
    await this.sessions.endAllOf(userId, 'password_changed', except);
    await this.revocations.revoke('user', [userId]);
  }

  /** Nobody gets in by a password until another one is chosen. Part of the caller's transaction. */
  async remove(userId: string): Promise<void> {
    if (await this.passwords.delete(userId))
      this.events.record(PasswordRemoved, { userId }, { subject: `users/${userId}` });
  }

  /** One that was made by us, for one use, is not needed by whoever gets in without it. Part of the caller's transaction. */
  async removeOneTime(userId: string): Promise<void> {
    if (await this.isChangeRequired(userId)) await this.remove(userId);
  }

  /** A queue that is full is no reason to refuse whoever is right: the next sign-in hashes anew. */
  private async rehash(kept: PasswordHash, password: string): Promise<void> {
    try {
      await this.passwords.rehash(kept.userId, kept.hash, await this.hasher.hash(password));
    } catch (error) {
      if (!(error instanceof HashingBusy)) throw error;
    }
  }
}

async function unlessBusy<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof HashingBusy) throw new TooManySignIns().withHeader('Retry-After', '2');
    throw error;
  }
}
