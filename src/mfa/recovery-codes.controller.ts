import { Controller, Get, Header, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { ApiProblems, Operation } from '../platform/http/operation.js';
import { Authenticated, RequiresRecentSignIn } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { SecondFactorMissing } from './mfa.contract.js';
import { RecoveryCodesResponse, RecoveryStatusResponse } from './recovery-codes.dto.js';
import { RecoveryCodes } from './recovery-codes.service.js';

@ApiTags('mfa')
@Controller('api/v1/me/mfa/recovery-codes')
export class RecoveryCodesController {
  constructor(private readonly codes: RecoveryCodes) {}

  @Get()
  @Authenticated()
  @Operation('recoveryCodes.status', 'Read how many recovery codes you have left', {
    status: 200,
    about: 'How many, and since when; never the codes',
    type: RecoveryStatusResponse,
  })
  async status(@CurrentPrincipal() { userId }: Principal): Promise<RecoveryStatusResponse> {
    return RecoveryStatusResponse.from(await this.codes.statusOf(userId));
  }

  @Post()
  @Authenticated()
  @RequiresRecentSignIn()
  @Header('Cache-Control', 'no-store')
  @ApiProblems(SecondFactorMissing)
  @Operation(
    'recoveryCodes.make',
    'Make new recovery codes',
    { status: 200, about: 'The codes, this once', type: RecoveryCodesResponse },
    'Those that you had are void.',
  )
  async make(@CurrentPrincipal() { userId }: Principal): Promise<RecoveryCodesResponse> {
    return { codes: await this.codes.makeAgain(userId) };
  }
}
