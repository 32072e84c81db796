import { Module } from '@nestjs/common';

import { EventsModule } from '../events/index.js';
import { AccessRepository } from './access.repository.js';
import { Access } from './access.service.js';
import { Denials } from './denials.js';
import { PermissionsController } from './permissions.controller.js';
import { RolesController } from './roles.controller.js';
import { RolesList } from './roles.list.js';
import { RolesRepository } from './roles.repository.js';
import { Roles } from './roles.service.js';

@Module({
  imports: [EventsModule],
  controllers: [RolesController, PermissionsController],
  providers: [Access, AccessRepository, Denials, Roles, RolesList, RolesRepository],
  exports: [Access],
})
export class AccessModule {}
