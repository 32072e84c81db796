import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { onlyFields, parseFields } from '../platform/http/lists/fields.js';
import { listing } from '../platform/http/lists/listing.js';
import { ApiList, List } from '../platform/http/lists/list-query.js';
import type { ListQuery } from '../platform/http/lists/list-query.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { PathId } from '../platform/http/parameters.js';
import { Requires } from '../platform/http/policy.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import { AuditEntryNotFound, ReadAudit, VerifyAudit } from './audit.contract.js';
import { AUDIT_FIELDS, AuditEntryResponse, AuditPageResponse, AuditVerificationResponse } from './audit.dto.js';
import { AUDIT_FILTERS, AUDIT_SORTS, AuditList } from './audit.list.js';
import { ApiRange, Range } from './audit.parameters.js';
import { AuditLog, VERIFIED_AT_ONCE } from './audit.service.js';
import type { ChainRange } from './audit.service.js';

@ApiTags('audit')
@Controller('api/v1/audit')
export class AuditController {
  constructor(
    private readonly log: AuditLog,
    private readonly lists: AuditList,
  ) {}

  @Get()
  @Requires(ReadAudit)
  @ApiList({
    sortable: Object.keys(AUDIT_SORTS),
    filterable: AUDIT_FILTERS,
    filterExample: 'type eq "session.started" and occurredAt gt "2026-01-01T00:00:00Z"',
    fieldsExample: 'id,type,occurredAt,actorId',
  })
  @ApiProblems(FilterTooCostly)
  @Operation(
    'audit.list',
    'List the audit log',
    { status: 200, about: 'A page of entries', type: AuditPageResponse },
    `An entry is there within a second of what it tells of, and nothing changes it afterwards; its \`details\` may be erased. By
\`occurredAt\` means by \`seq\`, the order of the commits. Every filter is served by an index, \`eq\` together with this sort; \`sw\` and
\`ip\` take longer where many entries match. The whole log
as NDJSON (\`Accept: application/x-ndjson\`, without \`limit\`) is what \`npm run roster -- audit verify --file\` verifies offline.`,
  )
  async list(@List() query: ListQuery): Promise<AuditPageResponse> {
    const fields = parseFields(query.fields, AUDIT_FIELDS);
    return listing(
      query,
      (page) => this.lists.all(page),
      (entry) => onlyFields(AuditEntryResponse.from(entry), fields),
    );
  }

  @Get('verify')
  @Requires(VerifyAudit)
  @ApiRange()
  @Operation(
    'audit.verify',
    'Verify the audit log',
    { status: 200, about: 'What was verified, and what is wrong', type: AuditVerificationResponse },
    `Finds entries that were changed, removed, reordered or inserted, details that were changed, and forged checkpoints. At most ${VERIFIED_AT_ONCE}
entries at once: the newest, unless \`from\` or \`to\` is given. Longer ranges are verified by the command line, \`npm run roster -- audit verify\`.`,
  )
  async verify(@Range() range: ChainRange): Promise<AuditVerificationResponse> {
    return AuditVerificationResponse.from(await this.log.verifyPart(range));
  }

  @Get(':id')
  @Requires(ReadAudit)
  @ApiProblems(AuditEntryNotFound)
  @Operation('audit.get', 'Read an entry of the audit log', {
    status: 200,
    about: 'The entry',
    type: AuditEntryResponse,
  })
  async get(@PathId() id: string): Promise<AuditEntryResponse> {
    return AuditEntryResponse.from(await this.log.get(id));
  }
}
