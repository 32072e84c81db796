import { ApiProperty, ApiSchema } from '@nestjs/swagger';

import { PageResponse } from '../platform/http/lists/list-query.js';
import { Flag, Id, ListOf, Moment, OneOf, Text, Whole } from '../platform/http/properties.js';
import { CONFLICT_RULES, FORMATS, IMPORT_STATES } from './import.entity.js';
import type { ConflictRule, FormatName, Import, ImportState } from './import.entity.js';
import type { ReportedRow } from './imports.repository.js';

const ID = '01a1fb89-a690-7530-90c7-ac334b01292e';
const AT = '2026-11-21T10:00:00.000Z';
const MOST_ROWS = 2_147_483_647;

const Count = (about: string, example: number): PropertyDecorator => Whole({ about, example, min: 0, max: MOST_ROWS });

@ApiSchema({ name: 'Import' })
export class ImportResponse {
  @Id({ about: 'The id (UUIDv7)', example: ID }) id!: string;
  @OneOf(IMPORT_STATES, 'ImportState', { about: 'Where it stands', example: 'running' }) state!: ImportState;
  @OneOf(FORMATS, 'ImportFormat', { about: 'Whose file it is', example: 'roster', nullable: true })
  format!: FormatName | null;
  @OneOf(CONFLICT_RULES, 'ImportConflictRule', { about: 'What becomes of whoever is there', example: 'skip' })
  onConflict!: ConflictRule;
  @Flag({ about: 'Nothing is changed', example: false }) dryRun!: boolean;
  @Whole({ about: 'Bytes of the file', example: 102_400, min: 0, max: Number.MAX_SAFE_INTEGER }) bytes!: number;
  @Count('Rows of the file; so many as were read, while it is uploaded', 1000) rows!: number;
  @Count('Rows that are done with', 400) position!: number;
  @Count('Users that were created, or would be', 390) created!: number;
  @Count('Users that were changed, or would be', 0) updated!: number;
  @Count('Rows that were passed over: there already, or nothing to change', 8) skipped!: number;
  @Count('Rows that could not be taken over', 2) failed!: number;
  @Text({ about: 'Why the whole of it failed', example: null, max: 500, nullable: true }) problem!: string | null;
  @Text({ about: 'Who sent it; null for the command line', example: ID, max: 36, nullable: true })
  actorId!: string | null;
  @Text({ about: 'The job that takes it over; see `/jobs`', example: ID, max: 36, nullable: true })
  jobId!: string | null;
  @Moment({ about: 'When it was sent', example: AT }) createdAt!: string;
  @Moment({ about: 'When it last went on', example: AT }) updatedAt!: string;
  @Moment({ about: 'When it was over', example: null, nullable: true }) finishedAt!: string | null;
  @Whole({ about: 'Rises with every step; also in the ETag', example: 2, min: 1, max: MOST_ROWS }) version!: number;

  static from(found: Import): ImportResponse {
    const { id, state, format, onConflict, dryRun, rows, position, created, updated, skipped, failed } = found;
    const { problem, actorId, jobId, version } = found;
    return {
      ...{ id, state, format, onConflict, dryRun, bytes: Number(found.bytes), rows, position },
      ...{ created, updated, skipped, failed, problem, actorId, jobId },
      createdAt: found.createdAt.toISOString(),
      updatedAt: found.updatedAt.toISOString(),
      finishedAt: found.finishedAt?.toISOString() ?? null,
      version,
    };
  }
}

export const IMPORT_FIELDS: readonly string[] = [
  ...['id', 'state', 'format', 'onConflict', 'dryRun', 'bytes', 'rows', 'position', 'created', 'updated', 'skipped'],
  ...['failed', 'problem', 'actorId', 'jobId', 'createdAt', 'updatedAt', 'finishedAt', 'version'],
];

@ApiSchema({ name: 'ImportPage' })
export class ImportPageResponse {
  @ListOf(() => ImportResponse, 'The imports of this page') data!: ImportResponse[];
  @ApiProperty({ type: PageResponse, description: 'Where the page stands' }) page!: PageResponse;
}

export const ROW_STATUSES = ['created', 'updated', 'skipped', 'failed'] as const;

@ApiSchema({ name: 'ImportRow' })
export class ImportRowResponse {
  @Id({ about: 'The id of this line of the report', example: ID }) id!: string;
  @Whole({ about: 'Its place among the rows', example: 17, min: 1, max: MOST_ROWS }) number!: number;
  @Whole({ about: 'The line of the file on which it begins', example: 18, min: 1, max: MOST_ROWS }) line!: number;
  @OneOf(ROW_STATUSES, 'ImportRowStatus', { about: 'What became of it', example: 'failed' })
  status!: ReportedRow['status'];
  @Text({ about: 'Who it is', example: null, max: 36, nullable: true }) userId!: string | null;
  @Text({
    about: 'Why it was not taken over: a code that never changes',
    example: 'email_invalid',
    max: 64,
    nullable: true,
  })
  code!: string | null;
  @Text({ about: 'The member that is wrong (RFC 6901)', example: '/email', max: 2000, nullable: true })
  pointer!: string | null;
  @Text({ about: 'The same in words', example: 'must be an e-mail address', max: 2000, nullable: true })
  detail!: string | null;

  static from({ id, number, line, status, userId, code, pointer, detail }: ReportedRow): ImportRowResponse {
    return { id, number, line, status, userId, code, pointer, detail };
  }
}

export const ROW_FIELDS: readonly string[] = [
  ...['id', 'number', 'line', 'status', 'userId', 'code', 'pointer', 'detail'],
];

@ApiSchema({ name: 'ImportRowPage' })
export class ImportRowPageResponse {
  @ListOf(() => ImportRowResponse, 'The rows of this page') data!: ImportRowResponse[];
  @ApiProperty({ type: PageResponse, description: 'Where the page stands' }) page!: PageResponse;
}
