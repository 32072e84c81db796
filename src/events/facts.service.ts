import { AsyncResource } from 'node:async_hooks';

import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

import { Listener } from '../platform/cache/listener.js';
import { EdgeRepository } from './edge.repository.js';
import type { Backlog } from './edge.repository.js';
import { EventPositionGone } from './events.contract.js';
import { EventsRepository } from './events.repository.js';
import { isAfter } from './fact.js';
import type { Position, PublicFact, RecordedFact, Span, Way } from './fact.js';

/** Facts of one process come together: others are told once for all of them. Milliseconds. */
const TELLS_AFTER = 5;
const CHANNEL = 'roster_facts';

/** The facts for whoever reads all of them: each once, in the order of their commits, from a cursor that is kept. */
@Injectable()
export class Facts implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly listeners: (() => void)[] = [];
  private telling: NodeJS.Timeout | undefined;
  /** Not in the name, nor in the time, of the request whose fact is told. */
  private readonly tell = AsyncResource.bind(() => {
    this.telling = undefined;
    this.listener.nudge(CHANNEL);
  });

  constructor(
    private readonly events: EventsRepository,
    private readonly edge: EdgeRepository,
    private readonly listener: Listener,
  ) {}

  onApplicationBootstrap(): void {
    this.listener.on(CHANNEL, () => this.wake());
  }

  onModuleDestroy(): void {
    clearTimeout(this.telling);
  }

  /** The facts after a position, as far as they are final: none can come between them any more. */
  after(position: Position, limit: number): Promise<RecordedFact[]> {
    return this.events.after(position, limit);
  }

  /** The public part of what lies on a way, from its beginning on; its end must be one that was read as final. */
  past(way: Way, limit: number): Promise<PublicFact[]> {
    return this.events.past(way, limit);
  }

  /** How many facts lie on a way, counted no further than `most`. */
  distance(way: Way, most: number): Promise<number> {
    return this.events.distance(way, most);
  }

  /** Whether one place comes after another in the order of commits. */
  comesAfter(one: Position, other: Position): boolean {
    return isAfter(one, other);
  }

  /**
   * Final facts of a span of time, in the order of their ids, which is that of their making within milliseconds.
   * @param after the id of the last one that is known
   */
  between(span: Span, after: string | null, limit: number): Promise<RecordedFact[]> {
    return this.events.between(span, after, limit);
  }

  /** Where a reader stands; before the first fact if it has not begun. */
  positionOf(reader: string): Promise<Position> {
    return this.events.positionOf(reader);
  }

  /** Part of the caller's transaction: what was read and where the reader stands are kept together. */
  async advance(reader: string, position: Position): Promise<void> {
    await this.events.advance(reader, position);
  }

  /** The place before whatever comes from now on. */
  end(): Promise<Position> {
    return this.events.end();
  }

  /** The last fact that is final; null if there is none at all. */
  newest(): Promise<RecordedFact | null> {
    return this.events.newest();
  }

  /** Moves a reader whose work lies elsewhere, unless somebody has moved it meanwhile. @returns whether it was moved */
  advanceFrom(reader: string, from: Position, to: Position): Promise<boolean> {
    return this.events.advanceFrom(reader, from, to);
  }

  /** Where a fact stands, by its id; null if there is none, or no more. */
  placeOf(id: string): Promise<Position | null> {
    return this.events.placeOf(id);
  }

  /** What a reader has not read, and whether it ever will. */
  backlogOf(reader: string): Promise<Backlog> {
    return this.edge.backlogOf(reader);
  }

  /** Whose transaction every reader waits for, in words for an operator; null if there is none. */
  holder(): Promise<string | null> {
    return this.edge.holder();
  }

  /** The same for whoever goes on after it. @throws EventPositionGone */
  async placeAfter(id: string): Promise<Position> {
    const place = await this.placeOf(id);
    if (!place) throw new EventPositionGone();
    return place;
  }

  /** Called after facts were committed, in this process or in another; a nudge may be lost. It must not throw. */
  onRecorded(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Tells those who wait, here and in other processes, that there is something to read. */
  recorded(): void {
    this.wake();
    this.telling ??= setTimeout(this.tell, TELLS_AFTER);
  }

  private wake(): void {
    for (const listener of this.listeners) listener();
  }
}
