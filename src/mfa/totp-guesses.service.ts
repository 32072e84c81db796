import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Database } from '../platform/database/database.js';
import { CodesBlocked, TooManyCodes } from './mfa.contract.js';
import { TotpRepository } from './totp.repository.js';
import { Totp, isTotpCode } from './totp.service.js';

/** Said to whoever has used up a hundred tries: only another proof, or an administrator, gives new ones. */
const LONG = 3600;

/**
 * Six digits can be guessed, so tries are counted for the user, over all sessions and processes (ASVS 6.6.3). Only
 * somebody who knows the password comes this far; who owns the account has recovery codes and passkeys, which nobody
 * can guess and which are not counted.
 */
@Injectable()
export class TotpGuesses {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly totp: Totp,
    private readonly tries: TotpRepository,
  ) {}

  /** Whether an app of the user shows this code now; it is used up. @throws TooManyCodes */
  async guess(userId: string, code: string): Promise<boolean> {
    if (!isTotpCode(code)) return false;
    const apps = await this.totp.confirmedOf(userId);
    if (apps.length === 0) return false;
    const blockedUntil = await this.count(userId);
    if (await this.totp.use(apps, code)) return true;
    if (blockedUntil) await this.recordBlocked(userId, blockedUntil);
    return false;
  }

  /** Whoever proved who they are has all tries again. */
  async forget(userId: string): Promise<void> {
    await this.tries.forgetTries(userId);
  }

  /** Counts a try before it is made. @returns until when there is no other, if it is wrong @throws TooManyCodes */
  private async count(userId: string): Promise<Date | null> {
    const now = this.clock.now();
    const counted = await this.db.transaction(() => this.tries.countTry(userId, now));
    if (counted) return counted.blockedUntil;
    const until = (await this.tries.findTries(userId))?.blockedUntil ?? now;
    const seconds = Math.ceil((until.getTime() - now.getTime()) / 1000);
    throw new TooManyCodes().withHeader('Retry-After', String(seconds > 0 ? seconds : LONG));
  }

  private async recordBlocked(userId: string, until: Date): Promise<void> {
    await this.db.transaction(async () => {
      const circumstances = { subject: `users/${userId}`, actorId: userId };
      this.events.record(CodesBlocked, { userId, until }, circumstances);
      return Promise.resolve();
    });
  }
}
