import { Module } from '@nestjs/common';

import { AccessModule } from '../access/index.js';
import { EventsModule } from '../events/index.js';
import { JobsModule } from '../jobs/index.js';
import { PasswordsModule } from '../passwords/index.js';
import { UsersModule } from '../users/index.js';
import { ExportsController } from './exports.controller.js';
import { ExportsRepository } from './exports.repository.js';
import { Exports } from './exports.service.js';
import { HousekeepingRepository } from './housekeeping.repository.js';
import { Housekeeping } from './housekeeping.service.js';
import { ImportActors } from './import-actors.service.js';
import { ImportProgress } from './import-progress.service.js';
import { ImportRuns } from './import-runs.service.js';
import { ImportsController } from './imports.controller.js';
import { ImportsList } from './imports.list.js';
import { ImportsRepository } from './imports.repository.js';
import { Imports } from './imports.service.js';
import { UserFiles } from './user-files.service.js';
import { UsersAsText } from './users-as-text.js';

@Module({
  imports: [AccessModule, EventsModule, JobsModule, PasswordsModule, UsersModule],
  controllers: [ImportsController, ExportsController],
  providers: [
    ...[Imports, ImportActors, ImportProgress, ImportRuns, ImportsList, ImportsRepository],
    ...[Exports, ExportsRepository, UsersAsText],
    ...[Housekeeping, HousekeepingRepository, UserFiles],
  ],
  exports: [UserFiles],
})
export class ImportsModule {}
