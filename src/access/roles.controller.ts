import { Body, Controller, Delete, Get, Patch, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { parseFields } from '../platform/http/lists/fields.js';
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
import {
  PermissionUnknown,
  PrivilegeCeiling,
  ReadRoles,
  RoleBuiltIn,
  RoleInUse,
  RoleNotFound,
  RoleTaken,
  WriteRoles,
} from './access.contract.js';
import { CreateRoleRequest, PatchRoleRequest, ROLE_FIELDS, RolePageResponse, RoleResponse } from './roles.dto.js';
import { ROLE_FILTERS, ROLE_SORTS, RolesList } from './roles.list.js';
import { Roles } from './roles.service.js';

const role = (about: string, status = 200): { status: number; about: string; type: typeof RoleResponse } => ({
  status,
  about,
  type: RoleResponse,
});

@ApiTags('access')
@Controller('api/v1/roles')
export class RolesController {
  constructor(
    private readonly roles: Roles,
    private readonly lists: RolesList,
  ) {}

  @Get()
  @Requires(ReadRoles)
  @ApiList({ sortable: Object.keys(ROLE_SORTS), filterable: ROLE_FILTERS, filterExample: 'name sw "support"' })
  @ApiProblems(FilterTooCostly)
  @Operation('roles.list', 'List roles', { status: 200, about: 'A page of roles', type: RolePageResponse })
  async list(@List() query: ListQuery): Promise<RolePageResponse> {
    const fields = parseFields(query.fields, ROLE_FIELDS);
    return listing(
      query,
      (page) => this.lists.page(page),
      (row) => only(RoleResponse.from(row), fields),
    );
  }

  @Post()
  @Requires(WriteRoles)
  @ApiProblems(RoleTaken, PermissionUnknown, PrivilegeCeiling)
  @Operation(
    'roles.create',
    'Make a role',
    role('The new role', 201),
    'It gives no more than you hold yourself, for good.',
  )
  async create(@Body() body: CreateRoleRequest, @CurrentPrincipal() actor: Principal): Promise<RoleResponse> {
    return RoleResponse.from(await this.roles.create(body.name, body.terms(), actor));
  }

  @Get(':id')
  @Requires(ReadRoles)
  @ApiProblems(RoleNotFound)
  @Operation('roles.get', 'Read a role', role('The role'))
  async get(@PathId() id: string): Promise<RoleResponse> {
    return RoleResponse.from(await this.roles.get(id));
  }

  @Patch(':id')
  @Requires(WriteRoles)
  @ApiProblems(RoleNotFound, RoleBuiltIn, PermissionUnknown, PrivilegeCeiling)
  @Operation(
    'roles.patch',
    'Change a role',
    role('The role as it is now'),
    `In force within a second on every process, for all who have it. The name cannot be changed, nor what \`admin\` gives.
Nobody changes a role that gives, or would give, more than they hold themselves.`,
  )
  async patch(
    @PathId() id: string,
    @Body() body: PatchRoleRequest,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() actor: Principal,
  ): Promise<RoleResponse> {
    return RoleResponse.from(await this.roles.change(id, body, expected, actor));
  }

  @Delete(':id')
  @Requires(WriteRoles)
  @ApiProblems(RoleNotFound, RoleBuiltIn, RoleInUse, PrivilegeCeiling)
  @Operation('roles.delete', 'Delete a role', { status: 204, about: 'Deleted' }, 'Only a role that nobody has.')
  async delete(
    @PathId() id: string,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() actor: Principal,
  ): Promise<void> {
    await this.roles.delete(id, expected, actor);
  }
}

function only(shown: RoleResponse, fields: ReadonlySet<string> | null): RoleResponse {
  if (!fields) return shown;
  return Object.fromEntries(Object.entries(shown).filter(([name]) => fields.has(name))) as unknown as RoleResponse;
}
