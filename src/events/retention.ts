import { Injectable } from '@nestjs/common';

import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { Logs } from '../platform/logging/logger.js';
import { EventsRepository } from './events.repository.js';

const BATCH = 2000;
const RetireEvents = defineJob('events.retire', { maxAttempts: 5 });

/** Lets events go that are older than EVENTS_RETENTION, once every reader with a kept cursor has had them. */
@Injectable()
export class EventRetention {
  private readonly log;

  constructor(
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly events: EventsRepository,
    jobs: Jobs,
    logs: Logs,
  ) {
    this.log = logs.of('events');
    jobs.work(RetireEvents, () => this.retire(), { cron: '47 3 * * *' });
  }

  /** @returns the months that went as a whole, and the events that went one by one */
  async retire(): Promise<{ months: number; facts: number }> {
    const before = new Date(this.clock.millis() - this.config.values.EVENTS_RETENTION);
    const gone = { months: 0, facts: 0 };
    for (let batch = BATCH; batch === BATCH;) {
      const { months, facts, waitsFor } = await this.events.retire(before, BATCH);
      if (waitsFor !== null)
        this.log.warn(
          { reader: waitsFor },
          'Old events stay: this reader has still to read them, or is no longer used',
        );
      gone.months += months;
      gone.facts += facts;
      batch = facts;
    }
    return gone;
  }
}
