import { Controller, Get, Header, Res, applyDecorators } from '@nestjs/common';
import { ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { Operation } from '../platform/http/operation.js';
import { Public } from '../platform/http/policy.js';
import { RateLimit } from '../platform/http/rate-limit.js';
import { HealthResponse } from './health.response.js';
import { Health } from './health.service.js';
import type { HealthReport } from './health.service.js';
import { HEALTH_JSON, statusOf } from './probes.js';

/** A probe: its 503 is no problem but an answer of the same kind. */
const Probe = (operationId: string, summary: string): MethodDecorator =>
  applyDecorators(
    Public(),
    RateLimit('none'),
    Header('Cache-Control', 'no-store'),
    ApiProduces(HEALTH_JSON),
    Operation(operationId, summary, { status: 200, about: 'All is well, or well enough', type: HealthResponse }),
  );

const CanFail = ApiResponse({ status: 503, description: 'Not now', type: HealthResponse });

@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(private readonly health: Health) {}

  @Get()
  @Probe('health.get', 'Everything together')
  @CanFail
  async get(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthReport> {
    return answered(await this.health.whole(), reply);
  }

  @Get('live')
  @Probe('health.live', 'Is the process alive? (touches nothing)')
  live(): HealthReport {
    return this.health.live();
  }

  @Get('ready')
  @Probe('health.ready', 'May requests be sent here?')
  @CanFail
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthReport> {
    return answered(await this.health.ready(), reply);
  }

  @Get('startup')
  @Probe('health.startup', 'Is the start over?')
  @CanFail
  async startup(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthReport> {
    return answered(await this.health.startup(), reply);
  }
}

/** The document knows no details, so the serializer leaves them out. */
function answered(report: HealthReport, reply: FastifyReply): HealthReport {
  void reply.status(statusOf(report));
  return report;
}
