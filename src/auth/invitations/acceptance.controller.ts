import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { TooManySignIns } from '../../passwords/index.js';
import { Clock } from '../../platform/clock/clock.js';
import { ApiProblems, Operation } from '../../platform/http/operation.js';
import { Public } from '../../platform/http/policy.js';
import { RateLimit } from '../../platform/http/rate-limit.js';
import { MeResponse } from '../../users/index.js';
import { AccountSuspended } from '../auth.contract.js';
import { CodeInvalid, LinkInvalid } from '../flows/flows.contract.js';
import { proofIn } from '../flows/proof.js';
import { TooManyGuesses } from '../guesses/guesses.contract.js';
import { InvitationAcceptance } from './invitation-acceptance.service.js';
import { AcceptInvitationRequest } from './invitations.dto.js';

@ApiTags('auth')
@Controller('api/v1/auth/invitations')
export class AcceptanceController {
  constructor(
    private readonly acceptance: InvitationAcceptance,
    private readonly clock: Clock,
  ) {}

  @Post('accept')
  @Public()
  @RateLimit('codes')
  @ApiProblems(CodeInvalid, LinkInvalid, TooManyGuesses, TooManySignIns, AccountSuspended)
  @Operation(
    'auth.acceptInvitation',
    'Accept an invitation',
    { status: 200, about: 'The account; it can sign in now', type: MeResponse },
    'With the token of the mailed link, or with its code and the `flowId` of the invitation.',
  )
  async accept(@Body() body: AcceptInvitationRequest): Promise<MeResponse> {
    const { password, name = null } = body;
    return MeResponse.from(await this.acceptance.accept(proofIn(body), password, name), this.clock.now());
  }
}
