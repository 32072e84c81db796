import { Module } from '@nestjs/common';

import { JobsModule } from '../jobs/index.js';
import { Backlogs } from './backlog.service.js';
import { EventsRepository } from './events.repository.js';
import { Events } from './events.service.js';
import { Facts } from './facts.service.js';
import { Followers } from './followers.js';
import { LiveFacts } from './live-facts.js';
import { Partitions } from './partitions.js';

@Module({
  imports: [JobsModule],
  providers: [Backlogs, Events, EventsRepository, Facts, Followers, LiveFacts, Partitions],
  exports: [Backlogs, Events, Facts, Followers, LiveFacts],
})
export class EventsModule {}
