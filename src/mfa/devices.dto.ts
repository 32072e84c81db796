import { ApiSchema } from '@nestjs/swagger';

import { ListOf, Moment, Text } from '../platform/http/properties.js';
import { CreatedAt, FactorId, LastUsedAt } from './mfa.properties.js';
import type { TrustedDeviceRow } from './trusted-device.entity.js';

@ApiSchema({ name: 'TrustedDevice' })
export class TrustedDeviceResponse {
  @FactorId() id!: string;
  @Text({ about: 'What it called itself', example: 'Firefox on Linux', max: 64 }) name!: string;
  @Text({ about: 'The address that it came from', example: '203.0.113.7', max: 45, nullable: true })
  ip!: string | null;
  @Text({
    about: 'Its `User-Agent`',
    example: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    max: 16_384,
    nullable: true,
  })
  userAgent!: string | null;
  @CreatedAt() createdAt!: string;
  @Moment({ about: 'Until when no second factor is asked for on it', example: '2026-12-21T10:00:00.000Z' })
  expiresAt!: string;
  @LastUsedAt() lastUsedAt!: string | null;

  static from(row: TrustedDeviceRow): TrustedDeviceResponse {
    const { id, name, ip, userAgent, createdAt, expiresAt, lastUsedAt } = row;
    return {
      id,
      name,
      ip,
      userAgent,
      createdAt: createdAt.toISOString(),
      expiresAt: expiresAt.toISOString(),
      lastUsedAt: lastUsedAt?.toISOString() ?? null,
    };
  }
}

@ApiSchema({ name: 'TrustedDeviceList' })
export class TrustedDeviceListResponse {
  @ListOf(() => TrustedDeviceResponse, 'Every device that is trusted now, the oldest first')
  data!: TrustedDeviceResponse[];

  static from(rows: readonly TrustedDeviceRow[]): TrustedDeviceListResponse {
    return { data: rows.map((row) => TrustedDeviceResponse.from(row)) };
  }
}
