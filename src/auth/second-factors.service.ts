import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Mfa } from '../mfa/index.js';
import type { MfaProof } from '../mfa/index.js';
import { Database } from '../platform/database/database.js';
import { Users } from '../users/index.js';
import { FactorInvalid, FactorRefused } from './auth.contract.js';
import { SecondStep, firstStepIn } from './second-step.service.js';
import { SignInService } from './sign-in.service.js';
import type { SignedIn } from './session-tokens.service.js';

/** The second step of a sign-in, and the passkey, which is both steps in one. */
@Injectable()
export class SecondFactors {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly users: Users,
    private readonly mfa: Mfa,
    private readonly second: SecondStep,
    private readonly signIns: SignInService,
  ) {}

  /** @throws LinkInvalid, FactorInvalid, TooManyGuesses, AccountSuspended, SignInFailed */
  async verify(mfaToken: string, proof: MfaProof, trustDevice: boolean): Promise<SignedIn> {
    const flow = await this.second.find(mfaToken);
    const first = firstStepIn(flow);
    const userId = flow.userId!;
    const amr = await this.second.prove(userId, first.amr, proof);
    const signedIn = await this.signIns.enter(await this.users.get(userId), amr, {
      // A password that was changed between the steps was not shown.
      proof: first.passwordChangedAt ? { userId, changedAt: first.passwordChangedAt } : undefined,
      begun: () => this.second.use(flow, mfaToken),
    });
    if (!trustDevice) return signedIn;
    return { ...signedIn, deviceToken: (await this.mfa.trust(userId)).token };
  }

  /** For anybody's passkey, or for those of whoever is at the second step. @throws LinkInvalid */
  async passkeyOptions(mfaToken: string | null): Promise<{ challengeId: string; options: object }> {
    const flow = mfaToken === null ? null : await this.second.find(mfaToken);
    return this.mfa.passkeyOptions(flow?.userId ?? null);
  }

  /** For a passkey of somebody who is signed in. */
  passkeyOptionsOf(userId: string): Promise<{ challengeId: string; options: object }> {
    return this.mfa.passkeyOptions(userId);
  }

  /** @throws FactorInvalid, AccountSuspended, SignInFailed */
  async signInWithPasskey(challengeId: string, response: object): Promise<SignedIn> {
    const shown = await this.mfa.signInWithPasskey({ challengeId: challengeId.toLowerCase(), response });
    if (!shown) {
      await this.db.transaction(() => {
        this.events.record(FactorRefused, { userId: null, method: 'passkey' });
        return Promise.resolve();
      });
      throw new FactorInvalid();
    }
    return (await this.signIns.proceed(await this.users.get(shown.userId), [...shown.amr])) as SignedIn;
  }
}
