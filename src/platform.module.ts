import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';

import { Listener } from './platform/cache/listener.js';
import { Revocations } from './platform/cache/revocations.js';
import { Clock } from './platform/clock/clock.js';
import { Config } from './platform/config/config.js';
import { Secrets } from './platform/crypto/secrets.js';
import { DatabaseAddress } from './platform/database/address.js';
import { Database } from './platform/database/database.js';
import { SettingsRepository } from './platform/database/settings.repository.js';
import { IdempotencyKeysRepository } from './platform/http/idempotency/idempotency-keys.repository.js';
import { PublicUrl } from './platform/http/public-url.js';
import { Logs } from './platform/logging/logger.js';
import { Outgoing } from './platform/outgoing/outgoing.js';
import { RateLimits } from './platform/rate-limit/rate-limits.js';
import { SharedCount } from './platform/rate-limit/shared-count.js';
import { Indicators } from './platform/telemetry/indicators.js';
import { Lifecycle } from './platform/telemetry/lifecycle.js';
import { Metrics } from './platform/telemetry/metrics.js';

/** What is there before the application: made by whoever starts it. */
export interface Ground {
  readonly config: Config;
  readonly clock: Clock;
  readonly logs: Logs;
  readonly metrics: Metrics;
  readonly secrets: Secrets;
  readonly address: DatabaseAddress;
  readonly publicUrl: PublicUrl;
}

/** The ground floor: every module may ask for these without importing anything. */
@Global()
@Module({})
export class PlatformModule {
  static on({ config, clock, logs, metrics, secrets, address, publicUrl }: Ground): DynamicModule {
    const given = [
      { provide: Config, useValue: config },
      { provide: Clock, useValue: clock },
      { provide: Logs, useValue: logs },
      { provide: Metrics, useValue: metrics },
      { provide: Secrets, useValue: secrets },
      { provide: DatabaseAddress, useValue: address },
      { provide: PublicUrl, useValue: publicUrl },
    ];
    const made = [
      Database,
      IdempotencyKeysRepository,
      Indicators,
      Lifecycle,
      Listener,
      Outgoing,
      RateLimits,
      Revocations,
      SettingsRepository,
      SharedCount,
    ];
    return {
      module: PlatformModule,
      providers: [...given, ...made],
      exports: [...given.map(({ provide }) => provide), ...made],
    };
  }
}
