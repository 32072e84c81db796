import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Mfa } from '../mfa/index.js';
import type { MfaMethod, MfaProof } from '../mfa/index.js';
import type { PasswordProof } from '../passwords/index.js';
import { Database } from '../platform/database/database.js';
import { newId } from '../platform/crypto/tokens.js';
import { FactorInvalid, FactorRefused } from './auth.contract.js';
import type { Flow } from './flows/flow.entity.js';
import { Flows } from './flows/flows.service.js';
import { Guesses } from './guesses/guesses.service.js';

/** The first factor was right, the second is due. */
export interface SecondStepDue {
  readonly mfaToken: string;
  readonly methods: readonly MfaMethod[];
}

/** What the first step has shown. */
interface FirstStep {
  readonly amr: string[];
  readonly passwordChangedAt: string | null;
}

/** Between the two steps of a sign-in: a token of ten minutes, for one use, good for nothing else (S15, S35). */
@Injectable()
export class SecondStep {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly flows: Flows,
    private readonly guesses: Guesses,
    private readonly mfa: Mfa,
  ) {}

  /** The factors of which one has to be shown yet; none for whoever has none, or comes from a trusted device. */
  async dueFor(userId: string, amr: readonly string[], deviceToken: string | null): Promise<readonly MfaMethod[]> {
    if (amr.includes('mfa')) return [];
    const methods = await this.mfa.methodsOf(userId);
    if (methods.length === 0) return [];
    return deviceToken !== null && (await this.mfa.isTrusted(userId, deviceToken)) ? [] : methods;
  }

  /** Part of the caller's transaction. */
  async begin(
    userId: string,
    amr: string[],
    methods: readonly MfaMethod[],
    proof: PasswordProof | null,
  ): Promise<SecondStepDue> {
    const payload: FirstStep = { amr, passwordChangedAt: proof?.changedAt.toISOString() ?? null };
    // Two tabs may sign in side by side: neither takes the other's place.
    const { token } = await this.flows.begin('second_factor', { emailKey: newId(), userId, payload, isReal: true });
    return { mfaToken: token, methods };
  }

  /** Of whom a token is, and what they have shown. @throws LinkInvalid */
  find(mfaToken: string): Promise<Flow> {
    return this.flows.prove(['second_factor'], { token: mfaToken });
  }

  /** @returns what they have shown by now (RFC 8176) @throws FactorInvalid, TooManyGuesses */
  async prove(userId: string, shown: readonly string[], proof: MfaProof): Promise<string[]> {
    await this.guesses.reserveHere(userId);
    const amr = await this.mfa.prove(userId, proof);
    if (!amr) {
      await this.db.transaction(() => {
        this.events.record(FactorRefused, { userId, method: proof.method }, { subject: `users/${userId}` });
        return Promise.resolve();
      });
      throw new FactorInvalid();
    }
    await this.guesses.forgive({ name: null, userId });
    return [...new Set([...shown, ...amr])];
  }

  /** Part of the caller's transaction. @throws LinkInvalid */
  async use(flow: Flow, mfaToken: string): Promise<void> {
    await this.flows.use(flow, { token: mfaToken });
  }
}

export function firstStepIn({ payload }: Flow): { amr: string[]; passwordChangedAt: Date | null } {
  const { amr, passwordChangedAt } = payload as FirstStep;
  return { amr, passwordChangedAt: passwordChangedAt === null ? null : new Date(passwordChangedAt) };
}
