import { ApiSchema } from '@nestjs/swagger';

import { Moment, Whole } from '../platform/http/properties.js';
import { RecoveryCodeList } from './mfa.properties.js';
import { RECOVERY_CODES } from './recovery-codes.service.js';
import type { RecoveryStatus } from './recovery-codes.repository.js';

@ApiSchema({ name: 'RecoveryStatus' })
export class RecoveryStatusResponse {
  @Whole({ about: 'How many were not used yet', example: 10, min: 0, max: RECOVERY_CODES }) remaining!: number;
  @Moment({
    about: 'When they were made; null when there are none',
    example: '2026-11-21T10:00:00.000Z',
    nullable: true,
  })
  createdAt!: string | null;

  static from({ remaining, createdAt }: RecoveryStatus): RecoveryStatusResponse {
    return { remaining, createdAt: createdAt?.toISOString() ?? null };
  }
}

@ApiSchema({ name: 'RecoveryCodes' })
export class RecoveryCodesResponse {
  @RecoveryCodeList('Each is good once, in the place of a second factor; shown this once') codes!: readonly string[];
}
