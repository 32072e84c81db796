import { Injectable } from '@nestjs/common';

import { Database } from '../platform/database/database.js';
import type { FactorRow } from './factor.entity.js';
import { Factors } from './factors.service.js';
import { Passkeys } from './passkeys.service.js';
import type { PasskeyAnswer, PasskeyOptions, ProvenPasskey } from './passkeys.service.js';
import type { RecoveryStatus } from './recovery-codes.repository.js';
import { RecoveryCodes } from './recovery-codes.service.js';
import { TotpGuesses } from './totp-guesses.service.js';
import { TrustedDevices } from './trusted-devices.service.js';
import type { Trust } from './trusted-devices.service.js';

/** By what somebody can prove who they are beside their password. */
export type MfaMethod = 'totp' | 'passkey' | 'recovery_code';

export type MfaProof =
  | { readonly method: 'totp' | 'recovery_code'; readonly code: string }
  | ({ readonly method: 'passkey' } & PasskeyAnswer);

/** What somebody has beside their password, for whoever administers them. */
export interface MfaStatus {
  readonly factors: readonly FactorRow[];
  readonly recoveryCodes: RecoveryStatus;
  readonly trustedDevices: number;
}

/** `rcv` is a word of ours: RFC 8176 has none for a code that was written down. */
const AMR = { totp: ['otp', 'mfa'], recovery_code: ['rcv', 'mfa'] } as const;

/** Second factors, for those who let people in. */
@Injectable()
export class Mfa {
  constructor(
    private readonly db: Database,
    private readonly factors: Factors,
    private readonly guesses: TotpGuesses,
    private readonly passkeys: Passkeys,
    private readonly recoveryCodes: RecoveryCodes,
    private readonly devices: TrustedDevices,
  ) {}

  /** Empty for whoever has no factor that is confirmed. */
  async methodsOf(userId: string): Promise<MfaMethod[]> {
    const kinds = await this.factors.confirmedKindsOf(userId);
    if (kinds.length === 0) return [];
    const { remaining } = await this.recoveryCodes.statusOf(userId);
    return [...kinds.sort().reverse(), ...(remaining > 0 ? ['recovery_code' as const] : [])];
  }

  /** Whether the user had a factor, confirmed before that moment: whoever signed in then owed one. */
  wasDueAt(userId: string, moment: Date): Promise<boolean> {
    return this.factors.isAnyOlderThan(userId, moment);
  }

  /**
   * Uses the proof up.
   * @returns how it was proved (RFC 8176); null when it is not right, which the caller records
   * @throws TooManyCodes
   */
  async prove(userId: string, proof: MfaProof): Promise<readonly string[] | null> {
    const amr = await this.amrOf(userId, proof);
    if (amr) await this.guesses.forget(userId);
    return amr;
  }

  /** @param userId whose passkey has to be shown, as a second factor; null to sign in by it alone */
  passkeyOptions(userId: string | null): Promise<PasskeyOptions> {
    return this.passkeys.authenticationOptions(userId);
  }

  /** Who signs in, by a passkey and nothing else; null when it is not right. Whether they may is the caller's to ask. */
  signInWithPasskey(answer: PasskeyAnswer): Promise<ProvenPasskey | null> {
    return this.passkeys.authenticate(null, answer);
  }

  /** Whether this is the token of a device on which the user showed a second factor in the last 30 days. */
  isTrusted(userId: string, deviceToken: string): Promise<boolean> {
    return this.devices.recognise(userId, deviceToken);
  }

  /** Trusts the device that asks, which has to keep the token. */
  trust(userId: string): Promise<Trust> {
    return this.devices.trust(userId);
  }

  /** For administrators: afterwards the password is all that is asked for. Part of the caller's transaction. */
  resetAll(userId: string, reason: string): Promise<void> {
    return this.db.transaction(async () => {
      await this.factors.resetAll(userId, reason);
      await this.guesses.forget(userId);
    });
  }

  /** What was added since then, and the codes that were made since then. Part of the caller's transaction. */
  removeSince(userId: string, since: Date): Promise<void> {
    return this.factors.removeSince(userId, since);
  }

  /** Part of the caller's transaction. */
  async distrustDevices(userId: string): Promise<void> {
    await this.devices.removeAllBut(userId, 0);
  }

  async statusOf(userId: string): Promise<MfaStatus> {
    const factors = await this.factors.list(userId);
    const recoveryCodes = await this.recoveryCodes.statusOf(userId);
    const { length: trustedDevices } = await this.devices.list(userId);
    return { factors, recoveryCodes, trustedDevices };
  }

  private async amrOf(userId: string, proof: MfaProof): Promise<readonly string[] | null> {
    if (proof.method === 'passkey') return (await this.passkeys.authenticate(userId, proof))?.amr ?? null;
    const { method, code } = proof;
    const isRight = method === 'totp' ? this.guesses.guess(userId, code) : this.recoveryCodes.use(userId, code);
    return (await isRight) ? AMR[method] : null;
  }
}
