import { Body, Controller, Delete, Get, Patch } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { ApiProblems, Operation } from '../platform/http/operation.js';
import { IfMatch, PathId } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import { Authenticated, OnlyInPerson } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { OpenSessions } from './open-sessions.service.js';
import { SessionNotFound } from './sessions.contract.js';
import { NameSessionRequest, SessionResponse, SessionsResponse } from './sessions.dto.js';

@ApiTags('me')
@Controller('api/v1/me/sessions')
export class MySessionsController {
  constructor(private readonly sessions: OpenSessions) {}

  @Get()
  @Authenticated()
  @Operation(
    'me.sessions',
    'List your open sessions',
    { status: 200, about: 'All of them', type: SessionsResponse },
    'Where you are signed in: one for each sign-in that has neither ended nor expired.',
  )
  async list(@CurrentPrincipal() { userId, sessionId }: Principal): Promise<SessionsResponse> {
    return SessionsResponse.from(await this.sessions.list(userId), sessionId);
  }

  @Patch(':id')
  @Authenticated()
  @ApiProblems(SessionNotFound)
  @Operation('me.nameSession', 'Name one of your sessions', {
    status: 200,
    about: 'The session, as it is now',
    type: SessionResponse,
  })
  async name(
    @PathId() id: string,
    @Body() body: NameSessionRequest,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() { userId, sessionId }: Principal,
  ): Promise<SessionResponse> {
    return SessionResponse.from(await this.sessions.name(userId, id, body.name, expected), sessionId);
  }

  @Delete(':id')
  @Authenticated()
  @OnlyInPerson()
  @ApiProblems(SessionNotFound)
  @Operation(
    'me.endSession',
    'End one of your sessions',
    { status: 204, about: 'Ended' },
    'In force within a second on every process. Your present one may be ended too.',
  )
  async end(
    @PathId() id: string,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() { userId }: Principal,
  ): Promise<void> {
    await this.sessions.end(userId, id, expected, 'ended_elsewhere');
  }

  @Delete()
  @Authenticated()
  @OnlyInPerson()
  @Operation('me.endOtherSessions', 'End all your other sessions', {
    status: 204,
    about: 'Only the session of this request goes on',
  })
  async endOthers(@CurrentPrincipal() { userId, sessionId }: Principal): Promise<void> {
    await this.sessions.endOthers(userId, sessionId);
  }
}
