import { Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';

import { Facts, LiveFacts, cloudEventOf } from '../events/index.js';
import type { CloudEvent, RecordedFact } from '../events/index.js';
import { Revocations } from '../platform/cache/revocations.js';
import { PublicUrl } from '../platform/http/public-url.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { userRoom } from './connection.js';
import type { Connection, Wants } from './connection.js';
import { matches, nameOf } from './subscription.js';
import type { EventFilter } from './subscription.js';

export type Place = Awaited<ReturnType<Facts['placeAfter']>>;

/** Before the first fact. */
const START: Place = { xid: '0', seq: '0' };

/** Gives an event to everybody in some rooms; each gets it once. */
type Tell = (rooms: string[], event: ReturnType<typeof cloudEventOf>) => void;

/**
 * What is told on the sockets of this process. One reader of the facts for all of them: each fact is written once, and
 * sent to the rooms whose people want it.
 */
@Injectable()
export class LiveFeed {
  private tell: Tell = () => undefined;
  private hasPeople: (room: string) => boolean = () => false;
  private opening: Promise<void> | null = null;
  private stop = new AbortController();
  private last: RecordedFact | null = null;
  private readonly filters = new Map<string, EventFilter>();
  private readonly waiting: (() => void)[] = [];
  private readonly told: Counter;

  constructor(
    private readonly live: LiveFacts,
    private readonly facts: Facts,
    private readonly publicUrl: PublicUrl,
    private readonly revocations: Revocations,
    metrics: Metrics,
  ) {
    this.told = metrics.counter('realtime_events_total', 'Events that were told on at least one socket');
  }

  /** @param hasPeople whether anybody is in a room */
  speakBy(tell: Tell, hasPeople: (room: string) => boolean): void {
    this.tell = tell;
    this.hasPeople = hasPeople;
  }

  /** The newest event: whoever joins now is told of those after it. Null if there never was one. */
  get lastEventId(): string | null {
    return this.last?.id ?? null;
  }

  /** Whatever is told from now on comes after it. */
  get place(): Place {
    return this.last ?? START;
  }

  /** Settles when it has come further, or nobody listens any more. */
  moved(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** From now on facts are read; what is committed after this is told. */
  async open(): Promise<void> {
    const opening = (this.opening ??= this.begin(this.stop.signal));
    try {
      await opening;
    } catch (error) {
      if (this.opening === opening) this.opening = null;
      throw error;
    }
  }

  private async begin(signal: AbortSignal): Promise<void> {
    const newest = await this.facts.newest();
    if (!signal.aborted) this.last = newest;
    await this.live.watch((fact) => this.pass(fact, signal), signal, newest);
  }

  /** Nobody listens: nothing is read. */
  close(): void {
    this.stop.abort();
    this.stop = new AbortController();
    this.opening = null;
    this.last = null;
    this.filters.clear();
    this.move();
  }

  private move(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** From now on it is told what all are told who want the same. */
  join(connection: Connection): void {
    connection.join();
    this.know(connection);
  }

  /** From now on it is told this. */
  want(connection: Connection, wants: Wants): void {
    connection.want(wants);
    this.know(connection);
  }

  /** The room of a filter is looked at until nobody is in it. */
  private know({ wants: { events } }: Connection): void {
    if (events) this.filters.set(nameOf(events), events);
  }

  /** Settles when we know again what was taken away from whom: nobody is told anything meanwhile. */
  async trusted(): Promise<void> {
    while (!this.isTrusted) await this.revocations.looked();
  }

  get isTrusted(): boolean {
    return this.revocations.areFresh();
  }

  private pass(fact: RecordedFact, signal: AbortSignal): Promise<void> | null {
    if (this.isTrusted) return this.give(fact);
    return this.trusted().then(() => void (signal.aborted || this.give(fact)));
  }

  private give(fact: RecordedFact): null {
    this.last = fact;
    this.move();
    const rooms = this.roomsOf(fact);
    if (rooms.length === 0) return null;
    this.told.inc();
    this.tell(rooms, this.show(fact));
    return null;
  }

  show(fact: Parameters<typeof cloudEventOf>[0]): CloudEvent {
    return cloudEventOf(fact, this.publicUrl.value);
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

  /** Whether this is the last that was told to all: whoever has had it may join them. */
  isLevelWith({ xid, seq }: Place): boolean {
    return this.place.xid === xid && this.place.seq === seq;
  }
}

/** Whose account it is about. */
export function userOf({ subject }: Pick<RecordedFact, 'subject'>): string | null {
  return subject?.startsWith('users/') ? subject.slice('users/'.length) : null;
}
