import { Injectable } from '@nestjs/common';

import { Passwords } from '../../passwords/index.js';
import type { PasswordProof } from '../../passwords/index.js';
import { Guesses } from './guesses.service.js';

/** Passwords that somebody types, each counted before it is heard. */
@Injectable()
export class PasswordGuesses {
  constructor(
    private readonly guesses: Guesses,
    private readonly passwords: Passwords,
  ) {}

  /** As `Passwords.prove`. @param account as of `Guesses.reserve` @throws TooManyGuesses */
  async prove(account: string, userId: string | null, password: string): Promise<PasswordProof | null> {
    await this.guesses.reserve(account, userId);
    // Also for nobody: the answer must cost the same either way.
    const proof = await this.passwords.prove(userId, password);
    if (proof) await this.guesses.forgive(account);
    return proof;
  }
}
