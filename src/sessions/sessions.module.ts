import { Module } from '@nestjs/common';

import { EventsModule } from '../events/index.js';
import { JobsModule } from '../jobs/index.js';
import { SessionsRepository } from './sessions.repository.js';
import { Sessions } from './sessions.service.js';

@Module({ imports: [EventsModule, JobsModule], providers: [Sessions, SessionsRepository], exports: [Sessions] })
export class SessionsModule {}
