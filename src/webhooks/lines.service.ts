import { Injectable } from '@nestjs/common';

import { Jobs, defineJob } from '../jobs/index.js';
import { Database } from '../platform/database/database.js';
import { OrderRepository } from './order.repository.js';
import { Sender } from './sender.js';
import { WebhooksRepository } from './webhooks.repository.js';

const DissolveLines = defineJob<{ readonly webhookId: string }>('webhooks.dissolve_lines', { maxAttempts: 10 });

/** The lines in which deliveries wait for earlier ones about their subject. */
@Injectable()
export class Lines {
  constructor(
    private readonly db: Database,
    private readonly order: OrderRepository,
    private readonly webhooks: WebhooksRepository,
    private readonly sender: Sender,
    private readonly jobs: Jobs,
  ) {
    jobs.work(DissolveLines, ({ webhookId }) => this.dissolveNow(webhookId));
  }

  /** The webhook keeps no order any more: part of the caller's transaction, done by a job, for there may be many. */
  async dissolve(webhookId: string): Promise<void> {
    await this.jobs.enqueue(DissolveLines, { webhookId });
  }

  /** Whoever waits for a delivery that is gone would wait for ever. */
  async mend(): Promise<void> {
    for (const id of await this.order.webhooksWithLines())
      for (let after: string | null = ''; after !== null;) after = await this.mendSome(id, after);
    this.sender.tell();
  }

  private mendSome(id: string, after: string): Promise<string | null> {
    return this.db.transaction(async () => {
      await this.webhooks.lockRows([id]);
      return this.order.mend(id, after);
    });
  }

  private async dissolveNow(webhookId: string): Promise<void> {
    const webhook = await this.webhooks.find(webhookId);
    if (webhook?.ordered !== 'none') return;
    await this.order.dissolve(webhookId);
    this.sender.tell();
  }
}
