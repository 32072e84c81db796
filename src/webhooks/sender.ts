import { AsyncResource } from 'node:async_hooks';
import { randomInt } from 'node:crypto';

import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';

import { Listener } from '../platform/cache/listener.js';
import { Config } from '../platform/config/config.js';
import { newId } from '../platform/crypto/tokens.js';
import { Logs } from '../platform/logging/logger.js';
import { AT_ONCE, Courier } from './courier.js';
import { DeliveryQueueRepository, STANDINGS } from './delivery-queue.repository.js';
import type { ClaimedDelivery, Resting, Standing } from './delivery-queue.repository.js';
import { inNobodysName } from './nobody.js';
import { outcomeOf } from './outcome.js';
import { Places } from './places.js';
import { Results } from './results.js';

const CHANNEL = 'roster_webhooks';
/** Milliseconds between two looks when nobody wakes it, and at least between any two. */
const LOOKS_EVERY = 500;
const LOOKS_APART = 15;
/** Of one webhook at once. */
const ROOM_OF_EACH: Readonly<Record<Standing, number>> = { proven: AT_ONCE, new: AT_ONCE, slow: 1, failing: 1 };
/** Beyond the time-out of a delivery: who has not said by then what became of it is dead. Milliseconds. */
const LEASE_BEYOND = 45_000;
/** What deliveries on their way may still take when the process stops. */
const LAST_DELIVERIES = 2000;

/** Sends what is due, unless ROLE=api: many at once, few to each webhook, none of them in the way of another. */
@Injectable()
export class Sender implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly places = new Places();
  private readonly underway = new Set<Promise<void>>();
  private readonly stop = new AbortController();
  private readonly log;
  private timer: NodeJS.Timeout | undefined;
  private soon: NodeJS.Timeout | undefined;
  private looking: Promise<void> | null = null;
  private lookedAt = 0;
  private lookedAtAll = 0;
  private stopping = false;
  private failing = false;
  /** Not in the name, nor in the time, of the request that wakes it. */
  private readonly wake = AsyncResource.bind(() => {
    if (this.stopping || this.config.values.ROLE === 'api') return;
    const wait = Math.max(0, this.lookedAt + LOOKS_APART - performance.now());
    this.soon ??= setTimeout(() => {
      this.soon = undefined;
      if (this.looking) this.wake();
      else this.looking = this.look().finally(() => (this.looking = null));
    }, wait).unref();
  });

  constructor(
    private readonly queue: DeliveryQueueRepository,
    private readonly courier: Courier,
    private readonly results: Results,
    private readonly listener: Listener,
    private readonly config: Config,
    logs: Logs,
  ) {
    this.log = logs.of('webhooks');
  }

  onApplicationBootstrap(): void {
    if (this.config.values.ROLE === 'api') return;
    this.listener.on(CHANNEL, () => this.wake());
    this.timer = setInterval(() => this.wake(), LOOKS_EVERY).unref();
  }

  /** Something is due: here and in other processes. Called after the commit. */
  tell(): void {
    this.wake();
    this.listener.nudge(CHANNEL);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearInterval(this.timer);
    clearTimeout(this.soon);
    await this.looking;
    const late = setTimeout(() => this.stop.abort(), LAST_DELIVERIES);
    await Promise.all(this.underway);
    clearTimeout(late);
    await this.results.written();
  }

  private async look(): Promise<void> {
    this.lookedAt = performance.now();
    this.places.moveSlow();
    const resting = this.courier.resting();
    const errors: unknown[] = [];
    for (const standing of this.due())
      try {
        await this.claim(standing, resting);
      } catch (error) {
        // Told below. What keeps one of them from being looked at is no reason to leave the others alone.
        errors.push(error);
      }
    // Told once: it looks again twice a second, and nothing is lost meanwhile.
    if (errors.length > 0 && !this.failing) this.log.warn({ err: errors[0] }, 'It waits for the database');
    if (errors.length === 0 && this.failing) this.log.info({}, 'It goes on');
    this.failing = errors.length > 0;
  }

  /** Who failed has been told to wait for seconds: to look for it at each fact would only cost. */
  private due(): readonly Standing[] {
    if (this.lookedAt - this.lookedAtAll < LOOKS_EVERY - LOOKS_APART)
      return STANDINGS.filter((each) => each !== 'failing');
    this.lookedAtAll = this.lookedAt;
    return STANDINGS;
  }

  private async claim(standing: Standing, resting: readonly Resting[]): Promise<void> {
    const roomOfEach = ROOM_OF_EACH[standing];
    const room = this.places.roomIn(standing);
    const slow = this.places.slowOnes();
    if (room <= 0 || (standing === 'slow' && slow.length === 0)) return;
    const lease = newId();
    const leasedFor = this.config.values.WEBHOOK_TIMEOUT + LEASE_BEYOND;
    const busy = this.places.perWebhook();
    const claimed = await inNobodysName(() =>
      this.queue.claim({ standing, room, roomOfEach, busy, slow, resting, lease, leasedFor }),
    );
    for (const delivery of claimed) this.start(delivery, standing, lease);
  }

  private start(delivery: ClaimedDelivery, standing: Standing, lease: string): void {
    const giveBack = this.places.take(delivery.webhookId, standing);
    const sending = this.send(delivery, lease)
      .catch((error: unknown) => this.log.error({ err: error, delivery: delivery.id }, 'A delivery could not be sent'))
      .finally(() => {
        giveBack();
        this.underway.delete(sending);
        this.wake();
      });
    this.underway.add(sending);
  }

  /** Its place is free as soon as it is there: what became of it is written beside the next ones. */
  private async send(delivery: ClaimedDelivery, lease: string): Promise<void> {
    const attempt = await this.courier.bring(delivery, this.stop.signal);
    const { id, webhookId, kind } = delivery;
    if (!attempt) {
      await inNobodysName(() => this.queue.release([id], lease));
      return;
    }
    const outcome = outcomeOf(delivery, attempt, chance());
    this.results.add({ id, webhookId, kind, lease, attempt, ...outcome }, () => this.wake());
  }
}

const FINE = 1_000_000;

function chance(): number {
  return randomInt(0, FINE + 1) / FINE;
}
