import { Body, Controller, Get, Header, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { PrivilegeCeiling } from '../access/index.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { PathId } from '../platform/http/parameters.js';
import { RequiresRecentSignIn, Requires } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { PermissionDenied } from '../platform/http/problems.js';
import { RateLimit } from '../platform/http/rate-limit.js';
import { UserNotFound } from '../users/index.js';
import { Administration } from './administration.service.js';
import { AccountSuspended, AdministerCredentials, Impersonate } from './auth.contract.js';
import { Impersonation } from './impersonation.service.js';
import {
  FactorListResponse,
  ImpersonateRequest,
  ImpersonationResponse,
  ReasonRequest,
} from './user-credentials.dto.js';

/** The credentials of others: for administrators, each deed with its reason. */
@ApiTags('users')
@Controller('api/v1/users/:id')
export class UserCredentialsController {
  constructor(
    private readonly administration: Administration,
    private readonly impersonation: Impersonation,
  ) {}

  @Get('factors')
  @Requires(AdministerCredentials)
  @ApiProblems(UserNotFound)
  @Operation('users.factors', 'Read which factors a user has', {
    status: 200,
    about: 'The factors, and how many recovery codes are left',
    type: FactorListResponse,
  })
  async factors(@PathId() id: string): Promise<FactorListResponse> {
    return FactorListResponse.from(await this.administration.factorsOf(id));
  }

  @Post('factors/reset')
  @Requires(AdministerCredentials)
  @RequiresRecentSignIn()
  @ApiProblems(UserNotFound, PrivilegeCeiling)
  @Operation(
    'users.resetFactors',
    'Take away all factors of a user',
    { status: 204, about: 'None is left' },
    'For somebody who lost theirs. Ends their sessions; the owner is told by mail.',
  )
  async resetFactors(
    @PathId() id: string,
    @Body() { reason }: ReasonRequest,
    @CurrentPrincipal() actor: Principal,
  ): Promise<void> {
    await this.administration.resetFactors(id, reason, actor);
  }

  @Post('password-reset')
  @Requires(AdministerCredentials)
  @RateLimit('write')
  @ApiProblems(UserNotFound, PrivilegeCeiling)
  @Operation('users.sendPasswordReset', 'Send a user a mail to choose a new password', {
    status: 204,
    about: 'The mail is on its way',
  })
  async sendReset(
    @PathId() id: string,
    @Body() { reason }: ReasonRequest,
    @CurrentPrincipal() actor: Principal,
  ): Promise<void> {
    await this.administration.sendReset(id, reason, actor);
  }

  @Post('unlock')
  @Requires(AdministerCredentials)
  @ApiProblems(UserNotFound, PrivilegeCeiling)
  @Operation('users.unlock', 'Let a user try again at once', {
    status: 204,
    about: 'Wrong guesses are forgotten',
  })
  async unlock(@PathId() id: string, @CurrentPrincipal() actor: Principal): Promise<void> {
    await this.administration.unlock(id, actor);
  }

  @Post('impersonation')
  @Requires(Impersonate)
  @RequiresRecentSignIn()
  @Header('Cache-Control', 'no-store')
  @ApiProblems(UserNotFound, PrivilegeCeiling, AccountSuspended, PermissionDenied)
  @Operation(
    'users.impersonate',
    'Act for a user',
    { status: 200, about: 'A token for a while', type: ImpersonationResponse },
    'The token says who acts (`act`, RFC 8693), has no more rights than you have, cannot be refreshed, and is refused where a recent sign-in is asked for. Sign out to end it.',
  )
  async impersonate(
    @PathId() id: string,
    @Body() { reason, minutes }: ImpersonateRequest,
    @CurrentPrincipal() actor: Principal,
  ): Promise<ImpersonationResponse> {
    return ImpersonationResponse.from(await this.impersonation.start(id, { reason, minutes: minutes ?? 15 }, actor));
  }
}
