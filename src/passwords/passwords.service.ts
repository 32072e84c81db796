import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Revocations } from '../platform/cache/revocations.js';
import { Clock } from '../platform/clock/clock.js';
import { Database } from '../platform/database/database.js';
import { refusal } from '../platform/http/validation.pipe.js';
import { Sessions } from '../sessions/index.js';
import { HashingBusy, PasswordHasher } from './password-hashing.js';
import type { PasswordContext } from './password-policy.js';
import { PasswordChanged, PasswordIncorrect, TooManySignIns } from './passwords.contract.js';
import { PasswordsRepository } from './passwords.repository.js';

/** Belongs to nobody: looked up when there is no user, so that known and unknown names cost the same. */
const NOBODY = '00000000-0000-7000-8000-000000000000';

@Injectable()
export class Passwords {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly hasher: PasswordHasher,
    private readonly passwords: PasswordsRepository,
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

  /** Whether this is the user's password; for nobody the same work is done. Slow: never inside a transaction. */
  async verify(userId: string | null, password: string): Promise<boolean> {
    const kept = await this.passwords.find(userId ?? NOBODY);
    const right = await unlessBusy(() => this.hasher.verify(kept?.hash ?? null, password));
    if (right && kept && this.hasher.needsRehash(kept.hash)) {
      await this.passwords.rehash(kept.userId, kept.hash, await unlessBusy(() => this.hasher.hash(password)));
    }
    return right && kept !== null;
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

  /** Needs the current password, and ends the user's other sessions. @throws PasswordIncorrect, ValidationFailed */
  async change(
    userId: string,
    current: string,
    next: string,
    context: PasswordContext,
    sessionId: string,
  ): Promise<void> {
    const kept = await this.passwords.find(userId);
    const right = await unlessBusy(() => this.hasher.verify(kept?.hash ?? null, current));
    if (!right || !kept) throw new PasswordIncorrect();
    const hash = await this.hashNew(next, context, '/newPassword');
    await this.db.transaction(async () => {
      if (!(await this.passwords.replace(userId, kept.hash, hash, this.clock.now()))) throw new PasswordIncorrect();
      this.events.record(PasswordChanged, { userId }, { subject: `users/${userId}` });
      await this.sessions.endAllOf(userId, 'password_changed', sessionId);
      await this.revocations.revoke('user', [userId]);
    });
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
