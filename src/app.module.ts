import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { APP_GUARD, APP_PIPE } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';

import { createDataSource } from '../ormconfig.js';
import { AccessModule, PermissionGuard } from './access/index.js';
import { AuditModule } from './audit/index.js';
import { AuthModule, AuthenticationGuard } from './auth/index.js';
import { BrokerModule } from './broker/index.js';
import { EventsModule } from './events/index.js';
import { HealthModule } from './health/index.js';
import { ImportsModule } from './imports/index.js';
import { Jobs, JobsModule, defineJob } from './jobs/index.js';
import { KeysModule } from './keys/index.js';
import { MailModule } from './mail/index.js';
import { MfaModule } from './mfa/index.js';
import { Clock } from './platform/clock/clock.js';
import { bindIdempotency } from './platform/http/idempotency/bind.js';
import { IdempotencyKeysRepository } from './platform/http/idempotency/idempotency-keys.repository.js';
import { ValidationPipe } from './platform/http/validation.pipe.js';
import { ProblemsController } from './platform/pages/problems.controller.js';
import { AccountLimitGuard } from './platform/rate-limit/account-limit.guard.js';
import { RateLimits } from './platform/rate-limit/rate-limits.js';
import { PlatformModule } from './platform.module.js';
import type { Ground } from './platform.module.js';
import { RealtimeModule } from './realtime/index.js';
import { UsersModule } from './users/index.js';
import { WebhooksModule } from './webhooks/index.js';

const PruneRateLimits = defineJob('rate_limits.prune', { maxAttempts: 3 });
const PruneIdempotencyKeys = defineJob('idempotency_keys.prune', { maxAttempts: 3 });

const MODULES = [
  AccessModule,
  AuditModule,
  AuthModule,
  BrokerModule,
  EventsModule,
  HealthModule,
  ImportsModule,
  JobsModule,
  KeysModule,
  MailModule,
  MfaModule,
  RealtimeModule,
  UsersModule,
  WebhooksModule,
];

/** The whole house. Guards are bound here, in their order, so that no module needs the one that guards it. */
@Module({})
export class AppModule {
  constructor(jobs: Jobs, clock: Clock, limits: RateLimits, keys: IdempotencyKeysRepository) {
    jobs.work(PruneIdempotencyKeys, async () => void (await keys.prune(clock.now())), { cron: '23 * * * *' });
    jobs.work(PruneRateLimits, () => limits.prune(), { cron: '41 * * * *' });
  }

  static on(ground: Ground): DynamicModule {
    bindIdempotency();
    return {
      module: AppModule,
      imports: [databaseOn(ground), PlatformModule.on(ground), ...MODULES],
      controllers: [ProblemsController],
      providers: [
        { provide: APP_GUARD, useClass: AuthenticationGuard },
        { provide: APP_GUARD, useClass: AccountLimitGuard },
        { provide: APP_GUARD, useClass: PermissionGuard },
        { provide: APP_PIPE, useClass: ValidationPipe },
      ],
    };
  }
}

function databaseOn({ config, address, logs }: Ground): DynamicModule {
  return TypeOrmModule.forRootAsync({
    useFactory: () => ({ type: 'postgres', retryAttempts: 0 }),
    dataSourceFactory: () =>
      createDataSource({
        url: address.url,
        poolMax: config.values.DATABASE_POOL_MAX,
        applicationName: 'roster',
        // Shorter than the budget of a request, so that a costly question is told from a database that is away.
        statementTimeout: 2000,
        // A process that is stopped inside a transaction keeps its locks no longer than that.
        idleTransactionTimeout: 5000,
        onPoolError: (error) => logs.of('database').debug({ err: error }, 'An idle connection was lost'),
      }).initialize(),
  });
}
