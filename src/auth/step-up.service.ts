import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import type { MfaProof } from '../mfa/index.js';
import { PasswordIncorrect } from '../passwords/index.js';
import { Database } from '../platform/database/database.js';
import type { Principal } from '../platform/http/principal.js';
import { PermissionDenied } from '../platform/http/problems.js';
import { refusal } from '../platform/http/validation.pipe.js';
import { Sessions } from '../sessions/index.js';
import { Users } from '../users/index.js';
import { StepUpRefused } from './auth.contract.js';
import { PasswordGuesses } from './guesses/password-guesses.service.js';
import { SecondStep } from './second-step.service.js';
import { SessionTokens } from './session-tokens.service.js';
import type { SignedIn } from './session-tokens.service.js';

/** Who somebody is, shown once more in a session that goes on (RFC 9470). */
@Injectable()
export class StepUp {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly users: Users,
    private readonly sessions: Sessions,
    private readonly guesses: PasswordGuesses,
    private readonly second: SecondStep,
    private readonly tokens: SessionTokens,
  ) {}

  /**
   * The session before has ended, and its tokens with it: a new one has a new name (ASVS 7.2.4). Whoever has a second
   * factor shows that one: a password alone would be the weaker proof of the two.
   * @throws PasswordIncorrect, FactorInvalid, TooManyGuesses, TooManyCodes, PermissionDenied, ValidationFailed
   */
  async with(
    { userId, sessionId, actorId, amr }: Principal,
    proof: MfaProof | { password: string },
  ): Promise<SignedIn> {
    if (sessionId === null || actorId !== null) throw new PermissionDenied();
    const shown = 'password' in proof ? await this.byPassword(userId, proof.password) : null;
    const now = shown ?? (await this.second.prove(userId, amr, proof as MfaProof));
    const started = await this.db.transaction(async () => {
      await this.users.lock(userId);
      // Of two at once one has ended it; the other's session is over.
      if (!(await this.sessions.end(sessionId, 'stepped_up'))) throw new PermissionDenied();
      return this.sessions.start(userId, now);
    });
    return this.tokens.give(started, await this.users.get(userId));
  }

  private async byPassword(userId: string, password: string): Promise<string[]> {
    if ((await this.second.dueFor(userId, [], null)).length > 0)
      throw refusal([{ pointer: '/password', code: 'factor_required', detail: 'is not enough: show a second factor' }]);
    if (!(await this.guesses.prove({ name: null, userId }, password))) return this.refuse(userId);
    return ['pwd'];
  }

  private async refuse(userId: string): Promise<never> {
    await this.db.transaction(() => {
      this.events.record(StepUpRefused, { userId }, { subject: `users/${userId}` });
      return Promise.resolve();
    });
    throw new PasswordIncorrect();
  }
}
