import { Injectable } from '@nestjs/common';

import { Mfa } from '../../mfa/index.js';
import { Passwords } from '../../passwords/index.js';
import { ApiKeys } from '../keys/api-keys.service.js';

/** An account that somebody else was in. All of it is part of the transaction of a caller who has locked the user. */
@Injectable()
export class Compromised {
  constructor(
    private readonly passwords: Passwords,
    private readonly mfa: Mfa,
    private readonly keys: ApiKeys,
  ) {}

  /** Nothing lets the thief in again: neither the password, nor any key, factor or device that was added since then. */
  async expel(userId: string, since: Date): Promise<void> {
    await this.passwords.remove(userId);
    await this.mfa.removeSince(userId, since);
    await this.keys.revokeSince(userId, since);
  }

  /**
   * With a forgotten password goes what may have been made with it: personal tokens and the trust in devices. Factors
   * stay, for a reset never skips them.
   */
  async distrust(userId: string): Promise<void> {
    await this.mfa.distrustDevices(userId);
    await this.keys.revokePersonal(userId);
  }
}
