import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import { newId } from '../platform/crypto/tokens.js';
import { BrokerRepository } from './broker.repository.js';

/** How long it is held, and how much of it has to be left for a batch that is begun. Milliseconds. */
const LASTS = 10_000;
const LEFT_AT_LEAST = 5000;

/**
 * Which of the processes publishes. Without it all would publish everything, and JetStream would drop what comes twice:
 * so it saves work, and nothing else rests on it, nor on the agreement of clocks. A transaction that holds a lock cannot
 * stand in its place, for none may be open while we wait for NATS.
 */
@Injectable()
export class PublisherLease implements BeforeApplicationShutdown {
  private readonly holder = newId();
  private until = 0;
  private stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly broker: BrokerRepository,
  ) {}

  isHeld(): boolean {
    return !this.stopped && this.until - this.clock.millis() >= LEFT_AT_LEAST;
  }

  /** @returns false while another process holds it */
  async claim(): Promise<boolean> {
    if (this.stopped) return false;
    const until = this.clock.millis() + LASTS;
    const claimed = await this.broker.claimLease(this.holder, this.clock.now(), new Date(until));
    this.until = claimed ? until : 0;
    return claimed;
  }

  /** The next process need not wait until it is over. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    if (this.until > 0)
      await this.broker.releaseLease(this.holder).catch(() => {
        // The database is away: it ends by itself.
      });
  }
}
