import { Injectable } from '@nestjs/common';

import { Passwords } from '../passwords/index.js';
import type { PasswordProof } from '../passwords/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Database } from '../platform/database/database.js';
import { RefreshTokenInvalid, Sessions } from '../sessions/index.js';
import type { Started } from '../sessions/index.js';
import { Users, statusOf } from '../users/index.js';
import type { UserRow } from '../users/index.js';
import { AccessTokens } from './access-tokens.js';
import { AccountSuspended, SignInFailed } from './auth.contract.js';
import { NewDevices } from './new-devices.service.js';

/** What somebody who signed in holds in their hands. */
export interface SignedIn {
  readonly accessToken: string;
  /** Seconds. */
  readonly expiresIn: number;
  readonly refreshToken: string;
  /** Seconds that it can be used for, unless the session ends before. */
  readonly refreshExpiresIn: number;
  readonly sessionId: string;
  readonly user: UserRow;
  readonly passwordChangeRequired: boolean;
  /** Of a device that is not asked for a second factor again for a while, if that was wanted. */
  readonly deviceToken?: string;
}

/** Sessions and their tokens, for whoever has proved who they are. */
@Injectable()
export class SessionTokens {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly users: Users,
    private readonly passwords: Passwords,
    private readonly sessions: Sessions,
    private readonly tokens: AccessTokens,
    private readonly devices: NewDevices,
  ) {}

  /**
   * Starts a session for somebody who proved who they are; a moment ago they may have been suspended or deleted, or
   * their password changed, which ended all sessions that there were.
   * @param begun runs in the same transaction, once the user is locked
   * @throws AccountSuspended, SignInFailed, UserNotFound
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
      if (statusOf(user, this.clock.now()) === 'suspended') throw new AccountSuspended();
      if (proof && !(await this.passwords.holds(proof))) throw new SignInFailed();
      // Whoever sits at the server (`cli`) need not be the one whom the password was printed for.
      if (!amr.includes('pwd') && !amr.includes('cli')) await this.passwords.removeOneTime(userId);
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
    const refreshExpiresIn = this.sessions.idlesFor(session);
    return { accessToken, expiresIn, refreshToken, refreshExpiresIn, sessionId, user, passwordChangeRequired };
  }
}
