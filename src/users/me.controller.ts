import { Body, Controller, Delete, Get, Patch } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { Clock } from '../platform/clock/clock.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { IfMatch } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import { Authenticated } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { MeResponse, PatchMeRequest } from './me.dto.js';
import { UserStatusService } from './user-status.service.js';
import { LastAdministrator, UserNotFound, UsernameTaken } from './users.contract.js';

import { Users } from './users.service.js';

@ApiTags('me')
@Controller('api/v1/me')
export class MeController {
  constructor(
    private readonly users: Users,
    private readonly status: UserStatusService,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Authenticated()
  @Operation('me.get', 'Read your own account', { status: 200, about: 'You', type: MeResponse })
  async get(@CurrentPrincipal() { userId }: Principal): Promise<MeResponse> {
    return MeResponse.from(await this.users.get(userId), this.clock.now());
  }

  @Patch()
  @Authenticated()
  @ApiProblems(UserNotFound, UsernameTaken)
  @Operation(
    'me.patch',
    'Change your own account',
    { status: 200, about: 'You, as you are now', type: MeResponse },
    'A merge patch (RFC 7396): `null` clears a member.',
  )
  async patch(
    @Body() body: PatchMeRequest,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() { userId }: Principal,
  ): Promise<MeResponse> {
    return MeResponse.from(await this.users.patchOwn(userId, body, expected), this.clock.now());
  }

  @Delete()
  @Authenticated()
  @ApiProblems(UserNotFound, LastAdministrator)
  @Operation(
    'me.delete',
    'Delete your own account',
    { status: 204, about: 'Deleted' },
    'Ends your sessions. An administrator can restore the account.',
  )
  async delete(@IfMatch() expected: Versions, @CurrentPrincipal() { userId }: Principal): Promise<void> {
    await this.status.deleteOwn(userId, expected);
  }
}
