import { Injectable } from '@nestjs/common';

import { Turns } from '../platform/concurrency/turns.js';
import { PublicUrl } from '../platform/http/public-url.js';
import type { EventStream } from '../platform/http/sse.js';
import { cloudEventOf } from './cloud-event.js';
import type { CloudEvent } from './cloud-event.js';
import { eventFilter } from './event-filter.js';
import { EventNotFound, EventPositionGone } from './events.contract.js';
import { EventsList } from './events.list.js';
import { EventsRepository } from './events.repository.js';
import type { Position, PublicFact } from './fact.js';
import { Facts } from './facts.service.js';
import { LiveFacts } from './live-facts.js';

/** What somebody wants to follow, and from where on. */
export interface Following {
  /** The id of the event that was read last, or a cursor of the list; null: from now on. */
  readonly after: string | null;
  readonly filter?: string;
}

/** Tells a reader what happens for as long as they read. It never fails. */
export type Feed = (stream: EventStream) => unknown;

/** So many streams read the past at the same time, and so many facts each until the next has its turn. */
const READERS = 8;
const MOST_IN_TURN = 50_000;
/** No past is read any more. */
const LIVE = -1;

interface Followed {
  readonly from: Position;
  /** What lies between there and now is read. */
  readonly isPast: boolean;
  readonly subject: string | null;
  readonly isWanted: (fact: PublicFact) => boolean;
  /** Called with what is not for them. */
  readonly passed: (fact: PublicFact) => void;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The public part of the facts: one by its id, or all as they are committed. */
@Injectable()
export class EventFeeds {
  /** Many read the same fact: it is written once. */
  private readonly texts = new WeakMap<object, string>();
  private readonly turns = new Turns(READERS);

  constructor(
    private readonly events: EventsRepository,
    private readonly list: EventsList,
    private readonly facts: Facts,
    private readonly live: LiveFacts,
    private readonly publicUrl: PublicUrl,
  ) {}

  show(fact: PublicFact): CloudEvent {
    return cloudEventOf(fact, this.publicUrl.value);
  }

  /** @throws EventNotFound */
  async get(id: string): Promise<CloudEvent> {
    const fact = await this.events.find(id);
    if (!fact) throw new EventNotFound();
    return this.show(fact);
  }

  /** Everything that happens, as far as the filter wants it. @throws ListQueryInvalid, EventPositionGone */
  async everything(following: Following): Promise<Feed> {
    const isWanted = eventFilter(following.filter);
    const from = await this.placeOf(following);
    const isPast = following.after !== null;
    return (stream) => {
      // They may know of all: where they are told nothing for long, they need not begin at the last that they were told.
      const passed = ({ id }: PublicFact): void => stream.passed(() => id);
      void this.follow(stream, { from, isPast, subject: null, isWanted, passed });
    };
  }

  /** What happens to somebody. @throws ListQueryInvalid, EventPositionGone */
  async about(userId: string, following: Following): Promise<Feed> {
    const [subject, wanted] = [`users/${userId}`, eventFilter(following.filter)];
    const from = await this.placeOf(following);
    const isPast = following.after !== null;
    const isWanted = (fact: PublicFact): boolean => fact.subject === subject && wanted(fact);
    return async (stream) => {
      // What happens to others has ids that are not for them: a cursor says how far they are.
      const passed = (place: Position): void => stream.passed(() => this.list.cursorOf(place, following.filter));
      const end = await this.follow(stream, { from, isPast, subject, isWanted, passed });
      if (end) passed(end);
    };
  }

  /** @returns up to where they were told what was past; null if they could not be told */
  private async follow(stream: EventStream, followed: Followed): Promise<Position | null> {
    const { from, isPast, subject, isWanted, passed } = followed;
    let release = isPast ? await this.turns.take() : (): void => undefined;
    let read = 0;
    const letOthers = async (): Promise<void> => {
      release();
      release = await this.turns.take();
    };
    const tell = (fact: PublicFact): Promise<void> | null => {
      if (isWanted(fact)) stream.send({ id: fact.id, data: this.textOf(fact) });
      else passed(fact);
      const room = stream.room();
      // Nobody else is kept from reading while it waits for its own client.
      if (room) release();
      else if (read !== LIVE && (read += 1) % MOST_IN_TURN === 0) return letOthers();
      return room;
    };
    try {
      return await this.live.watch(tell, stream.closed, from, subject);
    } catch {
      // Whoever cannot be told what is past comes again, from where they are.
      stream.close();
      return null;
    } finally {
      read = LIVE;
      release();
    }
  }

  private async placeOf({ after, filter }: Following): Promise<Position> {
    if (after === null) return this.facts.end();
    if (!UUID.test(after)) return this.list.placeOf(after, filter);
    const place = await this.facts.placeOf(after);
    if (!place) throw new EventPositionGone();
    return place;
  }

  private textOf(fact: PublicFact): string {
    const text = this.texts.get(fact) ?? JSON.stringify(this.show(fact));
    this.texts.set(fact, text);
    return text;
  }
}
