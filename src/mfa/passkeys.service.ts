import { randomBytes } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { Users } from '../users/index.js';
import type { Factor } from './factor.entity.js';
import { Factors } from './factors.service.js';
import { PasskeyInvalid } from './mfa.contract.js';
import { PasskeysRepository } from './passkeys.repository.js';
import { CHALLENGE_LIVES, RelyingParty, credentialIdOf, userHandleOf } from './relying-party.js';
import type { NewCredential } from './relying-party.js';
import type { ChallengePurpose } from './webauthn-challenge.entity.js';
import type { ConfirmedFactor } from './totp.service.js';

const CHALLENGE_BYTES = 32;

const PruneChallenges = defineJob('webauthn_challenges.prune', { maxAttempts: 3 });

/** What a browser needs to ask an authenticator, and under which id it gives back the answer. */
export interface PasskeyOptions {
  readonly challengeId: string;
  readonly options: object;
}

/** The answer of an authenticator, as `toJSON()` writes it (WebAuthn level 3, 5.1). */
export interface PasskeyAnswer {
  readonly challengeId: string;
  readonly response: object;
}

/** Who showed a passkey, and what that proves (RFC 8176). */
export interface ProvenPasskey {
  readonly userId: string;
  readonly amr: readonly string[];
}

@Injectable()
export class Passkeys {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly users: Users,
    private readonly factors: Factors,
    private readonly passkeys: PasskeysRepository,
    private readonly party: RelyingParty,
    jobs: Jobs,
  ) {
    jobs.work(PruneChallenges, () => passkeys.deleteExpiredChallenges(clock.now()), { cron: '13 * * * *' });
  }

  /** @throws TooManyFactors */
  async registrationOptions(userId: string): Promise<PasskeyOptions> {
    await this.factors.refuseFull(userId);
    const user = await this.users.get(userId);
    const { id: challengeId, challenge } = await this.challenge('register', userId);
    const known = await this.passkeys.ofUser(userId);
    return { challengeId, options: await this.party.registrationOptions(user, challenge, known) };
  }

  /** Whatever comes of it, the challenge is used up. @throws PasskeyInvalid, PasskeyTaken, TooManyFactors */
  async register(userId: string, name: string, { challengeId, response }: PasskeyAnswer): Promise<ConfirmedFactor> {
    const challenge = await this.use(challengeId, 'register', userId);
    const made = challenge && (await this.party.registered(response, challenge));
    if (!made) return this.refuse(userId);
    return this.db.transaction(async () => {
      const owner = await this.users.lock(userId);
      const factor = this.make(userId, name, made);
      await this.factors.add(owner, factor);
      return { factor, recoveryCodes: await this.factors.confirmed(owner, factor) };
    });
  }

  /** @param userId who has to show one of their passkeys; null for whoever signs in without a name */
  async authenticationOptions(userId: string | null): Promise<PasskeyOptions> {
    const { id: challengeId, challenge } = await this.challenge(userId === null ? 'sign_in' : 'verify', userId);
    const known = userId === null ? [] : await this.passkeys.ofUser(userId);
    return { challengeId, options: await this.party.authenticationOptions(challenge, known) };
  }

  /** Whatever comes of it, the challenge is used up. @returns null when it is not right */
  async authenticate(userId: string | null, { challengeId, response }: PasskeyAnswer): Promise<ProvenPasskey | null> {
    const challenge = await this.use(challengeId, userId === null ? 'sign_in' : 'verify', userId);
    const credentialId = credentialIdOf(response);
    const passkey = credentialId && (await this.passkeys.findByCredential(credentialId));
    if (!challenge || !passkey) return null;
    // Whoever names nobody has to be named by the authenticator (WebAuthn 7.2, step 6).
    if (passkey.userId !== (userId ?? userHandleOf(response))) return null;
    const assertion = await this.party.asserted(response, challenge, passkey);
    if (!assertion) return null;
    const { counter, backedUp, isShared } = assertion;
    if (!(await this.passkeys.use(passkey.factorId, counter, backedUp, this.clock.now()))) return null;
    return { userId: passkey.userId, amr: [isShared ? 'swk' : 'hwk', 'user', 'mfa'] };
  }

  /** In a transaction, so that a repeated request is known before it uses anything up. */
  private use(id: string, purpose: ChallengePurpose, userId: string | null): Promise<Buffer | null> {
    return this.db.transaction(() => this.passkeys.useChallenge(id, purpose, userId, this.clock.now()));
  }

  private async challenge(
    purpose: ChallengePurpose,
    userId: string | null,
  ): Promise<{ id: string; challenge: Buffer }> {
    const now = this.clock.now();
    const made = {
      id: newId(),
      userId,
      purpose,
      challenge: randomBytes(CHALLENGE_BYTES),
      createdAt: now,
      expiresAt: new Date(now.getTime() + CHALLENGE_LIVES),
      usedAt: null,
    };
    await this.db.transaction(() => this.passkeys.insertChallenge(made));
    return made;
  }

  private async refuse(userId: string): Promise<never> {
    await this.db.transaction(async () => {
      this.factors.refused(userId, 'passkey', null);
      return Promise.resolve();
    });
    throw new PasskeyInvalid(undefined, [
      { pointer: '/response', code: 'passkey_invalid', detail: 'does not answer this challenge' },
    ]);
  }

  private make(userId: string, name: string, made: NewCredential): Factor {
    const now = this.clock.now();
    return {
      id: newId(),
      userId,
      kind: 'passkey',
      name,
      secret: null,
      lastStep: null,
      ...made,
      counter: String(made.counter),
      createdAt: now,
      confirmedAt: now,
      lastUsedAt: null,
      version: 1,
    };
  }
}
