import { Module } from '@nestjs/common';

import { JobsModule } from '../jobs/index.js';
import { EdgeWatch } from './edge-watch.js';
import { EdgeRepository } from './edge.repository.js';
import { EventFeeds } from './event-feeds.service.js';
import { EventsController } from './events.controller.js';
import { EventsList } from './events.list.js';
import { EventsRepository } from './events.repository.js';
import { Events } from './events.service.js';
import { Facts } from './facts.service.js';
import { Followers } from './followers.js';
import { JobFacts } from './job-facts.js';
import { LiveFacts } from './live-facts.js';
import { MyEventsController } from './my-events.controller.js';
import { Partitions } from './partitions.js';
import { EventRetention } from './retention.js';

@Module({
  imports: [JobsModule],
  controllers: [EventsController, MyEventsController],
  providers: [
    EdgeRepository,
    EdgeWatch,
    EventFeeds,
    EventRetention,
    Events,
    EventsList,
    EventsRepository,
    Facts,
    Followers,
    JobFacts,
    LiveFacts,
    Partitions,
  ],
  exports: [Events, Facts, Followers, LiveFacts],
})
export class EventsModule {}
