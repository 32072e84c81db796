import { Injectable } from '@nestjs/common';

import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { untilLocked } from '../platform/database/lock-tries.js';
import { SessionsRepository } from './sessions.repository.js';

const PruneSessions = defineJob('sessions.prune', { maxAttempts: 3 });

/** Forgets sessions that are over. */
@Injectable()
export class SessionsPruning {
  constructor(
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly sessions: SessionsRepository,
    jobs: Jobs,
  ) {
    jobs.work(PruneSessions, (_, run) => this.prune(run.signal), { cron: '23 4 * * *' });
  }

  /**
   * Their refresh tokens go at once, used ones too: as long as the session goes on they show that one was stolen, and
   * afterwards they are refused whether they are there or not. The sessions themselves go after SESSIONS_RETENTION.
   */
  async prune(signal?: AbortSignal): Promise<void> {
    const now = this.clock.millis();
    await this.sessions.deleteTokensOfThoseOver(new Date(now));
    const before = new Date(now - this.config.values.SESSIONS_RETENTION);
    await this.sessions.deleteThoseOver(before);
    while (await untilLocked(() => this.sessions.dropEmptyMonth(before), signal));
  }
}
