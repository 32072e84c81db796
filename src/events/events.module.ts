import { Module } from '@nestjs/common';

import { JobsModule } from '../jobs/index.js';
import { EventsRepository } from './events.repository.js';
import { Events } from './events.service.js';
import { Facts } from './facts.service.js';
import { Followers } from './followers.js';
import { JobFacts } from './job-facts.js';
import { LiveFacts } from './live-facts.js';
import { Partitions } from './partitions.js';

@Module({
  imports: [JobsModule],
  providers: [Events, EventsRepository, Facts, Followers, JobFacts, LiveFacts, Partitions],
  exports: [Events, Facts, Followers, LiveFacts],
})
export class EventsModule {}
