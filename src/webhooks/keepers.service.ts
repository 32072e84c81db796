import { Injectable } from '@nestjs/common';

import { Access } from '../access/index.js';
import { Facts, Followers } from '../events/index.js';
import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { UserNotFound, Users, statusOf } from '../users/index.js';
import { SelfDisabling } from './self-disabling.service.js';
import { WriteWebhooks } from './webhooks.contract.js';
import { WebhooksRepository } from './webhooks.repository.js';

const READER = 'webhook-keepers';
const BATCH = 500;
/** What may take somebody's right away. What ends by itself, at a time that was set, is seen to by the job. */
const TAKES_AWAY = new Set(['user.suspended', 'user.deleted', 'user.roles_changed', 'role.changed', 'role.deleted']);

const CheckKeepers = defineJob('webhooks.check_keepers', { maxAttempts: 3 });

/** A webhook tells somebody's server of every fact only as long as its keeper may have it told. */
@Injectable()
export class Keepers {
  constructor(
    private readonly clock: Clock,
    private readonly facts: Facts,
    private readonly access: Access,
    private readonly users: Users,
    private readonly webhooks: WebhooksRepository,
    private readonly disabling: SelfDisabling,
    followers: Followers,
    jobs: Jobs,
  ) {
    followers.add({ name: READER, step: () => this.step() });
    jobs.work(CheckKeepers, () => this.check(), { cron: '*/10 * * * *' });
  }

  /** Whoever does it twice does no harm: only what is enabled is disabled. @returns whether there may be more */
  private async step(): Promise<boolean> {
    const from = await this.facts.positionOf(READER);
    const next = await this.facts.after(from, BATCH);
    if (next.length === 0) return false;
    if (next.some(({ type }) => TAKES_AWAY.has(type))) await this.check();
    await this.facts.advanceFrom(READER, from, next.at(-1)!);
    return next.length === BATCH;
  }

  private async check(): Promise<void> {
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
