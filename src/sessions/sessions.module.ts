import { Module } from '@nestjs/common';

import { EventsModule } from '../events/index.js';
import { JobsModule } from '../jobs/index.js';
import { MySessionsController } from './my-sessions.controller.js';
import { OpenSessions } from './open-sessions.service.js';
import { SessionsRepository } from './sessions.repository.js';
import { SessionRetention } from './session-retention.js';
import { Sessions } from './sessions.service.js';

@Module({
  imports: [EventsModule, JobsModule],
  controllers: [MySessionsController],
  providers: [Sessions, OpenSessions, SessionRetention, SessionsRepository],
  exports: [Sessions, OpenSessions],
})
export class SessionsModule {}
