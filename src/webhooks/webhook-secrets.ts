import { Injectable } from '@nestjs/common';

import { Jobs, defineJob } from '../jobs/index.js';
import { SealBroken, Secrets } from '../platform/crypto/secrets.js';
import { Logs } from '../platform/logging/logger.js';
import { newSecret } from './signature.js';
import { WebhooksRepository } from './webhooks.repository.js';
import type { SealedWebhook } from './webhooks.repository.js';

interface Sealed {
  readonly webhookId: string;
  readonly secret: Buffer;
  readonly previousSecret: Buffer | null;
  readonly previousSecretUntil: Date | null;
}

const PURPOSE = 'webhooks';
const BATCH = 200;

const ResealWebhookSecrets = defineJob('webhook_secrets.reseal', { maxAttempts: 3 });

/** The secrets by which webhooks are signed; in the database they lie sealed, each to its webhook. */
@Injectable()
export class WebhookSecrets {
  private readonly log;

  constructor(
    private readonly secrets: Secrets,
    private readonly webhooks: WebhooksRepository,
    jobs: Jobs,
    logs: Logs,
  ) {
    this.log = logs.of('webhooks');
    jobs.work(ResealWebhookSecrets, () => this.resealAll(), { cron: '57 3 * * *' });
  }

  make(webhookId: string): { readonly secret: string; readonly sealed: Buffer } {
    const secret = newSecret();
    return { secret, sealed: this.secrets.seal(PURPOSE, Buffer.from(secret), webhookId) };
  }

  /** Those that sign at a moment, the present one first; the one before it only if it can be read. @throws SealBroken */
  openAll({ webhookId, secret, previousSecret, previousSecretUntil }: Sealed, at: Date): string[] {
    const isLive = previousSecret && previousSecretUntil && previousSecretUntil > at;
    const previous = isLive ? this.openIfReadable(previousSecret, webhookId) : [];
    return [this.open(secret, webhookId), ...previous];
  }

  /** What was sealed under the key before is sealed anew, so that that key can be taken away. */
  private async resealAll(): Promise<void> {
    for (let last: string | null = null; ;) {
      const batch: SealedWebhook[] = await this.webhooks.sealedAfter(last, BATCH);
      for (const webhook of batch) await this.resealOne(webhook);
      if (batch.length < BATCH) return;
      last = batch.at(-1)!.id;
    }
  }

  private async resealOne({ id, secret, previousSecret }: SealedWebhook): Promise<void> {
    const [now, before] = [this.resealed(secret, id), previousSecret && this.resealed(previousSecret, id)];
    if (now) await this.webhooks.reseal(id, 'secret', secret, now);
    if (previousSecret && before) await this.webhooks.reseal(id, 'previous_secret', previousSecret, before);
  }

  /** Null where there is nothing to do, or nothing that can be done: its deliveries tell that. */
  private resealed(sealed: Buffer, webhookId: string): Buffer | null {
    try {
      return this.secrets.reseal(PURPOSE, sealed, webhookId);
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
      this.log.warn({ webhook: webhookId }, 'A secret cannot be read: give the webhook a new one');
      return null;
    }
  }

  private openIfReadable(sealed: Buffer, webhookId: string): string[] {
    try {
      return [this.open(sealed, webhookId)];
    } catch (error) {
      if (error instanceof SealBroken) return [];
      throw error;
    }
  }

  private open(sealed: Buffer, webhookId: string): string {
    return this.secrets.open(PURPOSE, sealed, webhookId).toString();
  }
}
