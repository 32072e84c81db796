import { Body, Controller, Get, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { PermissionUnknown, PrivilegeCeiling } from '../access/index.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { IfMatch, PathId } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import { Authenticated, Requires } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { PermissionDenied } from '../platform/http/problems.js';
import {
  AccessAnswer,
  AccessExplanationResponse,
  AccessQuestion,
  GrantsRequest,
  UserPermissionsResponse,
} from './user-permissions.dto.js';
import { UserPermissions } from './user-permissions.service.js';
import { GrantPermissions, ReadUsers, UserNotFound } from './users.contract.js';

@ApiTags('users')
@Controller('api/v1/users/:id/permissions')
export class UserPermissionsController {
  constructor(private readonly permissions: UserPermissions) {}

  @Get()
  @Requires(ReadUsers)
  @ApiProblems(UserNotFound)
  @Operation(
    'users.permissions',
    'Read what a user may, and why',
    { status: 200, about: 'Their permissions, each with its reasons', type: UserPermissionsResponse },
    'By roles and by direct grants. A grant that has expired is not among them.',
  )
  async get(@PathId() id: string): Promise<UserPermissionsResponse> {
    return UserPermissionsResponse.from(await this.permissions.of(id));
  }

  @Put()
  @Requires(GrantPermissions)
  @ApiProblems(UserNotFound, PermissionUnknown, PrivilegeCeiling)
  @Operation(
    'users.grantPermissions',
    'Say which permissions a user is given directly',
    { status: 200, about: 'What the user may now', type: UserPermissionsResponse },
    `The whole list: what it leaves out is taken away; roles stay as they are. In force within a second on every process. Nobody gives what
they do not hold, nor for longer than they hold it.`,
  )
  async replace(
    @PathId() id: string,
    @Body() body: GrantsRequest,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() actor: Principal,
  ): Promise<UserPermissionsResponse> {
    return UserPermissionsResponse.from(await this.permissions.replace(id, body.wanted(), expected, actor));
  }
}

@ApiTags('access')
@Controller('api/v1/access')
export class AccessController {
  constructor(private readonly permissions: UserPermissions) {}

  @Post('check')
  @Authenticated()
  @ApiProblems(PermissionDenied, PermissionUnknown, UserNotFound)
  @Operation(
    'access.check',
    'Ask whether somebody may do something',
    { status: 200, about: 'Whether they may', type: AccessAnswer },
    `Of yourself as you ask: by a key, what the key may. Of somebody else as if they had shown whatever their roles ask for: without a second
factor that a role of theirs requires they may do nothing but set one up.`,
  )
  async check(@Body() body: AccessQuestion, @CurrentPrincipal() asker: Principal): Promise<AccessAnswer> {
    return { allowed: await this.permissions.check(body, asker) };
  }

  @Post('explain')
  @Authenticated()
  @ApiProblems(PermissionDenied, PermissionUnknown, UserNotFound)
  @Operation(
    'access.explain',
    'Ask why somebody may do something, or may not',
    { status: 200, about: 'Whether they may, by what, and which roles give it', type: AccessExplanationResponse },
    'As `access.check` answers. Without `roles:read` only the roles that they have are named.',
  )
  async explain(
    @Body() body: AccessQuestion,
    @CurrentPrincipal() asker: Principal,
  ): Promise<AccessExplanationResponse> {
    return AccessExplanationResponse.from(await this.permissions.explain(body, asker));
  }
}
