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
}
