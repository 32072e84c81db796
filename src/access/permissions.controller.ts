import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { Operation } from '../platform/http/operation.js';
import { Authenticated } from '../platform/http/policy.js';
import { PermissionsResponse } from './permissions.dto.js';

@ApiTags('access')
@Controller('api/v1/permissions')
export class PermissionsController {
  @Get()
  @Authenticated()
  @Operation(
    'permissions.list',
    'List permissions',
    { status: 200, about: 'Every permission', type: PermissionsResponse },
    'What roles and grants may name. The role `admin` gives each.',
  )
  list(): PermissionsResponse {
    return PermissionsResponse.promised();
  }
}
