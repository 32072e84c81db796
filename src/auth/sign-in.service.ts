import { Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';

import { Events } from '../events/index.js';
import { Passwords } from '../passwords/index.js';
import type { PasswordProof } from '../passwords/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Problem } from '../platform/contract/problem.js';
import { Database } from '../platform/database/database.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { RefreshTokenInvalid, Sessions } from '../sessions/index.js';
import type { Started } from '../sessions/index.js';
import { Users, normalEmail, statusOf } from '../users/index.js';
import type { UserRow } from '../users/index.js';
import { AccessTokens } from './access-tokens.js';
import { AccountSuspended, SignInFailed, SignInRefused } from './auth.contract.js';
import { Guesses } from './guesses/guesses.service.js';
import { NewDevices } from './new-devices.service.js';
import { SecondStep } from './second-step.service.js';
import type { SecondStepDue } from './second-step.service.js';

/** What somebody who signed in holds in their hands. */
export interface SignedIn {
  readonly accessToken: string;
  /** Seconds. */
  readonly expiresIn: number;
  readonly refreshToken: string;
  readonly sessionId: string;
  readonly user: UserRow;
  readonly passwordChangeRequired: boolean;
  /** A device that is not asked for a second factor again until then, if that was wanted. */
  readonly deviceToken?: string;
}

export type SignInOutcome = SignedIn | SecondStepDue;

interface Circumstances {
  readonly deviceToken?: string | null;
  readonly proof?: PasswordProof;
  /** Runs first in the transaction that starts the session, or the second step. */
  readonly begun?: () => Promise<void>;
}

@Injectable()
export class SignInService {
  private readonly signIns: Counter<'result'>;

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly users: Users,
    private readonly passwords: Passwords,
    private readonly sessions: Sessions,
    private readonly tokens: AccessTokens,
    private readonly guesses: Guesses,
    private readonly second: SecondStep,
    private readonly devices: NewDevices,
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
    const account = user?.id ?? normalEmail(identifier);
    await this.guesses.reserve(account, user?.id ?? null);
    // Also for nobody: the answer must cost the same either way.
    const proof = await this.passwords.prove(user?.id ?? null, password);
    if (!user || !proof) return this.refuse(user, 'password', new SignInFailed());
    await this.guesses.forgive(account);
    return this.proceed(user.id, ['pwd'], { deviceToken, proof });
  }

  /** Whoever proved who they are goes on: to a session, or to the second step. @throws AccountSuspended, SignInFailed */
  async proceed(userId: string, amr: string[], circumstances: Circumstances = {}): Promise<SignInOutcome> {
    const user = await this.users.get(userId);
    if (this.isSuspended(user)) return this.refuse(user, 'suspended', new AccountSuspended());
    const methods = await this.second.dueFor(userId, amr, circumstances.deviceToken ?? null);
    if (methods.length > 0) return this.secondStep(user, amr, methods, circumstances);
    return this.enter(user, amr, circumstances);
  }

  /** @throws what `proceed` throws */
  async enter(user: UserRow, amr: string[], { proof, begun }: Circumstances = {}): Promise<SignedIn> {
    const started = await this.startProven(user, amr, proof ?? null, begun);
    const signedIn = await this.give(started, await this.users.get(user.id));
    this.signIns.inc({ result: 'success' });
    return signedIn;
  }

  /**
   * Starts a session for somebody who proved who they are; a moment ago they may have been suspended or deleted, or
   * their password changed, which ended all sessions that there were.
   */
  start(
    userId: string,
    amr: string[],
    proof: PasswordProof | null = null,
    begun: () => Promise<void> = () => Promise.resolve(),
  ): Promise<Started> {
    return this.db.transaction(async () => {
      const user = await this.users.lock(userId);
      await begun();
      if (this.isSuspended(user)) throw new AccountSuspended();
      if (proof && !(await this.passwords.holds(proof))) throw new SignInFailed();
      await this.users.signedIn(userId);
      await this.devices.tell(user);
      return this.sessions.start(userId, amr);
    });
  }

  /** @throws RefreshTokenInvalid */
  async refresh(refreshToken: string): Promise<SignedIn> {
    const started = await this.sessions.refresh(refreshToken);
    const user = await this.users.get(started.session.userId);
    const status = statusOf(user, this.clock.now());
    if (status === 'suspended' || status === 'deleted') throw new RefreshTokenInvalid();
    return this.give(started, user);
  }

  /** The tokens of a session. */
  async give({ session, refreshToken }: Started, user: UserRow): Promise<SignedIn> {
    const { id: sessionId, userId, authenticatedAt, expiresAt: sessionExpiresAt, amr } = session;
    const subject = { userId, sessionId, authenticatedAt, sessionExpiresAt, amr };
    const { token: accessToken, expiresIn } = await this.tokens.sign(subject);
    const passwordChangeRequired = amr.includes('pwd') && (await this.passwords.isChangeRequired(userId));
    return { accessToken, expiresIn, refreshToken, sessionId, user, passwordChangeRequired };
  }

  private isSuspended(user: Parameters<typeof statusOf>[0]): boolean {
    return statusOf(user, this.clock.now()) === 'suspended';
  }

  private async secondStep(
    user: UserRow,
    amr: string[],
    methods: SecondStepDue['methods'],
    { proof, begun }: Circumstances,
  ): Promise<SecondStepDue> {
    this.signIns.inc({ result: 'second_factor_due' });
    return this.db.transaction(async () => {
      await begun?.();
      return this.second.begin(user.id, amr, methods, proof ?? null);
    });
  }

  private async startProven(
    user: UserRow,
    amr: string[],
    proof: PasswordProof | null,
    begun: (() => Promise<void>) | undefined,
  ): Promise<Started> {
    try {
      return await this.start(user.id, amr, proof, begun);
    } catch (error) {
      if (error instanceof AccountSuspended) return this.refuse(user, 'suspended', error);
      // Deleted meanwhile, or with another password by now: neither is told from a wrong password.
      if (error instanceof Problem && begun === undefined) return this.refuse(user, 'password', new SignInFailed());
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
