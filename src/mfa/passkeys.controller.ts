import { Body, Controller, Delete, Get, Header, Patch, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { ApiProblems, Operation } from '../platform/http/operation.js';
import { IfMatch, PathId } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import { AllowedBeforeSecondFactor, Authenticated, RequiresRecentSignIn } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { PatchFactorRequest } from './factors.dto.js';
import { Factors } from './factors.service.js';
import { FactorNotFound, PasskeyInvalid, PasskeyTaken, TooManyFactors } from './mfa.contract.js';
import {
  NewPasskeyResponse,
  PasskeyListResponse,
  PasskeyOptionsResponse,
  PasskeyResponse,
  RegisterPasskeyRequest,
} from './passkeys.dto.js';
import { Passkeys } from './passkeys.service.js';

@ApiTags('mfa')
@Controller('api/v1/me/passkeys')
export class PasskeysController {
  constructor(
    private readonly factors: Factors,
    private readonly passkeys: Passkeys,
  ) {}

  @Get()
  @Authenticated()
  @AllowedBeforeSecondFactor()
  @Operation('passkeys.list', 'List your passkeys', {
    status: 200,
    about: 'Your passkeys, the oldest first',
    type: PasskeyListResponse,
  })
  async list(@CurrentPrincipal() { userId }: Principal): Promise<PasskeyListResponse> {
    return PasskeyListResponse.from(await this.factors.list(userId));
  }

  @Post('options')
  @Authenticated()
  @AllowedBeforeSecondFactor()
  @RequiresRecentSignIn()
  @Header('Cache-Control', 'no-store')
  @ApiProblems(TooManyFactors)
  @Operation('passkeys.options', 'Ask for what a browser needs to make a passkey', {
    status: 200,
    about: 'A challenge that is good for one answer and five minutes',
    type: PasskeyOptionsResponse,
  })
  async options(@CurrentPrincipal() { userId }: Principal): Promise<PasskeyOptionsResponse> {
    return this.passkeys.registrationOptions(userId);
  }

  @Post()
  @Authenticated()
  @AllowedBeforeSecondFactor()
  @RequiresRecentSignIn()
  @Header('Cache-Control', 'no-store')
  @ApiProblems(PasskeyInvalid, PasskeyTaken, TooManyFactors)
  @Operation(
    'passkeys.register',
    'Add a passkey',
    { status: 201, about: 'The passkey, and recovery codes with the first factor', type: NewPasskeyResponse },
    'You can sign in by it alone, without typing a name; and it is a second factor beside your password.',
  )
  async register(
    @Body() { name, challengeId, response }: RegisterPasskeyRequest,
    @CurrentPrincipal() { userId }: Principal,
  ): Promise<NewPasskeyResponse> {
    return NewPasskeyResponse.registered(await this.passkeys.register(userId, name, { challengeId, response }));
  }

  @Get(':id')
  @Authenticated()
  @AllowedBeforeSecondFactor()
  @ApiProblems(FactorNotFound)
  @Operation('passkeys.get', 'Read one of your passkeys', { status: 200, about: 'The passkey', type: PasskeyResponse })
  async get(@PathId() id: string, @CurrentPrincipal() { userId }: Principal): Promise<PasskeyResponse> {
    return PasskeyResponse.from(await this.factors.get(userId, id, 'passkey'));
  }

  @Patch(':id')
  @Authenticated()
  @RequiresRecentSignIn()
  @ApiProblems(FactorNotFound)
  @Operation('passkeys.rename', 'Give one of your passkeys another name', {
    status: 200,
    about: 'The passkey as it is now',
    type: PasskeyResponse,
  })
  async rename(
    @PathId() id: string,
    @Body() { name }: PatchFactorRequest,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() { userId }: Principal,
  ): Promise<PasskeyResponse> {
    return PasskeyResponse.from(await this.factors.rename(userId, id, name, expected, 'passkey'));
  }

  @Delete(':id')
  @Authenticated()
  @RequiresRecentSignIn()
  @ApiProblems(FactorNotFound)
  @Operation(
    'passkeys.remove',
    'Remove one of your passkeys',
    { status: 204, about: 'Removed' },
    'With your last factor go the recovery codes and the trusted devices: from then on the password is enough.',
  )
  async remove(
    @PathId() id: string,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() { userId }: Principal,
  ): Promise<void> {
    await this.factors.remove(userId, id, expected, 'passkey');
  }
}
