import { Module } from '@nestjs/common';

import { JobRunner } from './job-runner.js';
import { JobsRepository } from './jobs.repository.js';
import { Jobs } from './jobs.service.js';
import { QueueLook } from './queue-look.js';
import { Schedules } from './schedules.service.js';
import { WorkerSessions } from './worker-sessions.js';

@Module({
  providers: [Jobs, JobsRepository, JobRunner, QueueLook, Schedules, WorkerSessions],
  exports: [Jobs, QueueLook],
})
export class JobsModule {}
