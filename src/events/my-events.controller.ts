import { Controller, Get, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { ApiProblems } from '../platform/http/operation.js';
import { Authenticated } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { StreamOperation, openStream } from '../platform/http/sse.js';
import { STREAM_EXAMPLE } from './event-example.js';
import { EventFeeds } from './event-feeds.service.js';
import type { Following } from './event-feeds.service.js';
import { EventPositionGone } from './events.contract.js';
import { ApiFollow, Follow } from './events.parameters.js';

@ApiTags('me')
@Controller('api/v1/me/events')
export class MyEventsController {
  constructor(private readonly feeds: EventFeeds) {}

  @Get('stream')
  @Authenticated()
  @ApiFollow('type eq "user.updated"')
  @ApiProblems(EventPositionGone)
  @StreamOperation(
    'me.events',
    'Follow what happens to your account',
    { about: 'A message for each event whose subject you are', example: STREAM_EXAMPLE },
    'As `GET /api/v1/events/stream`, but only of yourself. Who did it, and from where, is in your security log.',
  )
  async stream(
    @Follow() following: Following,
    @CurrentPrincipal() { userId }: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const tell = await this.feeds.about(userId, following);
    tell(openStream(reply));
  }
}
