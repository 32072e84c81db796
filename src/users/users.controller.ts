import { Body, Controller, Delete, Get, Patch, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { PrivilegeCeiling, RoleUnknown } from '../access/index.js';
import { Clock } from '../platform/clock/clock.js';
import { onlyFields, parseFields } from '../platform/http/lists/fields.js';
import { listing } from '../platform/http/lists/listing.js';
import { ApiList, List } from '../platform/http/lists/list-query.js';
import type { ListQuery } from '../platform/http/lists/list-query.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { IfMatch, PathId } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import { Requires } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import { RolesRequest, RolesResponse, SuspendUserRequest } from './user-status.dto.js';
import { UserStatusService } from './user-status.service.js';
import {
  AssignRoles,
  EmailTaken,
  ExternalIdTaken,
  LastAdministrator,
  ReadUsers,
  UserNotDeleted,
  UserNotFound,
  UsernameTaken,
  WriteUsers,
} from './users.contract.js';
import {
  CreateUserRequest,
  PatchUserRequest,
  ReplaceUserRequest,
  USER_FIELDS,
  UserPageResponse,
  UserResponse,
} from './users.dto.js';
import { USER_FILTERS, USER_SORTS, UsersList } from './users.list.js';
import type { UserRow } from './user.entity.js';
import { Users } from './users.service.js';

const TAKEN = [EmailTaken, UsernameTaken, ExternalIdTaken] as const;
const user = (about: string, status = 200): { status: number; about: string; type: typeof UserResponse } => ({
  status,
  about,
  type: UserResponse,
});

@ApiTags('users')
@Controller('api/v1/users')
export class UsersController {
  constructor(
    private readonly users: Users,
    private readonly status: UserStatusService,
    private readonly lists: UsersList,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Requires(ReadUsers)
  @ApiList({
    sortable: Object.keys(USER_SORTS),
    filterable: USER_FILTERS,
    filterExample: 'status eq "active" and email co "example"',
  })
  @ApiProblems(FilterTooCostly)
  @Operation(
    'users.list',
    'List users',
    { status: 200, about: 'A page of users', type: UserPageResponse },
    `Deleted users are found only by a filter that names the status "deleted". A page costs the same however many users
there are, first or deep: without a filter; by \`eq\` of email, username, name or externalId; by the status "active", by roles that many
hold, and by ranges of createdAt and lastSignInAt, if sorted by createdAt, email, name or lastSignInAt; by \`sw\` if sorted by the same
attribute. Other orders, \`co\`, other statuses and rare roles are served by indexes too, and take longer where many users match. Whatever
takes longer than 2 seconds is cut (\`filter_too_costly\`).`,
  )
  async list(@List() query: ListQuery): Promise<UserPageResponse> {
    const fields = parseFields(query.fields, USER_FIELDS);
    return listing(
      query,
      (page) => this.lists.page(page),
      (row) => onlyFields(this.shown(row), fields),
    );
  }

  @Post()
  @Requires(WriteUsers)
  @ApiProblems(...TAKEN)
  @Operation(
    'users.create',
    'Create a user',
    user('The new user', 201),
    'With a `password` the user is active; without one they are invited.',
  )
  async create(@Body() body: CreateUserRequest): Promise<UserResponse> {
    return this.shown(await this.users.create(body));
  }

  @Get(':id')
  @Requires(ReadUsers)
  @ApiProblems(UserNotFound)
  @Operation('users.get', 'Read a user', user('The user'))
  async get(@PathId() id: string): Promise<UserResponse> {
    return this.shown(await this.users.get(id));
  }

  @Put(':id')
  @Requires(WriteUsers)
  @ApiProblems(UserNotFound, PrivilegeCeiling, ...TAKEN)
  @Operation(
    'users.replace',
    'Replace a user',
    user('The user as they are now'),
    'What is left out is reset. Members that cannot be written are ignored when they are equal.',
  )
  async replace(
    @PathId() id: string,
    @Body() body: ReplaceUserRequest,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() actor: Principal,
  ): Promise<UserResponse> {
    const agree = (present: UserRow): void => body.refuseUnlike(this.shown(present));
    return this.shown(await this.users.replace(id, body.profile(), agree, expected, actor));
  }

  @Patch(':id')
  @Requires(WriteUsers)
  @ApiProblems(UserNotFound, PrivilegeCeiling, ...TAKEN)
  @Operation(
    'users.patch',
    'Change a user',
    user('The user as they are now'),
    'A merge patch (RFC 7396): `null` clears a member.',
  )
  async patch(
    @PathId() id: string,
    @Body() body: PatchUserRequest,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() actor: Principal,
  ): Promise<UserResponse> {
    return this.shown(await this.users.patch(id, body, expected, actor));
  }

  @Delete(':id')
  @Requires(WriteUsers)
  @ApiProblems(UserNotFound, PrivilegeCeiling, LastAdministrator)
  @Operation(
    'users.delete',
    'Delete a user',
    { status: 204, about: 'Deleted; can be restored' },
    'Ends their sessions; their address is free again at once.',
  )
  async delete(
    @PathId() id: string,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() actor: Principal,
  ): Promise<void> {
    await this.status.delete(id, expected, actor);
  }

  @Post(':id/restoration')
  @Requires(WriteUsers)
  @ApiProblems(UserNotFound, UserNotDeleted, PrivilegeCeiling, ...TAKEN)
  @Operation('users.restore', 'Restore a deleted user', user('The user, back again'))
  async restore(@PathId() id: string, @CurrentPrincipal() actor: Principal): Promise<UserResponse> {
    return this.shown(await this.status.restore(id, actor));
  }

  @Put(':id/suspension')
  @Requires(WriteUsers)
  @ApiProblems(UserNotFound, PrivilegeCeiling, LastAdministrator)
  @Operation('users.suspend', 'Suspend a user', user('The suspended user'), 'Ends their sessions at once.')
  async suspend(
    @PathId() id: string,
    @Body() body: SuspendUserRequest,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() actor: Principal,
  ): Promise<UserResponse> {
    return this.shown(await this.status.suspend(id, body.terms(), expected, actor));
  }

  @Delete(':id/suspension')
  @Requires(WriteUsers)
  @ApiProblems(UserNotFound, PrivilegeCeiling)
  @Operation('users.reinstate', 'Lift a suspension', user('The user, no longer suspended'))
  async reinstate(
    @PathId() id: string,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() actor: Principal,
  ): Promise<UserResponse> {
    return this.shown(await this.status.reinstate(id, expected, actor));
  }

  @Get(':id/roles')
  @Requires(ReadUsers)
  @ApiProblems(UserNotFound)
  @Operation('users.roles', 'Read the roles of a user', { status: 200, about: 'The roles', type: RolesResponse })
  async roles(@PathId() id: string): Promise<RolesResponse> {
    return RolesResponse.from(await this.users.get(id), this.clock.now());
  }

  @Put(':id/roles')
  @Requires(AssignRoles)
  @ApiProblems(UserNotFound, RoleUnknown, PrivilegeCeiling, LastAdministrator)
  @Operation(
    'users.assignRoles',
    'Say which roles a user has',
    { status: 200, about: 'The roles as they are now', type: RolesResponse },
    'In force within a second on every process.',
  )
  async assignRoles(
    @PathId() id: string,
    @Body() body: RolesRequest,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() actor: Principal,
  ): Promise<RolesResponse> {
    return RolesResponse.from(await this.status.assignRoles(id, body.roles, expected, actor), this.clock.now());
  }

  private shown(row: UserRow): UserResponse {
    return UserResponse.from(row, this.clock.now());
  }
}
