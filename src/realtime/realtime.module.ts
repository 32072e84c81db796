import { Module } from '@nestjs/common';

import { AccessModule } from '../access/index.js';
import { AuthModule } from '../auth/index.js';
import { EventsModule } from '../events/index.js';
import { Admission } from './admission.service.js';
import { Closings } from './closings.js';
import { Connections } from './connections.js';
import { Conversations } from './conversations.js';
import { DevPageController } from './dev-page.controller.js';
import { Following } from './following.js';
import { LiveFeed } from './live-feed.js';
import { RealtimeAdapter } from './realtime.adapter.js';
import { RealtimeController } from './realtime.controller.js';
import { RealtimeGateway } from './realtime.gateway.js';
import { Refusals } from './refusals.js';
import { Supervision } from './supervision.service.js';
import { Upgrades } from './upgrades.js';

@Module({
  imports: [AccessModule, AuthModule, EventsModule],
  controllers: [DevPageController, RealtimeController],
  providers: [
    Admission,
    Closings,
    Connections,
    Conversations,
    Following,
    LiveFeed,
    RealtimeAdapter,
    RealtimeGateway,
    Refusals,
    Supervision,
    Upgrades,
  ],
})
export class RealtimeModule {}
