import { Body, Controller, Delete, Get, Patch } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { Clock } from '../platform/clock/clock.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { IfMatch } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import { AllowedBeforeSecondFactor, Authenticated, RequiresRecentSignIn } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { MeResponse, PatchMeRequest } from './me.dto.js';
import { OwnDeletion } from './own-deletion.service.js';
import { LastAdministrator, UserNotFound, UsernameTaken } from './users.contract.js';
import { Users } from './users.service.js';

@ApiTags('me')
@Controller('api/v1/me')
export class MeController {
  constructor(
    private readonly users: Users,
    private readonly deletion: OwnDeletion,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Authenticated()
  @AllowedBeforeSecondFactor()
  @Operation('me.get', 'Read your own account', { status: 200, about: 'You', type: MeResponse })
  async get(@CurrentPrincipal() { userId }: Principal): Promise<MeResponse> {
    return MeResponse.from(await this.users.get(userId), this.clock.now());
  }

  @Patch()
  @Authenticated()
  @RequiresRecentSignIn(['phone', 'username'])
  @ApiProblems(UserNotFound, UsernameTaken)
  @Operation(
    'me.patch',
    'Change your own account',
    { status: 200, about: 'You, as you are now', type: MeResponse },
    'A merge patch (RFC 7396): `null` clears a member. `phone` and `username` want a recent sign-in.',
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
  @RequiresRecentSignIn()
  @ApiProblems(UserNotFound, LastAdministrator)
  @Operation(
    'me.delete',
    'Delete your own account',
    { status: 204, about: 'It is deleted on the day that a mail tells; at once, where no days are granted' },
    `Ends your sessions. Until that day (\`DELETION_GRACE\`, 14 days unless the operator says otherwise) you can sign in, see
\`deletionDueAt\`, and keep the account. Afterwards an administrator can restore it.`,
  )
  async delete(@IfMatch() expected: Versions, @CurrentPrincipal() { userId }: Principal): Promise<void> {
    await this.deletion.ask(userId, expected);
  }

  @Delete('deletion')
  @Authenticated()
  @ApiProblems(UserNotFound)
  @Operation('me.keep', 'Keep your account after all', {
    status: 200,
    about: 'You; nothing is due any longer',
    type: MeResponse,
  })
  async keep(@IfMatch() expected: Versions, @CurrentPrincipal() { userId }: Principal): Promise<MeResponse> {
    return MeResponse.from(await this.deletion.cancel(userId, expected), this.clock.now());
  }
}
