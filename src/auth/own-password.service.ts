import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { PasswordIncorrect, Passwords, normalizePassword } from '../passwords/index.js';
import { Database } from '../platform/database/database.js';
import { refusal } from '../platform/http/validation.pipe.js';
import { Users } from '../users/index.js';
import { PasswordChangeRefused } from './auth.contract.js';

/** Changing one's own password. */
@Injectable()
export class OwnPassword {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly users: Users,
    private readonly passwords: Passwords,
  ) {}

  /**
   * Ends the user's sessions, but for the one that asks.
   * @throws PasswordIncorrect when `current` is not right, or somebody else changed it meanwhile
   * @throws ValidationFailed by the policy of passwords, and when the new one is the current one: a password for one
   *   use would stay for ever
   */
  async change(userId: string, current: string, next: string, sessionId: string | null): Promise<void> {
    const { email, name, username } = await this.users.get(userId);
    const proof = await this.passwords.prove(userId, current);
    if (!proof) {
      await this.db.transaction(async () => {
        this.events.record(PasswordChangeRefused, { userId }, { subject: `users/${userId}` });
        return Promise.resolve();
      });
      throw new PasswordIncorrect();
    }
    if (normalizePassword(next) === normalizePassword(current)) throw refusal([UNCHANGED]);
    const hash = await this.passwords.hashNew(next, { email, name, username: username ?? undefined }, '/newPassword');
    await this.db.transaction(async () => {
      await this.users.lock(userId);
      if (!(await this.passwords.holds(proof))) throw new PasswordIncorrect();
      await this.passwords.replace(userId, hash, sessionId);
    });
  }
}

const UNCHANGED = { pointer: '/newPassword', code: 'password_unchanged', detail: 'is the password that you have' };
