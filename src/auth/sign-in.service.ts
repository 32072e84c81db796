import { Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';

import { Events } from '../events/index.js';
import type { PasswordProof } from '../passwords/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Database } from '../platform/database/database.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { UserNotFound, Users, statusOf } from '../users/index.js';
import type { UserRow } from '../users/index.js';
import { AccountSuspended, SignInFailed, SignInRefused } from './auth.contract.js';
import { LinkInvalid } from './flows/flows.contract.js';
import { PasswordGuesses } from './guesses/password-guesses.service.js';
import { SecondStep } from './second-step.service.js';
import type { SecondStepDue } from './second-step.service.js';
import { SessionTokens } from './session-tokens.service.js';
import type { SignedIn } from './session-tokens.service.js';

export type SignInOutcome = SignedIn | SecondStepDue;

interface Circumstances {
  readonly deviceToken?: string | null;
  readonly proof?: PasswordProof;
  /** Runs first in the transaction that starts the session, or the second step. */
  readonly begun?: () => Promise<void>;
}

/** From a first proof to a session, through the second step where one is due. */
@Injectable()
export class SignInService {
  private readonly signIns: Counter<'result'>;

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly users: Users,
    private readonly guesses: PasswordGuesses,
    private readonly tokens: SessionTokens,
    private readonly second: SecondStep,
    metrics: Metrics,
  ) {
    this.signIns = metrics.counter('auth_sign_ins_total', 'Attempts to sign in, by result', ['result']);
  }

  /**
   * @param identifier an e-mail address or a user name
   * @param deviceToken of a device that the second factor was shown on before
   * @throws SignInFailed, AccountSuspended, TooManyGuesses
   */
  async signIn(identifier: string, password: string, deviceToken: string | null = null): Promise<SignInOutcome> {
    const user = await this.users.findByIdentifier(identifier);
    const proof = await this.guesses.prove({ name: identifier, userId: user?.id ?? null }, password);
    if (!user || !proof) return this.refuse(user, 'password', new SignInFailed());
    return this.proceed(user, ['pwd'], { deviceToken, proof });
  }

  /** Whoever proved who they are goes on: to a session, or to the second step. @throws AccountSuspended, SignInFailed */
  async proceed(user: UserRow, amr: string[], circumstances: Circumstances = {}): Promise<SignInOutcome> {
    if (statusOf(user, this.clock.now()) === 'suspended') return this.refuse(user, 'suspended', new AccountSuspended());
    const methods = await this.second.dueFor(user.id, amr, circumstances.deviceToken ?? null);
    if (methods.length === 0) return this.enter(user, amr, circumstances);
    this.signIns.inc({ result: 'second_factor_due' });
    return this.db.transaction(async () => {
      await circumstances.begun?.();
      return this.second.begin(user.id, amr, methods, circumstances.proof ?? null);
    });
  }

  /** @throws what `proceed` throws */
  async enter(user: UserRow, amr: string[], { proof, begun }: Circumstances = {}): Promise<SignedIn> {
    try {
      const started = await this.tokens.start(user.id, amr, proof ?? null, begun);
      const signedIn = await this.tokens.give(started, await this.users.get(user.id));
      this.signIns.inc({ result: 'success' });
      return signedIn;
    } catch (error) {
      if (error instanceof AccountSuspended) return this.refuse(user, 'suspended', error);
      // Deleted meanwhile, or with another password by now: neither is told from a wrong password.
      if (error instanceof UserNotFound && begun !== undefined) throw new LinkInvalid();
      if (error instanceof UserNotFound || error instanceof SignInFailed)
        return this.refuse(user, 'password', new SignInFailed());
      throw error;
    }
  }

  /** The refusal is a fact of its own, in a transaction of its own. */
  private async refuse(user: UserRow | null, reason: 'password' | 'suspended', refusal: Error): Promise<never> {
    this.signIns.inc({ result: reason === 'password' ? 'failure' : reason });
    await this.db.transaction(async () =>
      this.events.record(
        SignInRefused,
        { userId: user?.id ?? null, reason },
        user ? { subject: `users/${user.id}` } : {},
      ),
    );
    throw refusal;
  }
}
