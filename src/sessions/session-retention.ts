import { Injectable } from '@nestjs/common';

import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { SessionsRepository } from './sessions.repository.js';

const ForgetSessions = defineJob('sessions.forget', { maxAttempts: 5 });

/** Forgets sessions, and their refresh tokens, SESSIONS_RETENTION after their end. */
@Injectable()
export class SessionRetention {
  constructor(
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly sessions: SessionsRepository,
    jobs: Jobs,
  ) {
    jobs.work(ForgetSessions, () => this.forget(), { cron: '57 3 * * *' });
  }

  /** @returns how many */
  async forget(): Promise<number> {
    const before = new Date(this.clock.millis() - this.config.values.SESSIONS_RETENTION);
    const forgotten = await this.sessions.prune(before);
    await this.sessions.dropEmptyMonths(before);
    return forgotten;
  }
}
