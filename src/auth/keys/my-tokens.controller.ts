import { Body, Controller, Delete, Get, Header, Patch, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { PrivilegeCeiling } from '../../access/index.js';
import { ApiProblems, MadeUnder, Operation } from '../../platform/http/operation.js';
import { IfMatch, PathId } from '../../platform/http/parameters.js';
import type { Versions } from '../../platform/http/parameters.js';
import { Authenticated, RequiresRecentSignIn } from '../../platform/http/policy.js';
import { CurrentPrincipal } from '../../platform/http/principal.js';
import type { Principal } from '../../platform/http/principal.js';
import { ApiKeyEnded, ApiKeyNotFound, ScopeUnknown, TooManyApiKeys } from './api-keys.contract.js';
import {
  ApiKeyResponse,
  CreateTokenRequest,
  MyTokensResponse,
  NewApiKeyResponse,
  RenameApiKeyRequest,
  RotateApiKeyRequest,
} from './api-keys.dto.js';
import { ApiKeys } from './api-keys.service.js';
import type { Reach } from './api-keys.service.js';

const PATH = 'api/v1/me/tokens';
const mine = (principal: Principal): Reach => ({ principal, own: true });

@ApiTags('me')
@Controller(PATH)
export class MyTokensController {
  constructor(private readonly keys: ApiKeys) {}

  @Get()
  @Authenticated()
  @Operation(
    'me.tokens',
    'List your personal tokens',
    { status: 200, about: 'All of them', type: MyTokensResponse },
    'Also the service keys that others have made to act for you: you can revoke them here.',
  )
  async list(@CurrentPrincipal() { userId }: Principal): Promise<MyTokensResponse> {
    return MyTokensResponse.from(await this.keys.ownOf(userId));
  }

  @Post()
  @Authenticated()
  @RequiresRecentSignIn()
  @Header('Cache-Control', 'no-store')
  @ApiProblems(ScopeUnknown, PrivilegeCeiling, TooManyApiKeys)
  @Operation(
    'me.createToken',
    'Make a personal token',
    { status: 201, about: 'The token, and this once its secret', type: NewApiKeyResponse },
    'For a program that acts for you, with no more than its scopes and no more than you may do yourself at the time.',
  )
  async create(@Body() body: CreateTokenRequest, @CurrentPrincipal() principal: Principal): Promise<NewApiKeyResponse> {
    return NewApiKeyResponse.of(await this.keys.create(body.wanted(), principal.userId, mine(principal)));
  }

  @Get(':id')
  @Authenticated()
  @ApiProblems(ApiKeyNotFound)
  @Operation('me.token', 'Read a personal token', { status: 200, about: 'The token', type: ApiKeyResponse })
  async get(@PathId() id: string, @CurrentPrincipal() principal: Principal): Promise<ApiKeyResponse> {
    return ApiKeyResponse.from(await this.keys.get(id, mine(principal)));
  }

  @Patch(':id')
  @Authenticated()
  @ApiProblems(ApiKeyNotFound)
  @Operation('me.renameToken', 'Rename a personal token', {
    status: 200,
    about: 'The token, as it is now',
    type: ApiKeyResponse,
  })
  async rename(
    @PathId() id: string,
    @Body() { name }: RenameApiKeyRequest,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() principal: Principal,
  ): Promise<ApiKeyResponse> {
    return ApiKeyResponse.from(await this.keys.rename(id, name, expected, mine(principal)));
  }

  @Delete(':id')
  @Authenticated()
  @ApiProblems(ApiKeyNotFound)
  @Operation(
    'me.revokeToken',
    'Revoke a personal token',
    { status: 204, about: 'Revoked' },
    'In force within a second on every process.',
  )
  async revoke(
    @PathId() id: string,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    await this.keys.revoke(id, expected, mine(principal));
  }

  @Post(':id/rotation')
  @Authenticated()
  @RequiresRecentSignIn()
  @MadeUnder(`/${PATH}`)
  @Header('Cache-Control', 'no-store')
  @ApiProblems(ApiKeyNotFound, ApiKeyEnded, TooManyApiKeys)
  @Operation(
    'me.rotateToken',
    'Replace a personal token by a new one',
    { status: 201, about: 'The new token, and this once its secret', type: NewApiKeyResponse },
    'The present one works until the overlap ends; the new one lives as long as the present one was made to live.',
  )
  async rotate(
    @PathId() id: string,
    @Body() { overlapSeconds }: RotateApiKeyRequest,
    @CurrentPrincipal() principal: Principal,
  ): Promise<NewApiKeyResponse> {
    return NewApiKeyResponse.of(await this.keys.rotate(id, overlapSeconds * 1000, mine(principal)));
  }
}
