import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';

import { Listener } from './platform/cache/listener.js';
import { PostgresListener } from './platform/cache/postgres-listener.js';
import { RedisListener } from './platform/cache/redis-listener.js';
import { Revocations } from './platform/cache/revocations.js';
import { Clock } from './platform/clock/clock.js';
import { Config } from './platform/config/config.js';
import { Secrets } from './platform/crypto/secrets.js';
import { DatabaseAddress } from './platform/database/address.js';
import { Database } from './platform/database/database.js';
import { SettingsRepository } from './platform/database/settings.repository.js';
import { IdempotencyKeysRepository } from './platform/http/idempotency/idempotency-keys.repository.js';
import { PublicUrl } from './platform/http/public-url.js';
import { Refusals } from './platform/http/refusals.js';
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

/** Redis carries the nudges where there is one: PostgreSQL is spared them, and a pooler before it loses none. */
const listener = {
  provide: Listener,
  useFactory: (config: Config, address: DatabaseAddress, db: Database, logs: Logs, indicators: Indicators): Listener =>
    config.values.REDIS_URL
      ? new RedisListener(config.values.REDIS_URL, logs, indicators)
      : new PostgresListener(address, db, logs),
  inject: [Config, DatabaseAddress, Database, Logs, Indicators],
};

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
      Outgoing,
      RateLimits,
      Refusals,
      Revocations,
      SettingsRepository,
      SharedCount,
    ];
    return {
      module: PlatformModule,
      providers: [...given, listener, ...made],
      exports: [...given.map(({ provide }) => provide), Listener, ...made],
    };
  }
}
