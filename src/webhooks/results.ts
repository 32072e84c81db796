import { setTimeout as pause } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { Database } from '../platform/database/database.js';
import { Logs } from '../platform/logging/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { DeliveryQueueRepository } from './delivery-queue.repository.js';
import type { Result } from './delivery-queue.repository.js';
import { inNobodysName } from './nobody.js';
import { isGone } from './outcome.js';
import { SelfDisabling } from './self-disabling.service.js';
import { WebhooksRepository } from './webhooks.repository.js';

const BATCH = 500;
const AGAIN_AFTER = 500;
/** How often results are tried to be written while the process stops. */
const LAST_TRIES = 3;

interface Waiting {
  readonly result: Result;
  readonly written: () => void;
}

/** Writes down what became of tries: those that come while a batch is written are the next batch. */
@Injectable()
export class Results {
  private waiting: Waiting[] = [];
  private writing: Promise<void> | null = null;
  private triesLeft = Number.POSITIVE_INFINITY;
  private readonly attempts;
  private readonly log;

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly queue: DeliveryQueueRepository,
    private readonly webhooks: WebhooksRepository,
    private readonly disabling: SelfDisabling,
    metrics: Metrics,
    logs: Logs,
  ) {
    this.log = logs.of('webhooks');
    this.attempts = metrics.counter('webhook_attempts_total', 'Tries to deliver to webhooks, by result', ['result']);
  }

  /** @param written is called when it is kept; never, if the process ends before: then it is sent once more */
  add(result: Result, written: () => void): void {
    this.attempts.inc({ result: result.attempt.error ?? 'delivered' });
    this.waiting.push({ result, written });
    this.writing ??= this.write().finally(() => (this.writing = null));
  }

  /** Waits until all is written, but not for ever: what is not is sent once more. */
  async written(): Promise<void> {
    this.triesLeft = LAST_TRIES;
    await this.writing;
  }

  private async write(): Promise<void> {
    while (this.waiting.length > 0 && this.triesLeft > 0) {
      const batch = this.waiting.slice(0, BATCH);
      try {
        await inNobodysName(() => this.keep(batch.map(({ result }) => result)));
      } catch (error) {
        // Their leases protect them meanwhile.
        this.log.warn({ err: error }, 'What became of deliveries could not be written');
        this.triesLeft -= 1;
        await pause(AGAIN_AFTER);
        continue;
      }
      this.waiting = this.waiting.slice(batch.length);
      for (const { written } of batch) written();
    }
  }

  private async keep(results: readonly Result[]): Promise<void> {
    const real = results.filter(({ kind }) => kind !== 'test');
    // A test that is taken says as much as a fact; one that is not is no harm. Nor is what failed here a fault of theirs.
    const taken = idsOf(results.filter(({ attempt }) => attempt.error === null));
    const failed = idsOf(real.filter(({ attempt }) => attempt.error !== null && attempt.error !== 'not_sent'));
    const refused = failed.filter((id) => !taken.includes(id));
    const now = this.clock.now();
    await this.db.transaction(async () => {
      // All at once, in the order of their ids: two processes that write of the same webhooks never wait for each other.
      await this.webhooks.lockRows(idsOf(results));
      await this.queue.record(results);
      await this.webhooks.succeeded(taken, now);
      await this.webhooks.failed(refused, now);
    });
    const gone = idsOf(real.filter(({ attempt }) => isGone(attempt)));
    for (const id of gone) await this.disabling.disable(id, 'gone');
    const patience = new Date(now.getTime() - this.config.values.WEBHOOK_DISABLE_AFTER);
    for (const id of await this.webhooks.failingSince(refused, patience)) await this.disabling.disable(id, 'failing');
  }
}

function idsOf(results: readonly Result[]): string[] {
  return [...new Set(results.map(({ webhookId }) => webhookId))];
}
