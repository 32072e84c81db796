import { Module } from '@nestjs/common';

import { AccessModule } from '../access/index.js';
import { EventsModule } from '../events/index.js';
import { JobsModule } from '../jobs/index.js';
import { MailModule } from '../mail/index.js';
import { UsersModule } from '../users/index.js';
import { Courier } from './courier.js';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveriesList } from './deliveries.list.js';
import { DeliveriesRepository } from './deliveries.repository.js';
import { Deliveries } from './deliveries.service.js';
import { DeliveryQueueRepository } from './delivery-queue.repository.js';
import { Destinations } from './destinations.js';
import { Dispatcher } from './dispatcher.js';
import { KeeperCheck } from './keeper-check.service.js';
import { Keepers } from './keepers.service.js';
import { Lines } from './lines.service.js';
import { OrderRepository } from './order.repository.js';
import { Planner } from './planner.js';
import { Replays } from './replays.service.js';
import { Resolver } from './resolver.js';
import { Results } from './results.js';
import { SelfDisabling } from './self-disabling.service.js';
import { Sender } from './sender.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { WebhooksController } from './webhooks.controller.js';
import { WebhooksList } from './webhooks.list.js';
import { WebhooksRepository } from './webhooks.repository.js';
import { Webhooks } from './webhooks.service.js';

const SENDING = [Courier, DeliveryQueueRepository, Destinations, Dispatcher, Planner, Resolver, Results, Sender];
const ASKED = [Deliveries, DeliveriesList, DeliveriesRepository, Replays, Webhooks, WebhooksList, WebhooksRepository];

@Module({
  imports: [AccessModule, EventsModule, JobsModule, MailModule, UsersModule],
  controllers: [WebhooksController, DeliveriesController],
  providers: [...SENDING, ...ASKED, KeeperCheck, Keepers, Lines, OrderRepository, SelfDisabling, WebhookSecrets],
})
export class WebhooksModule {}
