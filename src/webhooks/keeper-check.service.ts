import { Injectable } from '@nestjs/common';

import { Access } from '../access/index.js';
import { Clock } from '../platform/clock/clock.js';
import { UserNotFound, Users, statusOf } from '../users/index.js';
import { SelfDisabling } from './self-disabling.service.js';
import { WriteWebhooks } from './webhooks.contract.js';
import { WebhooksRepository } from './webhooks.repository.js';

/** Disables what is kept by somebody who may no longer. */
@Injectable()
export class KeeperCheck {
  constructor(
    private readonly clock: Clock,
    private readonly access: Access,
    private readonly users: Users,
    private readonly webhooks: WebhooksRepository,
    private readonly disabling: SelfDisabling,
  ) {}

  /** Of all webhooks; whoever does it twice does no harm. */
  async check(): Promise<void> {
    const kept = new Map<string, string[]>();
    for (const { id, keeperId } of await this.webhooks.kept()) kept.set(keeperId, [...(kept.get(keeperId) ?? []), id]);
    for (const [keeperId, ids] of kept) {
      if (await this.mayKeep(keeperId)) continue;
      for (const id of ids) await this.disabling.disable(id, 'keeper_gone', keeperId);
    }
  }

  private async mayKeep(userId: string): Promise<boolean> {
    try {
      if (statusOf(await this.users.get(userId), this.clock.now()) !== 'active') return false;
    } catch (error) {
      if (error instanceof UserNotFound) return false;
      throw error;
    }
    return (await this.access.permissionsOf(userId)).has(WriteWebhooks.name);
  }
}
