import { Body, Controller, Delete, Get, Header, Patch, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { PrivilegeCeiling } from '../../access/index.js';
import { parseFields } from '../../platform/http/lists/fields.js';
import { listing } from '../../platform/http/lists/listing.js';
import { ApiList, List } from '../../platform/http/lists/list-query.js';
import type { ListQuery } from '../../platform/http/lists/list-query.js';
import { ApiProblems, MadeUnder, Operation } from '../../platform/http/operation.js';
import { IfMatch, PathId } from '../../platform/http/parameters.js';
import type { Versions } from '../../platform/http/parameters.js';
import { Requires, RequiresRecentSignIn } from '../../platform/http/policy.js';
import { CurrentPrincipal } from '../../platform/http/principal.js';
import type { Principal } from '../../platform/http/principal.js';
import { FilterTooCostly } from '../../platform/http/problems.js';
import { UserNotFound } from '../../users/index.js';
import {
  ApiKeyEnded,
  ApiKeyNotFound,
  ReadApiKeys,
  ScopeUnknown,
  TooManyApiKeys,
  WriteApiKeys,
} from './api-keys.contract.js';
import {
  ApiKeyPageResponse,
  ApiKeyResponse,
  CreateApiKeyRequest,
  KEY_FIELDS,
  NewApiKeyResponse,
  RenameApiKeyRequest,
  RotateApiKeyRequest,
} from './api-keys.dto.js';
import { ApiKeysList, KEY_FILTERS, KEY_SORTS } from './api-keys.list.js';
import { ApiKeys } from './api-keys.service.js';
import type { Reach } from './api-keys.service.js';

const PATH = 'api/v1/api-keys';
const everybodys = (principal: Principal): Reach => ({ principal, own: false });

@ApiTags('api-keys')
@Controller(PATH)
export class ApiKeysController {
  constructor(
    private readonly keys: ApiKeys,
    private readonly lists: ApiKeysList,
  ) {}

  @Get()
  @Requires(ReadApiKeys)
  @ApiList({
    sortable: Object.keys(KEY_SORTS),
    filterable: KEY_FILTERS,
    filterExample: 'kind eq "service" and name sw "Nightly"',
  })
  @ApiProblems(FilterTooCostly)
  @Operation(
    'apiKeys.list',
    'List everybody’s keys',
    { status: 200, about: 'A page of keys', type: ApiKeyPageResponse },
    'Service keys and personal tokens that were not revoked, also those that have expired.',
  )
  async list(@List() query: ListQuery): Promise<ApiKeyPageResponse> {
    const fields = parseFields(query.fields, KEY_FIELDS);
    return listing(
      query,
      (page) => this.lists.page(page),
      (row) => only(ApiKeyResponse.from(row), fields),
    );
  }

  @Post()
  @Requires(WriteApiKeys)
  @RequiresRecentSignIn()
  @Header('Cache-Control', 'no-store')
  @ApiProblems(ScopeUnknown, PrivilegeCeiling, TooManyApiKeys, UserNotFound)
  @Operation(
    'apiKeys.create',
    'Make a service key',
    { status: 201, about: 'The key, and this once its secret', type: NewApiKeyResponse },
    'It acts for a user who may do no more than you, with no more scopes than you hold yourself.',
  )
  async create(
    @Body() body: CreateApiKeyRequest,
    @CurrentPrincipal() principal: Principal,
  ): Promise<NewApiKeyResponse> {
    const userId = body.userId ?? principal.userId;
    return NewApiKeyResponse.of(await this.keys.create(body.wanted(), userId, everybodys(principal)));
  }

  @Get(':id')
  @Requires(ReadApiKeys)
  @ApiProblems(ApiKeyNotFound)
  @Operation('apiKeys.get', 'Read a key', { status: 200, about: 'The key', type: ApiKeyResponse })
  async get(@PathId() id: string, @CurrentPrincipal() principal: Principal): Promise<ApiKeyResponse> {
    return ApiKeyResponse.from(await this.keys.get(id, everybodys(principal)));
  }

  @Patch(':id')
  @Requires(WriteApiKeys)
  @ApiProblems(ApiKeyNotFound, PrivilegeCeiling, UserNotFound)
  @Operation('apiKeys.rename', 'Rename a key', { status: 200, about: 'The key, as it is now', type: ApiKeyResponse })
  async rename(
    @PathId() id: string,
    @Body() { name }: RenameApiKeyRequest,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() principal: Principal,
  ): Promise<ApiKeyResponse> {
    return ApiKeyResponse.from(await this.keys.rename(id, name, expected, everybodys(principal)));
  }

  @Delete(':id')
  @Requires(WriteApiKeys)
  @ApiProblems(ApiKeyNotFound, PrivilegeCeiling, UserNotFound)
  @Operation(
    'apiKeys.revoke',
    'Revoke a key',
    { status: 204, about: 'Revoked' },
    'In force within a second on every process.',
  )
  async revoke(
    @PathId() id: string,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    await this.keys.revoke(id, expected, everybodys(principal));
  }

  @Post(':id/rotation')
  @Requires(WriteApiKeys)
  @RequiresRecentSignIn()
  @MadeUnder(`/${PATH}`)
  @Header('Cache-Control', 'no-store')
  @ApiProblems(ApiKeyNotFound, ApiKeyEnded, PrivilegeCeiling, TooManyApiKeys, UserNotFound)
  @Operation(
    'apiKeys.rotate',
    'Replace a service key by a new one',
    { status: 201, about: 'The new key, and this once its secret', type: NewApiKeyResponse },
    'The present one works until the overlap ends. A personal token is rotated by whose it is.',
  )
  async rotate(
    @PathId() id: string,
    @Body() { overlapSeconds }: RotateApiKeyRequest,
    @CurrentPrincipal() principal: Principal,
  ): Promise<NewApiKeyResponse> {
    return NewApiKeyResponse.of(await this.keys.rotate(id, overlapSeconds * 1000, everybodys(principal)));
  }
}

function only(key: ApiKeyResponse, fields: ReadonlySet<string> | null): ApiKeyResponse {
  if (!fields) return key;
  return Object.fromEntries(Object.entries(key).filter(([name]) => fields.has(name))) as unknown as ApiKeyResponse;
}
