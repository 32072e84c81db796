import { Injectable } from '@nestjs/common';

import { Mfa } from '../../mfa/index.js';
import { Passwords } from '../../passwords/index.js';
import { Sessions } from '../../sessions/index.js';
import { Guesses } from '../guesses/guesses.service.js';
import { ApiKeys } from '../keys/api-keys.service.js';

/** An account that somebody else was in. All of it is part of the transaction of a caller who has locked the user. */
@Injectable()
export class Compromised {
  constructor(
    private readonly passwords: Passwords,
    private readonly mfa: Mfa,
    private readonly keys: ApiKeys,
    private readonly sessions: Sessions,
    private readonly guesses: Guesses,
  ) {}

  /**
   * Nothing lets the thief in again: no session, nor the password, nor any key, factor or device that was added since
   * then. @param since null where nobody was in the account: an administrator gave it the other address
   */
  async expel(userId: string, since: Date | null): Promise<void> {
    await this.sessions.endAllOf(userId, 'email_reverted');
    if (since === null) return;
    await this.passwords.remove(userId);
    await this.mfa.removeSince(userId, since);
    await this.keys.revokeSince(userId, since);
  }

  /**
   * With a forgotten password goes what may have been made with it: personal tokens and the trust in devices; and what
   * was counted of those who guessed at it. Factors stay, for a reset never skips them.
   */
  async distrust(userId: string): Promise<void> {
    await this.mfa.distrustDevices(userId);
    await this.keys.revokePersonal(userId);
    await this.guesses.unlock(userId);
  }
}
