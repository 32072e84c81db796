import { Injectable } from '@nestjs/common';

import { PublicUrl } from '../platform/http/public-url.js';
import type { EventStream } from '../platform/http/sse.js';
import { cloudEventOf } from './cloud-event.js';
import type { CloudEvent } from './cloud-event.js';
import { eventFilter } from './event-filter.js';
import { EventNotFound, EventPositionGone } from './events.contract.js';
import { EventsList } from './events.list.js';
import { EventsRepository } from './events.repository.js';
import type { Position, PublicFact } from './events.repository.js';
import { Facts } from './facts.service.js';
import { LiveFacts } from './live-facts.js';

/** What somebody wants to follow, and from where on. */
export interface Following {
  /** The id of the event that was read last, or a cursor of the list; null: from now on. */
  readonly after: string | null;
  readonly filter?: string;
}

/** Tells a reader what happens for as long as they read. */
export type Feed = (stream: EventStream) => void;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The public part of the facts: one by its id, or all as they are committed. */
@Injectable()
export class EventFeeds {
  /** Many read the same fact: it is written once. */
  private readonly texts = new WeakMap<object, string>();

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
    const wanted = eventFilter(following.filter);
    const from = await this.placeOf(following);
    return (stream) =>
      this.follow(stream, from, (fact) => {
        const isWanted = wanted(fact);
        // They may know of all: where they are told nothing for long, they need not begin at the last that they were told.
        if (!isWanted) stream.passed(fact.id);
        return isWanted;
      });
  }

  /** What happens to somebody. @throws ListQueryInvalid, EventPositionGone */
  async about(userId: string, following: Following): Promise<Feed> {
    const [subject, wanted] = [`users/${userId}`, eventFilter(following.filter)];
    const from = await this.placeOf(following);
    return (stream) => this.follow(stream, from, (fact) => fact.subject === subject && wanted(fact));
  }

  private follow(stream: EventStream, from: Position, isWanted: (fact: PublicFact) => boolean): void {
    const tell = (fact: PublicFact): Promise<void> | null => {
      if (!isWanted(fact)) return null;
      stream.send({ id: fact.id, data: this.textOf(fact) });
      return stream.room();
    };
    // Whoever cannot be told what is past comes again, from where they are.
    this.live.watch(tell, stream.closed, from).catch(() => stream.close());
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
