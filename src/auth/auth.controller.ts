import { Body, Controller, Get, Header, Post, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { TooManySignIns } from '../passwords/index.js';
import { Config } from '../platform/config/config.js';
import { EvenPace } from '../platform/http/even-pace.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import {
  AllowedBeforePasswordChange,
  AllowedBeforeSecondFactor,
  Authenticated,
  Public,
} from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { CsrfRefused, PermissionDenied } from '../platform/http/problems.js';
import { RateLimit } from '../platform/http/rate-limit.js';
import { RefreshTokenInvalid, Sessions } from '../sessions/index.js';
import { RegistrationClosed } from './accounts/accounts.contract.js';
import { RegistrationService } from './accounts/registration.service.js';
import { AccountSuspended, SignInFailed } from './auth.contract.js';
import { AuthMethodsResponse, FlowResponse, RegisterRequest } from './auth.dto.js';
import { TooManyGuesses } from './guesses/guesses.contract.js';
import { SessionCookies } from './session-cookies.js';
import { SessionTokens } from './session-tokens.service.js';
import { LoginRequest, RefreshRequest, SignInResponse } from './sign-in.dto.js';
import { SignInService } from './sign-in.service.js';

const ON_ITS_WAY = { status: 202, about: 'A mail is on its way, if there is somebody to get it', type: FlowResponse };
const SAME =
  'The answer is the same for known and unknown addresses. Without a mail server the mail lies at `/dev/mail`.';

@ApiTags('auth')
@Controller('api/v1/auth')
export class AuthController {
  constructor(
    private readonly registration: RegistrationService,
    private readonly tokens: SessionTokens,
    private readonly signIns: SignInService,
    private readonly cookies: SessionCookies,
    private readonly sessions: Sessions,
    private readonly config: Config,
  ) {}

  @Get('methods')
  @Public()
  @Operation('auth.methods', 'How one can sign in here', {
    status: 200,
    about: 'Ways in, and who may register',
    type: AuthMethodsResponse,
  })
  methods(): AuthMethodsResponse {
    return AuthMethodsResponse.from(this.config.values.REGISTRATION, this.config.values.PASSWORD_MIN_LENGTH);
  }

  @Post('register')
  @Public()
  @RateLimit('registrations')
  @EvenPace()
  @ApiProblems(TooManySignIns, RegistrationClosed)
  @Operation('auth.register', 'Ask for an account', ON_ITS_WAY, SAME)
  async register(@Body() body: RegisterRequest): Promise<FlowResponse> {
    return { flowId: await this.registration.register(body) };
  }

  @Post('login')
  @Public()
  @Header('Cache-Control', 'no-store')
  @ApiProblems(SignInFailed, AccountSuspended, TooManySignIns, TooManyGuesses)
  @Operation('auth.login', 'Sign in', {
    status: 200,
    about: 'Tokens and who you are, or the token of a second step',
    type: SignInResponse,
  })
  async login(
    @Body() { identifier, password, deviceToken, session }: LoginRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SignInResponse> {
    const outcome = await this.signIns.signIn(identifier, password, deviceToken ?? null);
    return this.cookies.answer(reply, outcome, session);
  }

  @Post('refresh')
  @Public()
  // Nobody guesses 256 bits, and a whole site may refresh from the one address of its server.
  @RateLimit('write')
  @Header('Cache-Control', 'no-store')
  @ApiProblems(RefreshTokenInvalid, CsrfRefused)
  @Operation(
    'auth.refresh',
    'Exchange a refresh token',
    { status: 200, about: 'New tokens, or new cookies', type: SignInResponse },
    'Each refresh token is used once; for 30 seconds it gives the same successor again. Later use ends the session.',
  )
  async refresh(
    @Body() { refreshToken }: RefreshRequest,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SignInResponse> {
    if (refreshToken !== undefined) return this.cookies.answer(reply, await this.tokens.refresh(refreshToken));
    const kept = this.cookies.refreshTokenOf(request);
    if (kept === null) throw new RefreshTokenInvalid();
    this.cookies.refuseForeignOrigin(request);
    return this.cookies.answer(reply, await this.tokens.refresh(kept), 'cookie');
  }

  @Post('logout')
  @Authenticated()
  @AllowedBeforePasswordChange()
  @AllowedBeforeSecondFactor()
  @ApiProblems(PermissionDenied)
  @Operation('auth.logout', 'Sign out', { status: 204, about: 'The session has ended' })
  async logout(
    @CurrentPrincipal() { sessionId }: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    // A key is not signed in.
    if (sessionId === null) throw new PermissionDenied();
    await this.sessions.end(sessionId, 'signed_out');
    this.cookies.clear(request, reply);
  }
}
