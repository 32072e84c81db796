import { Module } from '@nestjs/common';

import { AccessModule } from '../access/index.js';
import { EventsModule } from '../events/index.js';
import { JobsModule } from '../jobs/index.js';
import { MailModule } from '../mail/index.js';
import { PasswordsModule } from '../passwords/index.js';
import { SessionsModule } from '../sessions/index.js';
import { MeController } from './me.controller.js';
import { OwnDeletion } from './own-deletion.service.js';
import { AccessController, UserPermissionsController } from './user-permissions.controller.js';
import { UpdatesInBulk } from './updates-in-bulk.service.js';
import { UserPermissions } from './user-permissions.service.js';
import { UserQuestionsController } from './user-questions.controller.js';
import { UserSessionsController } from './user-sessions.controller.js';
import { UserSessions } from './user-sessions.service.js';
import { UserStatusService } from './user-status.service.js';
import { UsersController } from './users.controller.js';
import { UsersInBulkRepository } from './users-in-bulk.repository.js';
import { UsersInBulk } from './users-in-bulk.service.js';
import { UsersList } from './users.list.js';
import { UsersRepository } from './users.repository.js';
import { Users } from './users.service.js';

@Module({
  imports: [AccessModule, EventsModule, JobsModule, MailModule, PasswordsModule, SessionsModule],
  controllers: [
    UsersController,
    UserPermissionsController,
    UserQuestionsController,
    UserSessionsController,
    MeController,
    AccessController,
  ],
  providers: [
    Users,
    UserPermissions,
    UserSessions,
    UserStatusService,
    OwnDeletion,
    UsersList,
    UsersRepository,
    ...[UpdatesInBulk, UsersInBulk, UsersInBulkRepository],
  ],
  exports: [Users],
})
export class UsersModule {}
