import { Body, Controller, Header, Post, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { TooManyCodes } from '../mfa/index.js';
import { PasswordIncorrect, TooManySignIns } from '../passwords/index.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { AllowedBeforeSecondFactor, Authenticated, Public } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { PermissionDenied } from '../platform/http/problems.js';
import { RateLimit } from '../platform/http/rate-limit.js';
import { AccountSuspended, FactorInvalid, SignInFailed } from './auth.contract.js';
import { LinkInvalid } from './flows/flows.contract.js';
import { TooManyGuesses } from './guesses/guesses.contract.js';
import { SessionCookies } from './session-cookies.js';
import {
  PasskeyOptionsRequest,
  PasskeyOptionsResponse,
  SignInResponse,
  StepUpRequest,
  VerifyFactorRequest,
  VerifyPasskeyRequest,
} from './sign-in.dto.js';
import { factorIn } from './factor-proof.js';
import { SecondFactors } from './second-factors.service.js';
import { StepUp } from './step-up.service.js';

const SIGNED_IN = { status: 200, about: 'Tokens, and who you are', type: SignInResponse };

@ApiTags('auth')
@Controller('api/v1/auth')
export class SecondFactorController {
  constructor(
    private readonly factors: SecondFactors,
    private readonly stepUps: StepUp,
    private readonly cookies: SessionCookies,
  ) {}

  @Post('mfa/verify')
  @Public()
  @Header('Cache-Control', 'no-store')
  @ApiProblems(FactorInvalid, LinkInvalid, TooManyGuesses, TooManyCodes, AccountSuspended, SignInFailed)
  @Operation('auth.verifyFactor', 'Show a second factor', SIGNED_IN)
  async verify(
    @Body() body: VerifyFactorRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SignInResponse> {
    const { mfaToken, trustDevice = false, session } = body;
    return this.cookies.answer(reply, await this.factors.verify(mfaToken, factorIn(body), trustDevice), session);
  }

  @Post('passkeys/options')
  @Public()
  @Header('Cache-Control', 'no-store')
  @ApiProblems(LinkInvalid)
  @Operation('auth.passkeyOptions', 'Begin to sign in with a passkey', {
    status: 200,
    about: 'What the browser asks the passkey',
    type: PasskeyOptionsResponse,
  })
  async options(@Body() { mfaToken }: PasskeyOptionsRequest): Promise<PasskeyOptionsResponse> {
    return this.factors.passkeyOptions(mfaToken ?? null);
  }

  @Post('passkeys/verify')
  @Public()
  @Header('Cache-Control', 'no-store')
  @ApiProblems(FactorInvalid, AccountSuspended, SignInFailed)
  @Operation(
    'auth.verifyPasskey',
    'Sign in with a passkey',
    SIGNED_IN,
    'No name is typed: the passkey knows whose it is. It is both factors in one.',
  )
  async passkey(
    @Body() { challengeId, response, session }: VerifyPasskeyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SignInResponse> {
    return this.cookies.answer(reply, await this.factors.signInWithPasskey(challengeId, response), session);
  }

  @Post('step-up/options')
  @Authenticated()
  @AllowedBeforeSecondFactor()
  @Header('Cache-Control', 'no-store')
  @Operation('auth.stepUpOptions', 'Begin to prove once more who you are, by a passkey', {
    status: 200,
    about: 'What the browser asks one of your passkeys',
    type: PasskeyOptionsResponse,
  })
  async stepUpOptions(@CurrentPrincipal() { userId }: Principal): Promise<PasskeyOptionsResponse> {
    return this.factors.passkeyOptionsOf(userId);
  }

  @Post('step-up')
  @Authenticated()
  @AllowedBeforeSecondFactor()
  @RateLimit('credentials')
  @Header('Cache-Control', 'no-store')
  @ApiProblems(PasswordIncorrect, FactorInvalid, TooManyGuesses, TooManyCodes, TooManySignIns, PermissionDenied)
  @Operation(
    'auth.stepUp',
    'Prove once more who you are',
    { status: 200, about: 'The tokens of a new session; the old one has ended', type: SignInResponse },
    'By the password, or by a second factor where there is one. Sensitive operations want a proof of the last five minutes (RFC 9470).',
  )
  async stepUp(
    @Body() body: StepUpRequest,
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SignInResponse> {
    const proof = body.password === undefined ? factorIn(body) : { password: body.password };
    return this.cookies.answer(reply, await this.stepUps.with(principal, proof), this.cookies.transportOf(request));
  }
}
