import { ApiSchema } from '@nestjs/swagger';

import { Examples } from '../platform/http/examples.js';
import { ListOf, Moment, Nested, OneOf, Text } from '../platform/http/properties.js';
import { FACTOR_KINDS } from './factor.entity.js';
import type { FactorKind, FactorRow } from './factor.entity.js';
import { CreatedAt, FactorId, FactorName, FactorVersion, LastUsedAt, RecoveryCodeList } from './mfa.properties.js';
import type { ConfirmedFactor, Enrolment } from './totp.service.js';

@ApiSchema({ name: 'AddFactorRequest' })
@Examples({
  'An authenticator app': { kind: 'totp', name: 'My telephone' },
  'A second one': { kind: 'totp', name: 'The tablet at home' },
})
export class AddFactorRequest {
  @OneOf(['totp'], 'NewFactorKind', {
    about: 'What to add; passkeys are added at `POST /api/v1/me/passkeys`',
    example: 'totp',
  })
  kind!: 'totp';
  @FactorName() name!: string;
}

@ApiSchema({ name: 'PatchFactorRequest' })
@Examples({ 'Another name': { name: 'The old telephone' }, 'In any script': { name: 'Мой телефон' } })
export class PatchFactorRequest {
  @FactorName({ optional: true }) name?: string;
}

@ApiSchema({ name: 'ConfirmFactorRequest' })
@Examples({ 'What the app shows': { code: '123456' } })
export class ConfirmFactorRequest {
  @Text({ about: 'The six digits that the app shows now', example: '123456', min: 6, max: 6, pattern: /^\d{6}$/ })
  code!: string;
}

@ApiSchema({ name: 'Factor' })
export class FactorResponse {
  @FactorId() id!: string;
  @OneOf(FACTOR_KINDS, 'FactorKind', { about: 'An authenticator app, or a passkey', example: 'totp' })
  kind!: FactorKind;
  @FactorName() name!: string;
  @CreatedAt() createdAt!: string;
  @Moment({ about: 'Since when it is good; null while it waits for its first code', example: null, nullable: true })
  confirmedAt!: string | null;
  @LastUsedAt() lastUsedAt!: string | null;
  @FactorVersion() version!: number;

  static from({ id, kind, name, createdAt, confirmedAt, lastUsedAt, version }: FactorRow): FactorResponse {
    return {
      id,
      kind,
      name,
      createdAt: createdAt.toISOString(),
      confirmedAt: confirmedAt?.toISOString() ?? null,
      lastUsedAt: lastUsedAt?.toISOString() ?? null,
      version,
    };
  }
}

@ApiSchema({ name: 'FactorList' })
export class FactorListResponse {
  @ListOf(() => FactorResponse, 'Every factor, the oldest first') data!: FactorResponse[];

  static from(rows: readonly FactorRow[]): FactorListResponse {
    return { data: rows.map((row) => FactorResponse.from(row)) };
  }
}

@ApiSchema({ name: 'NewFactor' })
export class NewFactorResponse extends FactorResponse {
  @Text({
    about: 'What the codes are made of, in base32, for whoever types it in. Shown this once',
    example: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
    max: 64,
    pattern: /^[A-Z2-7]+$/,
  })
  secret!: string;
  @Text({
    about: 'The same for an app on this device',
    example: 'otpauth://totp/Roster:ada%40example.com?issuer=Roster&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
    max: 2000,
  })
  uri!: string;
  @Text({
    about: 'The same for the camera of another device: an SVG',
    example: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 490 490"/>',
    max: 200_000,
  })
  qrCode!: string;

  static enrolled({ factor, secret, uri, qrCode }: Enrolment): NewFactorResponse {
    return { ...FactorResponse.from(factor), secret, uri, qrCode };
  }
}

@ApiSchema({ name: 'ConfirmedFactor' })
export class ConfirmedFactorResponse {
  @Nested(() => FactorResponse, {
    about: 'The factor, which is good from now on',
    example: {
      id: '01a1fb89-a690-7530-90c7-ac334b01292e',
      kind: 'totp',
      name: 'My telephone',
      createdAt: '2026-11-21T10:00:00.000Z',
      confirmedAt: '2026-11-21T10:01:00.000Z',
      lastUsedAt: '2026-11-21T10:01:00.000Z',
      version: 2,
    },
  })
  factor!: FactorResponse;
  @RecoveryCodeList('Ten codes for the day on which it is lost, if it is your first factor; shown this once')
  recoveryCodes!: readonly string[];

  static from({ factor, recoveryCodes }: ConfirmedFactor): ConfirmedFactorResponse {
    return { factor: FactorResponse.from(factor), recoveryCodes };
  }
}
