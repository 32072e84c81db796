import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';

import { Facts, Followers, cloudEventOf } from '../events/index.js';
import type { RecordedFact } from '../events/index.js';
import { Config } from '../platform/config/config.js';
import { PublicUrl } from '../platform/http/public-url.js';
import { EventStream, NotAllStored } from './event-stream.js';
import { PublisherLease } from './publisher-lease.js';

type Position = Awaited<ReturnType<Facts['positionOf']>>;

const READER = 'broker';
const BATCH = 200;
/** Milliseconds that the first fact waits for those which come with it. */
const GATHERS_FOR = 10;

/**
 * Publishes the facts in the order of their commits, each at least once. It reads, publishes, waits until all are stored,
 * and only then moves its place, so that whatever goes away meanwhile only makes it send the same ids again.
 */
@Injectable()
export class EventPublisher implements OnApplicationBootstrap {
  constructor(
    private readonly config: Config,
    private readonly facts: Facts,
    private readonly stream: EventStream,
    private readonly lease: PublisherLease,
    private readonly publicUrl: PublicUrl,
    followers: Followers,
  ) {
    if (stream.isWanted)
      followers.add({ name: READER, step: () => this.publishNext(), gathersFor: GATHERS_FOR, waitsFor: 'NATS' });
  }

  onApplicationBootstrap(): void {
    if (this.stream.isWanted && this.config.values.ROLE !== 'api') this.stream.open();
  }

  /** @returns whether there may be more; false while NATS is away, or while another process publishes */
  async publishNext(): Promise<boolean> {
    if (!this.stream.isThere) return false;
    if (!(await this.isOurTurn())) {
      this.stream.restsWell();
      return false;
    }
    const from = await this.place();
    const batch = await this.facts.after(from, BATCH);
    const stored = await this.publish(batch);
    const last = batch[stored.count - 1];
    // Somebody else may have come further since: their place stays.
    if (last) await this.facts.advanceFrom(READER, from, last);
    if (stored.failure) throw stored.failure;
    return batch.length === BATCH;
  }

  /** Where we stand, or further: what the stream has already is not sent again, however long ago it was sent. */
  private async place(): Promise<Position> {
    const kept = await this.facts.positionOf(READER);
    const newest = await this.stream.newest();
    const stored = newest === null ? null : await this.facts.placeOf(newest);
    if (!stored || !this.facts.comesAfter(stored, kept)) return kept;
    await this.facts.advanceFrom(READER, kept, stored);
    return stored;
  }

  /** The lease is not asked for where there is nothing to do: an idle house writes nothing. */
  private async isOurTurn(): Promise<boolean> {
    if (this.lease.isHeld()) return true;
    const waiting = await this.facts.after(await this.facts.positionOf(READER), 1);
    return waiting.length > 0 && this.lease.claim();
  }

  private async publish(batch: readonly RecordedFact[]): Promise<{ count: number; failure: Error | null }> {
    if (batch.length === 0) return { count: 0, failure: null };
    try {
      await this.stream.publish(batch.map((fact) => cloudEventOf(fact, this.publicUrl.value)));
      return { count: batch.length, failure: null };
    } catch (error) {
      return { count: error instanceof NotAllStored ? error.stored : 0, failure: error as Error };
    }
  }
}
