import { Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';

import { LiveFacts, cloudEventOf } from '../events/index.js';
import type { Facts, RecordedFact } from '../events/index.js';
import { Logs } from '../platform/logging/logger.js';
import { ServiceUnavailable } from '../platform/http/problems.js';
import { PublicUrl } from '../platform/http/public-url.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { userRoom } from './connection.js';
import type { Connection, Wants } from './connection.js';
import { Connections } from './connections.js';
import { ResumeTooLong } from './realtime.contract.js';
import { matches, nameOf } from './subscription.js';
import type { EventFilter } from './subscription.js';
import { Turns } from './turns.js';

type Place = Awaited<ReturnType<Facts['placeAfter']>>;

/** Whoever comes back reads the past for themselves: so many at the same time, and so many facts at most. */
const READERS = 8;
const MOST_PAST = 50_000;

/** Gives an event to everybody in some rooms; each gets it once. */
type Tell = (rooms: string[], event: ReturnType<typeof cloudEventOf>) => void;

/**
 * What is told on the sockets of this process. One reader of the facts for all of them: each fact is written once, and
 * sent to the rooms whose people want it. Whoever goes on from an event reads what they missed alone, and joins the
 * others at the very fact at which both stand.
 */
@Injectable()
export class LiveFeed {
  private tell: Tell = () => undefined;
  private hasPeople: (room: string) => boolean = () => false;
  private opening: Promise<void> | null = null;
  private stop = new AbortController();
  private last: RecordedFact | null = null;
  private readonly filters = new Map<string, EventFilter>();
  private readonly turns = new Turns(READERS);
  private catchingUp = 0;
  private readonly told: Counter;
  private readonly log;

  constructor(
    private readonly live: LiveFacts,
    private readonly publicUrl: PublicUrl,
    connections: Connections,
    logs: Logs,
    metrics: Metrics,
  ) {
    this.log = logs.of('realtime');
    connections.onEmpty(() => this.close());
    this.told = metrics.counter('realtime_events_total', 'Events that were told on at least one socket');
    metrics.gauge('realtime_catching_up', 'Sockets that are told what they missed', () => this.catchingUp);
  }

  /** @param hasPeople whether anybody is in a room */
  speakBy(tell: Tell, hasPeople: (room: string) => boolean): void {
    this.tell = tell;
    this.hasPeople = hasPeople;
  }

  /** The newest event that was told to anybody; null if there was none since it was opened. */
  get lastEventId(): string | null {
    return this.last?.id ?? null;
  }

  /** From now on facts are read; what is committed after this is told. */
  async open(): Promise<void> {
    this.opening ??= this.live.watch((fact) => this.pass(fact), this.stop.signal);
    try {
      await this.opening;
    } catch (error) {
      this.opening = null;
      throw error;
    }
  }

  /** Nobody listens: nothing is read. */
  private close(): void {
    this.stop.abort();
    this.stop = new AbortController();
    this.opening = null;
    this.last = null;
    this.filters.clear();
  }

  /** Lets a connection take part: at once, or after it was told what it missed since a place. */
  follow(connection: Connection, from: Place | null): void {
    if (from === null) this.join(connection);
    else void this.catchUp(connection, from);
  }

  /** From now on it is told this. */
  want(connection: Connection, wants: Wants): void {
    connection.want(wants);
    this.know(connection);
  }

  private join(connection: Connection): void {
    connection.join();
    this.know(connection);
  }

  /** The room of a filter is looked at until nobody is in it. */
  private know({ wants: { events } }: Connection): void {
    if (events) this.filters.set(nameOf(events), events);
  }

  private pass(fact: RecordedFact): void {
    this.last = fact;
    const rooms = this.roomsOf(fact);
    if (rooms.length === 0) return;
    this.told.inc();
    this.tell(rooms, cloudEventOf(fact, this.publicUrl.value));
  }

  private roomsOf(fact: RecordedFact): string[] {
    const rooms: string[] = [];
    const userId = userOf(fact);
    if (userId !== null && this.hasPeople(userRoom(userId))) rooms.push(userRoom(userId));
    for (const [room, filter] of this.filters) {
      if (!this.hasPeople(room)) this.filters.delete(room);
      else if (matches(filter, fact)) rooms.push(room);
    }
    return rooms;
  }

  private async catchUp(connection: Connection, from: Place): Promise<void> {
    const leave = new AbortController();
    const release = await this.turns.take();
    this.catchingUp += 1;
    let read = 0;
    const accept = (fact: RecordedFact): Promise<void> | void => {
      if (isFor(connection, fact)) connection.send(cloudEventOf(fact, this.publicUrl.value));
      // Nothing is awaited between the look and the leap: the next fact comes to all.
      if (this.isLevelWith(fact)) {
        leave.abort();
        this.join(connection);
      } else if ((read += 1) > MOST_PAST) connection.close(new ResumeTooLong(), false);
      else if (connection.isBehind) {
        // It keeps nobody else from reading while it waits for its own client.
        release();
        return connection.drained();
      }
    };
    try {
      await this.live.watch(accept, AbortSignal.any([leave.signal, connection.signal]), from);
    } catch (error) {
      this.log.warn({ err: error }, 'The past could not be read; the client comes again');
      connection.close(new ServiceUnavailable(), true);
    } finally {
      release();
      this.catchingUp -= 1;
    }
  }

  /** Each is given a fact after the one reader for all was, so that they meet at the newest. */
  private isLevelWith({ xid, seq }: Place): boolean {
    return this.last !== null && this.last.xid === xid && this.last.seq === seq;
  }
}

function isFor({ wants: { own, events }, principal }: Connection, fact: RecordedFact): boolean {
  return (own && userOf(fact) === principal.userId) || (events !== null && matches(events, fact));
}

function userOf({ subject }: RecordedFact): string | null {
  return subject?.startsWith('users/') ? subject.slice('users/'.length) : null;
}
