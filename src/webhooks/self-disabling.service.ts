import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Mail } from '../mail/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Database } from '../platform/database/database.js';
import { UserNotFound, Users } from '../users/index.js';
import type { UserRow } from '../users/index.js';
import type { DisabledReason, Webhook } from './webhook.entity.js';
import { WebhookWasDisabled } from './webhooks.contract.js';
import { WebhookFailing, WebhookGone } from './webhooks.mails.js';
import { WebhooksRepository } from './webhooks.repository.js';

/** Disables a webhook that nobody disabled: its maker is told. */
@Injectable()
export class SelfDisabling {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly webhooks: WebhooksRepository,
    private readonly users: Users,
    private readonly mail: Mail,
  ) {}

  /**
   * Once, however many saw it fail.
   * @param keeperId only if this is still who keeps it
   */
  async disable(id: string, reason: Exclude<DisabledReason, 'by_hand'>, keeperId?: string): Promise<void> {
    await this.db.transaction(async () => {
      const webhook = await this.webhooks.lock(id);
      if (!webhook || webhook.disabledAt || webhook.keeperId !== (keeperId ?? webhook.keeperId)) return;
      const version = webhook.version + 1;
      await this.webhooks.update({ id, disabledAt: this.clock.now(), disabledReason: reason, version });
      this.events.record(WebhookWasDisabled, { webhookId: id, reason }, { subject: `webhooks/${id}`, version });
      // Whoever may keep nothing any more is told nothing either.
      if (reason !== 'keeper_gone') await this.notice(webhook, reason);
    });
  }

  /** The server alone is named: a path may hold what only its owner should know. */
  private async notice({ createdBy, url }: Webhook, reason: DisabledReason): Promise<void> {
    const maker = await this.findMaker(createdBy);
    if (!maker || maker.deletedAt) return;
    const template = reason === 'gone' ? WebhookGone : WebhookFailing;
    await this.mail.send(template, maker, { server: new URL(url).host });
  }

  private async findMaker(id: string): Promise<UserRow | null> {
    try {
      return await this.users.get(id);
    } catch (error) {
      if (error instanceof UserNotFound) return null;
      throw error;
    }
  }
}
