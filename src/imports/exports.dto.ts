import { ApiSchema } from '@nestjs/swagger';

import { Examples } from '../platform/http/examples.js';
import { Id, Moment, OneOf, Text, Whole } from '../platform/http/properties.js';
import { EXPORT_FORMATS, EXPORT_STATES } from './export.entity.js';
import type { Export, ExportFormat, ExportState } from './export.entity.js';

const ID = '01a1fb89-a690-7530-90c7-ac334b01292e';
const AT = '2026-11-21T10:00:00.000Z';
const MOST = Number.MAX_SAFE_INTEGER;

const Filter = (optional = false): PropertyDecorator =>
  Text({
    about: 'Which users: as the `filter` of `GET /users`',
    example: 'status eq "active"',
    max: 2000,
    nullable: true,
    optional,
  });

@ApiSchema({ name: 'CreateExportRequest' })
@Examples({
  'Everybody, for a spreadsheet': { format: 'csv' },
  'Whoever is active': { format: 'ndjson', filter: 'status eq "active"' },
})
export class CreateExportRequest {
  @OneOf(EXPORT_FORMATS, 'ExportFormat', { about: 'How the file is written', example: 'csv' }) format!: ExportFormat;
  @Filter(true) filter?: string | null;
}

@ApiSchema({ name: 'Export' })
export class ExportResponse {
  @Id({ about: 'The id (UUIDv7)', example: ID }) id!: string;
  @OneOf(EXPORT_STATES, 'ExportState', { about: 'Where it stands', example: 'completed' }) state!: ExportState;
  @OneOf(EXPORT_FORMATS, 'ExportFormat', { about: 'How the file is written', example: 'csv' }) format!: ExportFormat;
  @Filter() filter!: string | null;
  @Whole({ about: 'Users that are in the file so far', example: 1000, min: 0, max: MOST }) rows!: number;
  @Whole({ about: 'About how many there will be', example: 1000, min: 0, max: MOST, nullable: true })
  total!: number | null;
  @Whole({ about: 'Bytes of the file so far', example: 204_800, min: 0, max: MOST }) bytes!: number;
  @Text({ about: 'Why it failed', example: null, max: 500, nullable: true }) problem!: string | null;
  @Text({ about: 'Who asked for it', example: ID, max: 36, nullable: true }) actorId!: string | null;
  @Text({ about: 'The job that writes it; see `/jobs`', example: ID, max: 36, nullable: true }) jobId!: string | null;
  @Moment({ about: 'When it was asked for', example: AT }) createdAt!: string;
  @Moment({ about: 'When it was over', example: AT, nullable: true }) finishedAt!: string | null;
  @Whole({ about: 'Rises with every step; also in the ETag', example: 4, min: 1, max: 2_147_483_647 }) version!: number;

  static from(found: Export): ExportResponse {
    const { id, state, format, filter, rows, total, problem, actorId, jobId, version } = found;
    return {
      ...{ id, state, format, filter, rows, total, bytes: Number(found.bytes), problem, actorId, jobId },
      createdAt: found.createdAt.toISOString(),
      finishedAt: found.finishedAt?.toISOString() ?? null,
      version,
    };
  }
}
