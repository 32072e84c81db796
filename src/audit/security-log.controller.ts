import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { onlyFields, parseFields } from '../platform/http/lists/fields.js';
import { listing } from '../platform/http/lists/listing.js';
import { ApiList, List } from '../platform/http/lists/list-query.js';
import type { ListQuery } from '../platform/http/lists/list-query.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { Authenticated } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import { SECURITY_LOG_FIELDS, SecurityLogEntryResponse, SecurityLogPageResponse } from './audit.dto.js';
import { AUDIT_SORTS, AuditList, SECURITY_LOG_FILTERS } from './audit.list.js';

@ApiTags('me')
@Controller('api/v1/me/security-log')
export class SecurityLogController {
  constructor(private readonly lists: AuditList) {}

  @Get()
  @Authenticated()
  @ApiList({
    sortable: Object.keys(AUDIT_SORTS),
    filterable: SECURITY_LOG_FILTERS,
    filterExample: 'type eq "session.started"',
    fieldsExample: 'id,type,occurredAt,ip',
  })
  @ApiProblems(FilterTooCostly)
  @Operation(
    'me.securityLog',
    'List what happened to your account',
    { status: 200, about: 'A page of entries', type: SecurityLogPageResponse },
    'There within a second. From where somebody else acted, an administrator for instance, is not told.',
  )
  async list(@List() query: ListQuery, @CurrentPrincipal() { userId }: Principal): Promise<SecurityLogPageResponse> {
    const fields = parseFields(query.fields, SECURITY_LOG_FIELDS);
    return listing(
      query,
      (page) => this.lists.about(userId, page),
      (entry) => onlyFields(SecurityLogEntryResponse.from(entry, userId), fields),
    );
  }
}
