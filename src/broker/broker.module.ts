import { Module } from '@nestjs/common';

import { AccessModule } from '../access/index.js';
import { AuthModule } from '../auth/index.js';
import { EventsModule } from '../events/index.js';
import { BrokerConnection } from './broker-connection.js';
import { BrokerRepository } from './broker.repository.js';
import { EventPublisher } from './event-publisher.js';
import { EventStream } from './event-stream.js';
import { PublisherLease } from './publisher-lease.js';
import { QuestionsDesk } from './questions-desk.js';
import { QuestionsServer } from './questions-server.js';

@Module({
  imports: [AccessModule, AuthModule, EventsModule],
  providers: [
    BrokerConnection,
    BrokerRepository,
    EventPublisher,
    EventStream,
    PublisherLease,
    QuestionsDesk,
    QuestionsServer,
  ],
})
export class BrokerModule {}
