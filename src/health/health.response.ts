import { ApiExtraModels, ApiProperty, ApiSchema, getSchemaPath } from '@nestjs/swagger';

const STATUS = {
  enum: ['pass', 'warn', 'fail'],
  enumName: 'HealthStatus',
  description: '`warn` still answers, with something amiss; `fail` comes with 503',
  example: 'pass',
};

@ApiSchema({ name: 'HealthCheck' })
export class HealthCheckResponse {
  @ApiProperty(STATUS)
  status!: string;
}

/** Health of a service (draft-inadarei-api-health-check), without what only the operator should know. */
@ApiSchema({ name: 'Health' })
@ApiExtraModels(HealthCheckResponse)
export class HealthResponse {
  @ApiProperty(STATUS)
  status!: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'array', items: { $ref: getSchemaPath('HealthCheck') }, maxItems: 1 },
    selfRequired: false,
    description: 'What was looked at, by name; why it fails is told on the management port',
    example: { database: [{ status: 'pass' }] },
  })
  checks?: Record<string, HealthCheckResponse[]>;
}
