import { Injectable } from '@nestjs/common';

import { Facts } from '../events/index.js';
import { Turns } from '../platform/concurrency/turns.js';
import { ServiceUnavailable } from '../platform/http/problems.js';
import { Logs } from '../platform/logging/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import type { Admitted } from './admission.service.js';
import { Closings } from './closings.js';
import type { Connection, Wants } from './connection.js';
import { inName } from './in-name.js';
import { LiveFeed, userOf } from './live-feed.js';
import type { Place } from './live-feed.js';
import { ResumeTooLong, SlowReader } from './realtime.contract.js';
import { matches } from './subscription.js';

/** So many read the past at the same time, so many facts at once, and so many each at most. */
const READERS = 8;
const PAGE = 100;
const MOST_PAST = 50_000;
/** Whoever has not taken by then what waits for them is dropped. Milliseconds. */
const TAKES_WITHIN = 10_000;

type PastFact = Awaited<ReturnType<Facts['past']>>[number];

/**
 * What one connection is told, from its first event on. Whoever goes on from an event reads what they missed alone, up to
 * where all the others stand, and joins them there: none is left out, none comes twice.
 */
@Injectable()
export class Following {
  private readonly turns = new Turns(READERS);
  private catchingUp = 0;
  private readonly log;

  constructor(
    private readonly feed: LiveFeed,
    private readonly facts: Facts,
    private readonly closings: Closings,
    logs: Logs,
    metrics: Metrics,
  ) {
    this.log = logs.of('realtime');
    metrics.gauge('realtime_catching_up', 'Sockets that are told what they missed', () => this.catchingUp);
  }

  begin({ connection, from }: Admitted): void {
    // Whoever is cut off before the first event goes on from the same place.
    connection.ready(from?.id ?? this.feed.lastEventId);
    void this.goOn(connection, from ?? this.feed.place, from !== null);
  }

  /** Tells them nothing until they are released; what happens meanwhile they are told then. */
  hold(connection: Connection): void {
    const { place } = this.feed;
    if (connection.hold()) void this.goOn(connection, place, false);
  }

  /** Nobody is there any more. */
  close(): void {
    this.feed.close();
  }

  change(connection: Connection, wants: Wants): void {
    this.feed.want(connection, wants);
  }

  private async goOn(connection: Connection, from: Place, isLongAgo: boolean): Promise<void> {
    if (this.joins(connection, from)) return;
    this.catchingUp += 1;
    try {
      await this.catchUp(connection, from, isLongAgo);
    } catch (error) {
      this.log.warn({ err: error }, 'The past could not be read; the client comes again');
      this.closings.close(connection, new ServiceUnavailable());
    } finally {
      this.catchingUp -= 1;
    }
  }

  /** Nothing is awaited between the look at the place and the leap: the next fact comes to all. */
  private joins(connection: Connection, place: Place): boolean {
    if (connection.isEnded || connection.released || !this.feed.isLevelWith(place)) return false;
    this.feed.join(connection);
    return true;
  }

  private async catchUp(connection: Connection, from: Place, isLongAgo: boolean): Promise<void> {
    await this.mayBeTold(connection);
    if (isLongAgo && (await this.isTooFar(connection, from))) this.closings.close(connection, new ResumeTooLong());
    for (let place = from; !connection.isEnded && !this.joins(connection, place);) {
      const end = this.feed.place;
      if (this.facts.comesAfter(place, end)) {
        // They come from another process, which was quicker.
        await this.feed.moved();
        continue;
      }
      const page = await this.read(connection, () => this.facts.past(wayOf(connection, place, end), PAGE));
      await this.mayBeTold(connection);
      this.tell(connection, page);
      place = page.length < PAGE ? end : page.at(-1)!;
      if (connection.isBehind && !(await connection.drained(TAKES_WITHIN)))
        this.closings.drop(connection, new SlowReader());
    }
  }

  /** Waits while nobody knows it. */
  private async mayBeTold(connection: Connection): Promise<void> {
    while (connection.released || !this.feed.isTrusted) await (connection.released ?? this.feed.trusted());
  }

  /** Before anything of it is read. */
  private async isTooFar(connection: Connection, from: Place): Promise<boolean> {
    const way = wayOf(connection, from, this.feed.place);
    return (await this.read(connection, () => this.facts.distance(way, MOST_PAST + 1))) > MOST_PAST;
  }

  /** A turn for each page: whoever takes long to be told keeps nobody else from reading. */
  private async read<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
    const release = await this.turns.take();
    try {
      return await inName(connection, work);
    } finally {
      release();
    }
  }

  private tell(connection: Connection, page: readonly PastFact[]): void {
    for (const fact of page) if (!connection.isEnded && isFor(connection, fact)) connection.send(this.feed.show(fact));
  }
}

function isFor({ wants: { own, events }, principal }: Connection, fact: PastFact): boolean {
  return (own && userOf(fact) === principal.userId) || (events !== null && matches(events, fact));
}

function wayOf(connection: Connection, from: Place, to: Place): Parameters<Facts['past']>[0] {
  return { from, to, subject: soleSubjectOf(connection) };
}

/** Whose facts are enough to read; null for those of everybody. */
function soleSubjectOf({ wants: { own, events }, principal: { userId } }: Connection): string | null {
  const mine = `users/${userId}`;
  if (events === null) return mine;
  const isOne = events.subject !== null && !events.subject.endsWith('*');
  return isOne && (!own || events.subject === mine) ? events.subject : null;
}
