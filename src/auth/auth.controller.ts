import { Body, Controller, Header, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { PasswordIncorrect, TooManySignIns } from '../passwords/index.js';
import { Clock } from '../platform/clock/clock.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { AllowedBeforePasswordChange, Authenticated, Public } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { PermissionDenied } from '../platform/http/problems.js';
import { RateLimit } from '../platform/http/rate-limit.js';
import { RefreshTokenInvalid, Sessions } from '../sessions/index.js';
import { EmailTaken, MeResponse } from '../users/index.js';
import { AccountSuspended, CodeInvalid, SignInFailed } from './auth.contract.js';
import {
  ChangePasswordRequest,
  FlowResponse,
  LoginRequest,
  RefreshRequest,
  RegisterRequest,
  TokensResponse,
  VerifyEmailRequest,
} from './auth.dto.js';
import { ConfirmationService } from './confirmation.service.js';
import { OwnPassword } from './own-password.service.js';
import { RegistrationService } from './registration.service.js';
import { SignInService } from './sign-in.service.js';

@ApiTags('auth')
@Controller('api/v1/auth')
export class AuthController {
  constructor(
    private readonly registration: RegistrationService,
    private readonly confirmation: ConfirmationService,
    private readonly signIns: SignInService,
    private readonly sessions: Sessions,
    private readonly clock: Clock,
  ) {}

  @Post('register')
  @Public()
  @RateLimit('registrations')
  @ApiProblems(TooManySignIns)
  @Operation(
    'auth.register',
    'Ask for an account',
    { status: 202, about: 'A code is on its way, if the address is free', type: FlowResponse },
    'The answer is the same for known and unknown addresses. Without a mail server the mail lies at `/dev/mail`.',
  )
  async register(@Body() body: RegisterRequest): Promise<FlowResponse> {
    return { flowId: await this.registration.register(body) };
  }

  @Post('email/verify')
  @Public()
  @RateLimit('codes')
  @ApiProblems(CodeInvalid, EmailTaken)
  @Operation('auth.verifyEmail', 'Confirm the address with the mailed code', {
    status: 200,
    about: 'The account; it can sign in now',
    type: MeResponse,
  })
  async verifyEmail(@Body() { flowId, code }: VerifyEmailRequest): Promise<MeResponse> {
    return MeResponse.from(await this.confirmation.confirm(flowId, code), this.clock.now());
  }

  @Post('login')
  @Public()
  @Header('Cache-Control', 'no-store')
  @ApiProblems(SignInFailed, AccountSuspended, TooManySignIns)
  @Operation('auth.login', 'Sign in', { status: 200, about: 'Tokens, and who you are', type: TokensResponse })
  async login(@Body() { identifier, password }: LoginRequest): Promise<TokensResponse> {
    return TokensResponse.from(await this.signIns.signIn(identifier, password), this.clock.now());
  }

  @Post('refresh')
  @Public()
  // Nobody guesses 256 bits, and a whole site may refresh from the one address of its server.
  @RateLimit('write')
  @Header('Cache-Control', 'no-store')
  @ApiProblems(RefreshTokenInvalid)
  @Operation(
    'auth.refresh',
    'Exchange a refresh token',
    { status: 200, about: 'New tokens', type: TokensResponse },
    'Each refresh token is used once; for 30 seconds it gives the same successor again. Later use ends the session.',
  )
  async refresh(@Body() { refreshToken }: RefreshRequest): Promise<TokensResponse> {
    return TokensResponse.from(await this.signIns.refresh(refreshToken), this.clock.now());
  }

  @Post('logout')
  @Authenticated()
  @AllowedBeforePasswordChange()
  @ApiProblems(PermissionDenied)
  @Operation('auth.logout', 'Sign out', { status: 204, about: 'The session has ended' })
  async logout(@CurrentPrincipal() { sessionId }: Principal): Promise<void> {
    // A key is not signed in.
    if (sessionId === null) throw new PermissionDenied();
    await this.sessions.end(sessionId, 'signed_out');
  }
}

@ApiTags('me')
@Controller('api/v1/me')
export class MyPasswordController {
  constructor(private readonly password: OwnPassword) {}

  @Post('password')
  @Authenticated()
  @RateLimit('credentials')
  @AllowedBeforePasswordChange()
  @ApiProblems(PasswordIncorrect, TooManySignIns)
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
}
