import { Injectable } from '@nestjs/common';

import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { untilLocked } from '../platform/database/lock-tries.js';
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
    jobs.work(RetireEvents, (_, run) => this.retire(run.signal), { cron: '47 3 * * *' });
  }

  /**
   * Whoever reads for long delays it, and it delays nobody: it tries for its lock again and again.
   * @returns the months that went as a whole, and the events that went one by one
   */
  async retire(signal?: AbortSignal): Promise<{ months: number; facts: number }> {
    const before = new Date(this.clock.millis() - this.config.values.EVENTS_RETENTION);
    const gone = { months: 0, facts: 0 };
    let waitsFor: string | null = null;
    for (let more = true; more;) {
      const step = await untilLocked(() => this.events.retire(before, BATCH), signal);
      gone.months += step.months;
      gone.facts += step.facts;
      waitsFor = step.waitsFor;
      more = step.months > 0 || step.facts === BATCH;
    }
    if (waitsFor !== null)
      this.log.warn({ reader: waitsFor }, 'Old events stay: this reader has still to read them, or is no longer used');
    return gone;
  }
}
