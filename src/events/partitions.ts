import { Injectable } from '@nestjs/common';

import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { EventsRepository } from './events.repository.js';

const MONTHS_AHEAD = 3;
const MaintainPartitions = defineJob('partitions.maintain', { maxAttempts: 5 });

/** Makes the partitions of the coming months, long before the first row wants one. */
@Injectable()
export class Partitions {
  constructor(jobs: Jobs, clock: Clock, events: EventsRepository) {
    jobs.work(MaintainPartitions, () => events.ensurePartitions(clock.now(), MONTHS_AHEAD), { cron: '17 3 * * *' });
  }
}
