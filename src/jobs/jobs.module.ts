import { Module } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { defineJob } from './job.js';
import { JobRunner } from './job-runner.js';
import { JobsController } from './jobs.controller.js';
import { JobsList } from './jobs.list.js';
import { JobsRepository } from './jobs.repository.js';
import { Jobs } from './jobs.service.js';
import { JobsWatch } from './jobs-watch.service.js';
import { QueueLook } from './queue-look.js';
import { SchedulesController } from './schedules.controller.js';
import { Schedules } from './schedules.service.js';
import { WorkerSessions } from './worker-sessions.js';

const PruneJobs = defineJob('jobs.prune', { maxAttempts: 3 });

@Module({
  controllers: [SchedulesController, JobsController],
  providers: [Jobs, JobsList, JobsRepository, JobRunner, JobsWatch, QueueLook, Schedules, WorkerSessions],
  exports: [Jobs, QueueLook],
})
export class JobsModule {
  constructor(jobs: Jobs, records: JobsRepository, clock: Clock, { values }: Config) {
    jobs.work(PruneJobs, () => records.prune(new Date(clock.millis() - values.JOBS_RETENTION)), { cron: '53 * * * *' });
  }
}
