import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { DeliveriesRepository } from './deliveries.repository.js';
import { Dispatcher } from './dispatcher.js';
import { Lines } from './lines.service.js';
import type { DeliveryDetails } from './webhook-delivery.entity.js';
import type { Webhook } from './webhook.entity.js';
import {
  DeliveryNotFound,
  WebhookDisabled,
  WebhookNotFound,
  WebhookRedelivered,
  WebhookTest,
  WebhookTested,
} from './webhooks.contract.js';
import { WebhooksRepository } from './webhooks.repository.js';

const PruneDeliveries = defineJob('webhooks.prune', { maxAttempts: 3 });
/** Before all facts: a test stands behind nothing. */
const NOWHERE = { xid: '0', seq: '0' };

/** The log of deliveries, and those that somebody asks for. */
@Injectable()
export class Deliveries {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly events: Events,
    private readonly webhooks: WebhooksRepository,
    private readonly deliveries: DeliveriesRepository,
    private readonly dispatcher: Dispatcher,
    private readonly lines: Lines,
    jobs: Jobs,
  ) {
    jobs.work(PruneDeliveries, () => this.prune(), { cron: '11 4 * * *' });
  }

  /** @throws DeliveryNotFound */
  async get(id: string): Promise<DeliveryDetails> {
    const delivery = await this.deliveries.find(id);
    if (!delivery) throw new DeliveryNotFound();
    return delivery;
  }

  /** An event that tells of nothing, sent at once and once only. @throws WebhookNotFound, WebhookDisabled */
  test(webhookId: string): Promise<DeliveryDetails> {
    return this.db.transaction(async () => {
      const webhook = await this.enabled(webhookId);
      const event = { id: newId(), type: WebhookTest.type, subject: subjectOf(webhook), subjectVersion: null };
      const told = this.dispatcher.tell({
        ...{ ...event, ...NOWHERE },
        data: { webhookId },
        occurredAt: this.clock.now(),
      });
      const [deliveryId] = (await this.dispatcher.owe('test', [{ webhookId, told }])) as [string];
      this.events.record(WebhookTested, { webhookId, deliveryId }, about(webhook));
      return this.get(deliveryId);
    });
  }

  /** The same event once more, under the same id. @throws DeliveryNotFound, WebhookDisabled */
  redeliver(earlierId: string): Promise<DeliveryDetails> {
    return this.db.transaction(async () => {
      const told = await this.deliveries.findTold(earlierId);
      if (!told) throw new DeliveryNotFound();
      const { webhookId, eventId } = told;
      const webhook = await this.enabled(webhookId);
      const [deliveryId] = (await this.dispatcher.owe('redelivery', [{ webhookId, told }])) as [string];
      this.events.record(WebhookRedelivered, { webhookId, deliveryId, eventId }, about(webhook));
      return this.get(deliveryId);
    });
  }

  private async enabled(webhookId: string): Promise<Webhook> {
    // Locked: facts of a webhook are in the order of its versions.
    const webhook = await this.webhooks.lock(webhookId);
    if (!webhook) throw new WebhookNotFound();
    if (webhook.disabledAt) throw new WebhookDisabled();
    return webhook;
  }

  private async prune(): Promise<void> {
    await this.deliveries.prune(new Date(this.clock.millis() - this.config.values.WEBHOOK_DELIVERIES_RETENTION));
    await this.lines.mend();
    await this.webhooks.prune();
  }
}

function subjectOf({ id }: Webhook): string {
  return `webhooks/${id}`;
}

function about(webhook: Webhook): { subject: string; version: number } {
  return { subject: subjectOf(webhook), version: webhook.version };
}
