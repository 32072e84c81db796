import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { EdgeRepository } from './edge.repository.js';

const LOOKS_EVERY = 5000;

/** Looks now and then for how long facts have been waiting behind a transaction that is open. */
@Injectable()
export class EdgeWatch implements OnApplicationBootstrap, OnModuleDestroy {
  private heldSince: Date | null = null;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly edge: EdgeRepository,
    private readonly metrics: Metrics,
  ) {}

  onApplicationBootstrap(): void {
    this.metrics.gauge(
      'events_edge_age_seconds',
      'How long the oldest event has been waiting behind a transaction that is open, in all databases of the cluster',
      () => this.seconds(),
    );
    this.timer = setInterval(() => void (this.looking ??= this.look()), LOOKS_EVERY).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  private seconds(): number {
    return this.heldSince === null ? 0 : Math.max(0, this.clock.millis() - this.heldSince.getTime()) / 1000;
  }

  private async look(): Promise<void> {
    try {
      this.heldSince = await this.edge.heldSince();
    } catch {
      // A database that is away is told of by others; the number stays as it was.
    }
    this.looking = null;
  }
}
