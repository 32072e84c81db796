import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { PasswordIncorrect, TooManySignIns } from '../passwords/index.js';
import { Clock } from '../platform/clock/clock.js';
import { EvenPace } from '../platform/http/even-pace.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { Public } from '../platform/http/policy.js';
import { RateLimit } from '../platform/http/rate-limit.js';
import { EmailTaken, MeResponse } from '../users/index.js';
import { Addresses } from './accounts/addresses.service.js';
import { ConfirmationService } from './accounts/confirmation.service.js';
import { Verifications } from './accounts/verifications.service.js';
import { EmailRequest, FlowResponse, TokenRequest, VerifyEmailRequest } from './auth.dto.js';
import { CodeInvalid, LinkInvalid } from './flows/flows.contract.js';
import { proofIn } from './flows/proof.js';
import { TooManyGuesses } from './guesses/guesses.contract.js';

const SAME = 'The answer is the same for known and unknown addresses.';
const ON_ITS_WAY = { status: 202, about: 'A mail is on its way, if there is somebody to get it', type: FlowResponse };

@ApiTags('auth')
@Controller('api/v1/auth')
export class EmailController {
  constructor(
    private readonly confirmation: ConfirmationService,
    private readonly verifications: Verifications,
    private readonly addresses: Addresses,
    private readonly clock: Clock,
  ) {}

  @Post('email/verify')
  @Public()
  @RateLimit('codes')
  @ApiProblems(CodeInvalid, LinkInvalid, TooManyGuesses, TooManySignIns, PasswordIncorrect, EmailTaken)
  @Operation(
    'auth.verifyEmail',
    'Prove that an address is yours',
    { status: 200, about: 'The account, with this address', type: MeResponse },
    'With the code of the mail and its flow, or with the token of its link; the link of a registration or of a change also wants the password of the account, so that nobody makes a stranger’s account theirs by a click; so does the code of a registration that was mailed again.',
  )
  async verifyEmail(@Body() body: VerifyEmailRequest): Promise<MeResponse> {
    return MeResponse.from(await this.confirmation.confirm(proofIn(body), body.password ?? null), this.clock.now());
  }

  @Post('email/resend')
  @Public()
  @RateLimit('registrations')
  @EvenPace()
  @Operation('auth.resendVerification', 'Ask for the mail once more', ON_ITS_WAY, SAME)
  async resend(@Body() { email }: EmailRequest): Promise<FlowResponse> {
    return { flowId: await this.verifications.resend(email) };
  }

  @Post('email/revert')
  @Public()
  @ApiProblems(LinkInvalid, EmailTaken)
  @Operation('auth.revertEmail', 'Undo a change of the address', {
    status: 204,
    about: 'The address is as it was; all sessions have ended, and a mail offers a new password',
  })
  async revert(@Body() { token }: TokenRequest): Promise<void> {
    await this.addresses.revert(token);
  }
}
