import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';

import { JobsModule } from '../jobs/index.js';
import { Database } from '../platform/database/database.js';
import { Logs } from '../platform/logging/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { DatabaseLook } from './database-look.js';
import { HealthController } from './health.controller.js';
import { Health } from './health.service.js';
import { ManagementRoutes } from './management-routes.js';
import { ManagementServer } from './management-server.js';
import { MigrationsRepository } from './migrations.repository.js';
import { Operations } from './operations.service.js';

@Module({
  imports: [DiscoveryModule, JobsModule],
  controllers: [HealthController],
  providers: [DatabaseLook, Health, ManagementRoutes, ManagementServer, MigrationsRepository, Operations],
})
export class HealthModule {
  constructor(metrics: Metrics, db: Database, logs: Logs) {
    metrics.states('db_client_connection_count', 'Connections of the pool, by state', 'state', () => {
      const { total, idle } = db.connections();
      return { idle, used: total - idle };
    });
    metrics.gauge(
      'db_client_connection_pending_requests',
      'Those who wait for a connection of the pool',
      () => db.connections().waiting,
    );
    metrics.gauge('log_lines_dropped', 'Log lines given up because nobody read them', () => logs.dropped);
  }
}
