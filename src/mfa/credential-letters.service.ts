import { Injectable } from '@nestjs/common';

import { Mail } from '../mail/index.js';
import { Clock } from '../platform/clock/clock.js';
import { CredentialsChanged, wordsOf } from './mfa.mails.js';
import type { CredentialChange } from './mfa.mails.js';

/** Whose credentials they are; locked by whoever changes them. */
export interface Owner {
  readonly id: string;
  readonly email: string;
  readonly locale: string;
}

/** Tells the owner of each change, so that one that they did not make is found (ASVS 6.3.7). */
@Injectable()
export class CredentialLetters {
  constructor(
    private readonly clock: Clock,
    private readonly mail: Mail,
  ) {}

  /** Part of the caller's transaction. Many changes at once make one letter. */
  async tell(owner: Owner, ...changes: readonly CredentialChange[]): Promise<void> {
    if (changes.length === 0) return;
    await this.mail.send(CredentialsChanged, owner, wordsOf(changes, owner, this.clock.now()));
  }
}
