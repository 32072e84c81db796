import { createHmac } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Events } from '../../events/index.js';
import { Jobs, defineJob } from '../../jobs/index.js';
import { Clock } from '../../platform/clock/clock.js';
import { Secrets } from '../../platform/crypto/secrets.js';
import { Database } from '../../platform/database/database.js';
import { prefixOf } from '../../platform/http/client-address.js';
import { currentRequest } from '../../platform/logging/request-context.js';
import { Sessions } from '../../sessions/index.js';
import { AccountBlocked, AccountUnlocked, TooManyGuesses } from './guesses.contract.js';
import { GuessesRepository } from './guesses.repository.js';

const DAY = 24 * 3_600_000;
const PruneGuesses = defineJob('guesses.prune', { maxAttempts: 3 });
/** Counts what comes from everywhere. */
const EVERYWHERE = Buffer.alloc(0);
/** The id of no user. */
const NOBODY = '00000000-0000-7000-8000-000000000000';

/**
 * Failed proofs, counted before they are heard and forgotten when one is right: one count for a source (an address, or
 * a /64 of IPv6), one for all, over every door. A source that guesses waits, longer and longer; a crowd of them locks
 * strangers out for an hour, but nobody who is signed in from where they come: an attacker cannot lock out the owner.
 */
@Injectable()
export class Guesses {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly secrets: Secrets,
    private readonly guesses: GuessesRepository,
    private readonly sessions: Sessions,
    jobs: Jobs,
  ) {
    jobs.work(PruneGuesses, () => guesses.deleteBefore(new Date(clock.millis() - 2 * DAY)), { cron: '37 4 * * *' });
  }

  /**
   * Counts a guess that is about to be heard.
   * @param account the id of a user, or whatever name was given where there is none: both cost the same
   * @throws TooManyGuesses
   */
  async reserve(account: string, userId: string | null): Promise<void> {
    const now = this.clock.now();
    const key = this.keyOf(account);
    const here = await this.guesses.reserve(key, this.here(), now);
    if (here.refused) throw tooMany(here.blockedUntil!, now);
    // Only what is heard: else one source, refused a hundred times, would close the account to everybody.
    const everywhere = await this.guesses.reserve(key, EVERYWHERE, now);
    if (everywhere.refused && !(await this.isAtHome(userId))) throw tooMany(everywhere.blockedUntil!, now);
    const newly = [here, everywhere].find(({ blockedUntil }) => blockedUntil !== null && blockedUntil > now);
    if (newly) await this.tell(userId, newly.blockedUntil!, newly === everywhere);
  }

  /** The guess was right: what failed before it is forgotten. */
  forgive(account: string): Promise<void> {
    return this.guesses.forgive(this.keyOf(account), [EVERYWHERE, this.here()]);
  }

  /** Lets everybody try again, as part of the caller's transaction. @returns whether anybody was counted */
  async unlock(userId: string): Promise<boolean> {
    if ((await this.guesses.forget(this.keyOf(userId))) === 0) return false;
    this.events.record(AccountUnlocked, { userId }, { subject: `users/${userId}` });
    return true;
  }

  /** Asked for nobody too, as `tell` is told of nobody: a lock shows as little as a refusal who has an account. */
  private async isAtHome(userId: string | null): Promise<boolean> {
    const ip = currentRequest()?.ip;
    return ip != null && (await this.sessions.isOpenFrom(userId ?? NOBODY, prefixOf(ip)));
  }

  private tell(userId: string | null, until: Date, everywhere: boolean): Promise<void> {
    return this.db.transaction(() => {
      const about = userId === null ? {} : { subject: `users/${userId}` };
      this.events.record(AccountBlocked, { userId, until, everywhere }, about);
      return Promise.resolve();
    });
  }

  private here(): Buffer {
    return this.keyOf(prefixOf(currentRequest()?.ip ?? '0.0.0.0'));
  }

  private keyOf(text: string): Buffer {
    return createHmac('sha256', this.secrets.key('guesses')).update(text).digest();
  }
}

function tooMany(until: Date, now: Date): Error {
  const seconds = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000));
  return new TooManyGuesses().withHeader('Retry-After', String(seconds));
}
