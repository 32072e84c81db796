import { Injectable } from '@nestjs/common';

import { Passwords } from '../../passwords/index.js';
import type { PasswordProof } from '../../passwords/index.js';
import { Guesses } from './guesses.service.js';
import type { Guessed } from './guesses.service.js';

/** Passwords that somebody types, each counted before it is heard. */
@Injectable()
export class PasswordGuesses {
  constructor(
    private readonly guesses: Guesses,
    private readonly passwords: Passwords,
  ) {}

  /** As `Passwords.prove`. @throws TooManyGuesses */
  async prove(guessed: Guessed, password: string): Promise<PasswordProof | null> {
    await this.guesses.reserve(guessed);
    // Also for nobody: the answer must cost the same either way.
    const proof = await this.passwords.prove(guessed.userId, password);
    if (proof) await this.guesses.forgive(guessed);
    return proof;
  }

  /** Whether a hash that is nobody's yet is of this password. @param name whom it is about @throws TooManyGuesses */
  async fits(name: string, hash: string, password: string): Promise<boolean> {
    const guessed = await this.guesses.whoHas(name);
    await this.guesses.reserve(guessed);
    const right = await this.passwords.fits(hash, password);
    if (right) await this.guesses.forgive(guessed);
    return right;
  }
}
