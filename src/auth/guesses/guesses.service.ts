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
import { Users } from '../../users/index.js';
import { AccountBlocked, AccountUnlocked, TooManyGuesses } from './guesses.contract.js';
import { GuessesRepository } from './guesses.repository.js';
import type { Counted } from './guesses.repository.js';

const DAY = 24 * 3_600_000;
const PruneGuesses = defineJob('guesses.prune', { maxAttempts: 3 });
/** Whoever signed in from somewhere so lately is at home there. Milliseconds. */
const HOME_FOR = 30 * DAY;
/** Counts what comes from everywhere. */
const EVERYWHERE = Buffer.alloc(0);
/** The id of no user. */
const NOBODY = '00000000-0000-7000-8000-000000000000';

/** At whom somebody guesses. */
export interface Guessed {
  /** What was typed, in whatever spelling; null for whoever is signed in, or half so: that is their address. */
  readonly name: string | null;
  readonly userId: string | null;
}

interface Counts {
  readonly account: Buffer;
  readonly here: Buffer;
}

/**
 * Failed proofs, counted before they are heard and forgotten when one is right: one count for a source (an address, or
 * a /64 of IPv6), one for all, over every door. A source that guesses waits, longer and longer; a crowd of them locks
 * strangers out for an hour, but nobody who signed in from where they come in the last thirty days: an attacker cannot
 * lock out the owner. Sources are counted by the name that is typed: a pause that began under one name of an account
 * and is found under another would tell that the two are one (S9).
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
    private readonly users: Users,
    jobs: Jobs,
  ) {
    jobs.work(PruneGuesses, () => guesses.deleteBefore(new Date(clock.millis() - 2 * DAY)), { cron: '37 4 * * *' });
  }

  /** Whoever has this address or user name now: a proof of any purpose counts for them. Nobody costs the same. */
  async whoHas(name: string): Promise<Guessed> {
    return { name, userId: (await this.users.findByIdentifier(name))?.id ?? null };
  }

  /** Counts a guess that is about to be heard. @throws TooManyGuesses */
  async reserve(guessed: Guessed): Promise<void> {
    const { userId } = guessed;
    const now = this.clock.now();
    const { account, here: source } = await this.countsOf(guessed);
    const here = await this.reserveFrom(account, source, now);
    // Only what is heard: else one source, refused a hundred times, would close the account to everybody.
    const everywhere = await this.guesses.reserve(account, EVERYWHERE, now);
    if (everywhere.refused && !(await this.isAtHome(userId))) throw tooMany(everywhere.blockedUntil!, now);
    const newly = [here, everywhere].find(({ blockedUntil }) => blockedUntil !== null && blockedUntil > now);
    if (newly) await this.tell(userId, newly.blockedUntil!, newly === everywhere);
  }

  /**
   * As `reserve`, for whoever has shown a first factor already: strangers who guess at that one must not shut them out
   * of the second, which has limits of its own. @throws TooManyGuesses
   */
  async reserveHere(userId: string): Promise<void> {
    const now = this.clock.now();
    const { account, here: source } = await this.countsOf({ name: null, userId });
    const { blockedUntil } = await this.reserveFrom(account, source, now);
    if (blockedUntil !== null) await this.tell(userId, blockedUntil, false);
  }

  /** The guess was right: what failed before it is forgotten. */
  async forgive(guessed: Guessed): Promise<void> {
    const { account, here } = await this.countsOf(guessed);
    await this.guesses.forgive(account, [EVERYWHERE, here]);
  }

  /** Lets everybody try again, as part of the caller's transaction. @returns whether anybody was counted */
  async unlock(userId: string): Promise<boolean> {
    if ((await this.guesses.forget(this.keyOf(userId))) === 0) return false;
    this.events.record(AccountUnlocked, { userId }, { subject: `users/${userId}` });
    return true;
  }

  /** @throws TooManyGuesses */
  private async reserveFrom(account: Buffer, source: Buffer, now: Date): Promise<Counted> {
    const here = await this.guesses.reserve(account, source, now);
    if (here.refused) throw tooMany(here.blockedUntil!, now);
    return here;
  }

  /** Asked for nobody too, as `tell` is told of nobody: a lock shows as little as a refusal who has an account. */
  private async isAtHome(userId: string | null): Promise<boolean> {
    const ip = currentRequest()?.ip;
    const since = new Date(this.clock.millis() - HOME_FOR);
    return ip != null && (await this.sessions.wasSeenFrom(userId ?? NOBODY, prefixOf(ip), since));
  }

  private tell(userId: string | null, until: Date, everywhere: boolean): Promise<void> {
    return this.db.transaction(() => {
      const about = userId === null ? {} : { subject: `users/${userId}` };
      this.events.record(AccountBlocked, { userId, until, everywhere }, about);
      return Promise.resolve();
    });
  }

  private async countsOf({ name, userId }: Guessed): Promise<Counts> {
    const known = name ?? (await this.users.get(userId!)).email;
    const normal = this.users.normalIdentifier(known);
    const here = prefixOf(currentRequest()?.ip ?? '0.0.0.0');
    return { account: this.keyOf(userId ?? normal), here: this.keyOf(`${here} ${normal}`) };
  }

  private keyOf(text: string): Buffer {
    return createHmac('sha256', this.secrets.key('guesses')).update(text).digest();
  }
}

function tooMany(until: Date, now: Date): Error {
  const seconds = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000));
  return new TooManyGuesses().withHeader('Retry-After', String(seconds));
}
