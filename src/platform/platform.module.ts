import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';

import { Listener } from './cache/listener.js';
import { Revocations } from './cache/revocations.js';
import { Clock } from './clock/clock.js';
import { Config } from './config/config.js';
import { Secrets } from './crypto/secrets.js';
import { DatabaseAddress } from './database/address.js';
import { Database } from './database/database.js';
import { SettingsRepository } from './database/settings.repository.js';
import { PublicUrl } from './http/public-url.js';
import { Logs } from './logging/logger.js';
import { Indicators } from './telemetry/indicators.js';
import { Lifecycle } from './telemetry/lifecycle.js';
import { Metrics } from './telemetry/metrics.js';

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
    const made = [Database, Indicators, Lifecycle, Listener, Revocations, SettingsRepository];
    return {
      module: PlatformModule,
      providers: [...given, ...made],
      exports: [...given.map(({ provide }) => provide), ...made],
    };
  }
}
