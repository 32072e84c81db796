import { ApiSchema } from '@nestjs/swagger';

import { FactorResponse } from '../mfa/index.js';
import type { MfaStatus } from '../mfa/index.js';
import { Examples } from '../platform/http/examples.js';
import { ListOf, Text, Whole } from '../platform/http/properties.js';
import type { AccessToken } from './access-tokens.js';

const VISIBLE = /^(?!\s)[^\p{Cc}\u2028\u2029]+$/u;
const Reason = (): PropertyDecorator =>
  Text({ about: 'Why, for the record', example: 'Lost their telephone', min: 1, max: 500, pattern: VISIBLE });

@ApiSchema({ name: 'ReasonRequest' })
@Examples({ 'A reason': { reason: 'Lost their telephone, seen in person' } })
export class ReasonRequest {
  @Reason() reason!: string;
}

@ApiSchema({ name: 'ImpersonateRequest' })
@Examples({
  'A quarter of an hour': { reason: 'Ticket 4711: cannot see their invoices' },
  'For an hour': { reason: 'Ticket 4711: cannot see their invoices', minutes: 60 },
})
export class ImpersonateRequest {
  @Reason() reason!: string;
  @Whole({ about: 'For how many minutes; 15 if it is left out', example: 15, min: 1, max: 60, optional: true })
  minutes?: number;
}

@ApiSchema({ name: 'Impersonation' })
export class ImpersonationResponse {
  @Text({
    about: 'For `Authorization: Bearer`; a JWT (RFC 9068) with `act`',
    example: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln',
    max: 4096,
  })
  accessToken!: string;
  @Text({ about: 'How to send it', example: 'Bearer', max: 6 }) tokenType!: string;
  @Whole({ about: 'Seconds that the token lives', example: 600, min: 1, max: 3600 }) expiresIn!: number;

  static from({ token, expiresIn }: AccessToken): ImpersonationResponse {
    return { accessToken: token, tokenType: 'Bearer', expiresIn };
  }
}

@ApiSchema({ name: 'UserFactors' })
export class FactorListResponse {
  @ListOf(() => FactorResponse, 'Authenticator apps and passkeys') data!: FactorResponse[];
  @Whole({ about: 'Recovery codes that are left', example: 10, min: 0, max: 100 }) recoveryCodes!: number;
  @Whole({ about: 'Devices that are not asked for a second factor', example: 1, min: 0, max: 10_000 })
  trustedDevices!: number;

  static from({ factors, recoveryCodes, trustedDevices }: MfaStatus): FactorListResponse {
    return {
      data: factors.map((row) => FactorResponse.from(row)),
      recoveryCodes: recoveryCodes.remaining,
      trustedDevices,
    };
  }
}
