import { Injectable } from '@nestjs/common';

import { Events } from '../../events/index.js';
import { PasswordIncorrect, Passwords, normalizePassword } from '../../passwords/index.js';
import { Database } from '../../platform/database/database.js';
import { refusal } from '../../platform/http/validation.pipe.js';
import { Users } from '../../users/index.js';
import { Flows } from '../flows/flows.service.js';
import { PasswordGuesses } from '../guesses/password-guesses.service.js';
import { PasswordWasChanged } from './account.mails.js';
import { PasswordChangeRefused } from './accounts.contract.js';
import { Letters } from './letters.service.js';

/** Changing one's own password. */
@Injectable()
export class OwnPassword {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly users: Users,
    private readonly passwords: Passwords,
    private readonly guesses: PasswordGuesses,
    private readonly flows: Flows,
    private readonly letters: Letters,
  ) {}

  /**
   * Ends the user's sessions, but for the one that asks, and whatever was mailed before; the owner is told.
   * @throws PasswordIncorrect when `current` is not right, or somebody else changed it meanwhile
   * @throws TooManyGuesses
   * @throws ValidationFailed by the policy of passwords, and when the new one is the current one: a password for one
   *   use would stay for ever
   */
  async change(userId: string, current: string, next: string, sessionId: string | null): Promise<void> {
    const { email, name, username } = await this.users.get(userId);
    const proof = await this.guesses.prove({ name: null, userId }, current);
    if (!proof) return this.refuse(userId);
    if (normalizePassword(next) === normalizePassword(current)) throw refusal([UNCHANGED]);
    const hash = await this.passwords.hashNew(next, { email, name, username: username ?? undefined }, '/newPassword');
    await this.db.transaction(async () => {
      const user = await this.users.lock(userId);
      if (!(await this.passwords.holds(proof))) throw new PasswordIncorrect();
      await this.passwords.replace(userId, hash, sessionId);
      await this.flows.supersedeAllOf(userId);
      await this.letters.tell(PasswordWasChanged, user, {});
    });
  }

  private async refuse(userId: string): Promise<never> {
    await this.db.transaction(() => {
      this.events.record(PasswordChangeRefused, { userId }, { subject: `users/${userId}` });
      return Promise.resolve();
    });
    throw new PasswordIncorrect();
  }
}

const UNCHANGED = { pointer: '/newPassword', code: 'password_unchanged', detail: 'is the password that you have' };
