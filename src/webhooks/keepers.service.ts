import { Injectable } from '@nestjs/common';

import { Facts, Followers } from '../events/index.js';
import { Jobs, defineJob } from '../jobs/index.js';
import { KeeperCheck } from './keeper-check.service.js';

const READER = 'webhook-keepers';
const BATCH = 500;
/** What may take somebody's right away. What ends by itself, at a time that was set, is seen to by the job. */
const TAKES_AWAY = new Set(['user.suspended', 'user.deleted', 'user.roles_changed', 'role.changed', 'role.deleted']);

const CheckKeepers = defineJob('webhooks.check_keepers', { maxAttempts: 3 });

/** A webhook tells somebody's server of every fact only as long as its keeper may have it told. */
@Injectable()
export class Keepers {
  constructor(
    private readonly facts: Facts,
    private readonly keepers: KeeperCheck,
    followers: Followers,
    jobs: Jobs,
  ) {
    followers.add({ name: READER, step: () => this.step() });
    jobs.work(CheckKeepers, () => this.keepers.check(), { cron: '*/10 * * * *' });
  }

  /** Whoever does it twice does no harm: only what is enabled is disabled. @returns whether there may be more */
  private async step(): Promise<boolean> {
    const from = await this.facts.positionOf(READER);
    const next = await this.facts.after(from, BATCH);
    if (next.length === 0) return false;
    if (next.some(({ type }) => TAKES_AWAY.has(type))) await this.keepers.check();
    await this.facts.advanceFrom(READER, from, next.at(-1)!);
    return next.length === BATCH;
  }
}
