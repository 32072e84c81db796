import { Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyReply } from 'fastify';

import { RouteNotFound } from '../platform/http/problems.js';
import { readBodies } from '../platform/http/server.js';
import { refusal } from '../platform/http/validation.pipe.js';
import { LEVELS, Logs } from '../platform/logging/logger.js';
import type { Level } from '../platform/logging/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { Health } from './health.service.js';
import type { HealthReport } from './health.service.js';
import { MigrationsRepository } from './migrations.repository.js';
import { Operations } from './operations.service.js';
import { HEALTH_JSON, statusOf } from './probes.js';

/** What the management port serves. */
@Injectable()
export class ManagementRoutes {
  constructor(
    private readonly health: Health,
    private readonly metrics: Metrics,
    private readonly operations: Operations,
    private readonly migrations: MigrationsRepository,
    private readonly logs: Logs,
  ) {}

  serve(server: FastifyInstance): void {
    readBodies(server);
    const { health, metrics, operations, migrations } = this;
    server.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
    server.get('/health', async (_request, reply) => send(await health.whole(), reply));
    server.get('/health/live', (_request, reply) => send(health.live(), reply));
    server.get('/health/ready', async (_request, reply) => send(await health.ready(), reply));
    server.get('/health/startup', async (_request, reply) => send(await health.startup(), reply));
    server.get('/ops/info', () => operations.info());
    server.get('/ops/config', () => ({ data: operations.settings() }));
    server.get('/ops/routes', () => ({ data: operations.routes() }));
    server.get('/ops/migrations', async () => ({ data: await migrations.all() }));
    server.get('/ops/outgoing', () => ({ data: operations.outgoing() }));
    server.get('/ops/pool', () => operations.pool());
    server.get('/ops/loggers', () => ({
      data: Object.entries(this.logs.levels()).map(([name, level]) => ({ name, level })),
    }));
    server.put<{ Params: { name: string } }>('/ops/loggers/:name', (request, reply) => {
      this.setLevel(request.params.name, levelIn(request.body));
      return reply.code(204).send();
    });
  }

  private setLevel(name: string, level: Level): void {
    if (!this.logs.setLevel(name, level)) throw new RouteNotFound('There is no logger of this name');
    this.logs.of('ops').info({ logger: name, level }, 'The level of a logger was set');
  }
}

function send(report: HealthReport, reply: FastifyReply): FastifyReply {
  return reply.code(statusOf(report)).type(HEALTH_JSON).send(JSON.stringify(report));
}

function levelIn(body: unknown): Level {
  const { level: wanted, ...others } = (body ?? {}) as Record<string, unknown>;
  const level = LEVELS.find((candidate) => candidate === wanted);
  const faults = Object.keys(others).map((name) => ({
    pointer: `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    code: 'unknown_member',
    detail: 'is not a member of this request',
  }));
  if (level && faults.length === 0) return level;
  if (!level) faults.unshift({ pointer: '/level', code: 'not_allowed', detail: `must be one of ${LEVELS.join(', ')}` });
  throw refusal(faults);
}
