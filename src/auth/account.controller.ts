import { Body, Controller, Header, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { PasswordIncorrect, TooManySignIns } from '../passwords/index.js';
import { EvenPace } from '../platform/http/even-pace.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import {
  AllowedBeforePasswordChange,
  AllowedBeforeSecondFactor,
  Authenticated,
  Public,
  RequiresRecentSignIn,
} from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { RateLimit } from '../platform/http/rate-limit.js';
import { Addresses } from './accounts/addresses.service.js';
import { MagicLinks } from './accounts/magic-links.service.js';
import { OwnPassword } from './accounts/own-password.service.js';
import { PasswordResets } from './accounts/password-resets.service.js';
import { AccountSuspended, SignInFailed } from './auth.contract.js';
import { ChangePasswordRequest, EmailRequest, FlowResponse, ResetPasswordRequest } from './auth.dto.js';
import { CodeInvalid, LinkInvalid } from './flows/flows.contract.js';
import { proofIn } from './flows/proof.js';
import { TooManyGuesses } from './guesses/guesses.contract.js';
import { SessionCookies } from './session-cookies.js';
import { ConsumeMagicLinkRequest, SignInResponse } from './sign-in.dto.js';

const ON_ITS_WAY = { status: 202, about: 'A mail is on its way, if there is somebody to get it', type: FlowResponse };
const SAME = 'The answer is the same for known and unknown addresses.';

/** What a mail is the key to: a new password, or the way in without one. */
@ApiTags('auth')
@Controller('api/v1/auth')
export class RecoveryController {
  constructor(
    private readonly resets: PasswordResets,
    private readonly links: MagicLinks,
    private readonly cookies: SessionCookies,
  ) {}

  @Post('password/forgot')
  @Public()
  @RateLimit('registrations')
  @EvenPace()
  @Operation('auth.forgotPassword', 'Ask for a new password', ON_ITS_WAY, SAME)
  async forgot(@Body() { email }: EmailRequest): Promise<FlowResponse> {
    return { flowId: await this.resets.forgot(email) };
  }

  @Post('password/reset')
  @Public()
  @RateLimit('codes')
  @ApiProblems(CodeInvalid, LinkInvalid, TooManyGuesses, TooManySignIns)
  @Operation(
    'auth.resetPassword',
    'Choose a new password',
    { status: 204, about: 'Changed; all sessions have ended' },
    'Signs nobody in: a second factor is asked for at the next sign-in as ever.',
  )
  async reset(@Body() body: ResetPasswordRequest): Promise<void> {
    await this.resets.reset(proofIn(body), body.password);
  }

  @Post('magic-link')
  @Public()
  @RateLimit('registrations')
  @EvenPace()
  @Operation('auth.sendMagicLink', 'Ask for a link to sign in', ON_ITS_WAY, SAME)
  async sendLink(@Body() { email }: EmailRequest): Promise<FlowResponse> {
    return { flowId: await this.links.send(email) };
  }

  @Post('magic-link/consume')
  @Public()
  @RateLimit('codes')
  @Header('Cache-Control', 'no-store')
  @ApiProblems(CodeInvalid, LinkInvalid, TooManyGuesses, AccountSuspended, SignInFailed)
  @Operation('auth.consumeMagicLink', 'Sign in with a mailed link or code', {
    status: 200,
    about: 'Tokens and who you are, or the token of a second step',
    type: SignInResponse,
  })
  async consume(
    @Body() body: ConsumeMagicLinkRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SignInResponse> {
    const { token, flowId, code, deviceToken, session } = body;
    const outcome = await this.links.consume(proofIn({ token, flowId, code }), deviceToken ?? null);
    return this.cookies.answer(reply, outcome, session);
  }
}

@ApiTags('me')
@Controller('api/v1/me')
export class MyCredentialsController {
  constructor(
    private readonly password: OwnPassword,
    private readonly addresses: Addresses,
  ) {}

  @Post('password')
  @Authenticated()
  @RequiresRecentSignIn()
  @RateLimit('credentials')
  @AllowedBeforePasswordChange()
  @AllowedBeforeSecondFactor()
  @ApiProblems(PasswordIncorrect, TooManySignIns, TooManyGuesses)
  @Operation('me.changePassword', 'Change your password', {
    status: 204,
    about: 'Changed; your other sessions have ended',
  })
  async changePassword(
    @Body() body: ChangePasswordRequest,
    @CurrentPrincipal() { userId, sessionId }: Principal,
  ): Promise<void> {
    await this.password.change(userId, body.currentPassword, body.newPassword, sessionId);
  }

  @Post('email')
  @Authenticated()
  @RequiresRecentSignIn()
  @Operation(
    'me.changeEmail',
    'Ask for another e-mail address',
    { status: 202, about: 'A mail is on its way to the new address, and another to the old one', type: FlowResponse },
    'The address changes once the new one is confirmed (`POST /api/v1/auth/email/verify`). The old one can undo it for a week.',
  )
  async changeEmail(@Body() { email }: EmailRequest, @CurrentPrincipal() principal: Principal): Promise<FlowResponse> {
    return { flowId: await this.addresses.change(principal.userId, email, principal.sessionId!) };
  }

  @Post('email/cancellation')
  @Authenticated()
  @Operation('me.keepEmail', 'Keep your e-mail address after all', { status: 204, about: 'Nothing is pending' })
  async keepEmail(@CurrentPrincipal() { userId }: Principal): Promise<void> {
    await this.addresses.cancel(userId);
  }
}
