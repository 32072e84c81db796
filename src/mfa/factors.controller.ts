import { Body, Controller, Delete, Get, Header, Patch, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { ApiProblems, Operation } from '../platform/http/operation.js';
import { IfMatch, PathId } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import { AllowedBeforeSecondFactor, Authenticated, RequiresRecentSignIn } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { RateLimit } from '../platform/http/rate-limit.js';
import {
  AddFactorRequest,
  ConfirmFactorRequest,
  ConfirmedFactorResponse,
  FactorListResponse,
  FactorResponse,
  NewFactorResponse,
  PatchFactorRequest,
} from './factors.dto.js';
import { Factors } from './factors.service.js';
import { FactorAlreadyConfirmed, FactorCodeInvalid, FactorNotFound, TooManyFactors } from './mfa.contract.js';
import { Totp } from './totp.service.js';

@ApiTags('mfa')
@Controller('api/v1/me/mfa/factors')
export class FactorsController {
  constructor(
    private readonly factors: Factors,
    private readonly totp: Totp,
  ) {}

  @Get()
  @Authenticated()
  @AllowedBeforeSecondFactor()
  @Operation('factors.list', 'List your second factors', {
    status: 200,
    about: 'Authenticator apps and passkeys, the oldest first',
    type: FactorListResponse,
  })
  async list(@CurrentPrincipal() { userId }: Principal): Promise<FactorListResponse> {
    return FactorListResponse.from(await this.factors.list(userId));
  }

  @Post()
  @Authenticated()
  @AllowedBeforeSecondFactor()
  @RequiresRecentSignIn()
  @Header('Cache-Control', 'no-store')
  @ApiProblems(TooManyFactors)
  @Operation(
    'factors.add',
    'Add an authenticator app',
    { status: 201, about: 'What the app has to be told, this once', type: NewFactorResponse },
    'The app makes codes of six digits that change every 30 seconds (RFC 6238, SHA-1). It is asked for only after it was confirmed by its first code.',
  )
  async add(@Body() { name }: AddFactorRequest, @CurrentPrincipal() { userId }: Principal): Promise<NewFactorResponse> {
    return NewFactorResponse.enrolled(await this.totp.enrol(userId, name));
  }

  @Get(':id')
  @Authenticated()
  @AllowedBeforeSecondFactor()
  @ApiProblems(FactorNotFound)
  @Operation('factors.get', 'Read one of your second factors', {
    status: 200,
    about: 'The factor',
    type: FactorResponse,
  })
  async get(@PathId() id: string, @CurrentPrincipal() { userId }: Principal): Promise<FactorResponse> {
    return FactorResponse.from(await this.factors.get(userId, id));
  }

  @Patch(':id')
  @Authenticated()
  @RequiresRecentSignIn()
  @ApiProblems(FactorNotFound)
  @Operation('factors.rename', 'Give one of your second factors another name', {
    status: 200,
    about: 'The factor as it is now',
    type: FactorResponse,
  })
  async rename(
    @PathId() id: string,
    @Body() { name }: PatchFactorRequest,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() { userId }: Principal,
  ): Promise<FactorResponse> {
    return FactorResponse.from(await this.factors.rename(userId, id, name, expected));
  }

  @Delete(':id')
  @Authenticated()
  @RequiresRecentSignIn()
  @ApiProblems(FactorNotFound)
  @Operation(
    'factors.remove',
    'Remove one of your second factors',
    { status: 204, about: 'Removed' },
    'With the last one go the recovery codes and the trusted devices: from then on the password is enough.',
  )
  async remove(
    @PathId() id: string,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() { userId }: Principal,
  ): Promise<void> {
    await this.factors.remove(userId, id, expected);
  }

  @Post(':id/confirmation')
  @Authenticated()
  @AllowedBeforeSecondFactor()
  @RequiresRecentSignIn()
  @RateLimit('credentials')
  @Header('Cache-Control', 'no-store')
  @ApiProblems(FactorNotFound, FactorAlreadyConfirmed, FactorCodeInvalid)
  @Operation(
    'factors.confirm',
    'Confirm an authenticator app by its first code',
    { status: 200, about: 'The factor, and recovery codes with the first one', type: ConfirmedFactorResponse },
    'From now on a second factor is asked for when you sign in.',
  )
  async confirm(
    @PathId() id: string,
    @Body() { code }: ConfirmFactorRequest,
    @CurrentPrincipal() { userId }: Principal,
  ): Promise<ConfirmedFactorResponse> {
    return ConfirmedFactorResponse.from(await this.totp.confirm(userId, id, code));
  }
}
