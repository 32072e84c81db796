import { Module } from '@nestjs/common';

import { JobRunner } from './job-runner.js';
import { JobsRepository } from './jobs.repository.js';
import { Jobs } from './jobs.service.js';

@Module({ providers: [Jobs, JobsRepository, JobRunner], exports: [Jobs] })
export class JobsModule {}
