import { Body, Controller, Delete, Get, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { PrivilegeCeiling } from '../access/index.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { IfMatch, PathId } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import { Requires } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { SessionNotFound, SessionsResponse } from '../sessions/index.js';
import { EndSessionsRequest } from './user-sessions.dto.js';
import { UserSessions } from './user-sessions.service.js';
import { ReadUsers, UserNotFound, WriteUsers } from './users.contract.js';

@ApiTags('users')
@Controller('api/v1/users/:id/sessions')
export class UserSessionsController {
  constructor(private readonly sessions: UserSessions) {}

  @Get()
  @Requires(ReadUsers)
  @ApiProblems(UserNotFound)
  @Operation('users.sessions', 'List the open sessions of a user', {
    status: 200,
    about: 'All of them',
    type: SessionsResponse,
  })
  async list(@PathId() id: string, @CurrentPrincipal() { sessionId }: Principal): Promise<SessionsResponse> {
    return SessionsResponse.from(await this.sessions.list(id), sessionId);
  }

  @Delete(':sessionId')
  @Requires(WriteUsers)
  @ApiProblems(UserNotFound, SessionNotFound, PrivilegeCeiling)
  @Operation('users.endSession', 'End a session of a user', { status: 204, about: 'Ended' })
  async end(
    @PathId() id: string,
    @PathId('sessionId', 'The id of the session') sessionId: string,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() actor: Principal,
  ): Promise<void> {
    await this.sessions.end(id, sessionId, expected, actor);
  }

  @Post('revocation')
  @Requires(WriteUsers)
  @ApiProblems(UserNotFound, PrivilegeCeiling)
  @Operation(
    'users.endSessions',
    'Sign a user out everywhere',
    { status: 204, about: 'All their sessions have ended' },
    'In force within a second on every process. Their API keys go on: those are revoked one by one.',
  )
  async endAll(
    @PathId() id: string,
    @Body() { reason }: EndSessionsRequest,
    @CurrentPrincipal() actor: Principal,
  ): Promise<void> {
    await this.sessions.endAll(id, reason, actor);
  }
}
