import { Injectable } from '@nestjs/common';

import { Secrets } from '../platform/crypto/secrets.js';
import { compileFilter } from '../platform/http/lists/compile.js';
import type { Attributes } from '../platform/http/lists/compile.js';
import { CursorCodec, cursorScope } from '../platform/http/lists/cursor.js';
import { pageOf, pageStatement, parseSort } from '../platform/http/lists/keyset.js';
import type { SortAttribute } from '../platform/http/lists/keyset.js';
import { COUNTED_AT_MOST } from '../platform/http/lists/list-query.js';
import type { ListQuery, PageResponse } from '../platform/http/lists/list-query.js';
import { ROLE_COLUMNS, RolesRepository } from './roles.repository.js';
import type { RoleRow } from './roles.repository.js';

export const ROLE_SORTS: Readonly<Record<string, SortAttribute>> = {
  name: { sql: 'r.name', type: 'string', nullable: false },
  createdAt: { sql: 'r.created_at', type: 'moment', nullable: false },
};

const ATTRIBUTES: Attributes = {
  name: { sql: 'r.name', type: 'string', operators: ['eq', 'ne', 'co', 'sw', 'ew'] },
};
export const ROLE_FILTERS = Object.keys(ATTRIBUTES);

/** Pages of roles: one statement for the rows with what they give, one more if a count is asked for. */
@Injectable()
export class RolesList {
  private readonly cursors: CursorCodec;

  constructor(
    private readonly roles: RolesRepository,
    secrets: Secrets,
  ) {
    this.cursors = new CursorCodec(secrets.key('cursors'));
  }

  /** @throws ListQueryInvalid, FilterTooCostly */
  async page({ limit, count, cursor, sort = 'name', filter }: ListQuery): Promise<{
    rows: RoleRow[];
    page: PageResponse;
  }> {
    const order = parseSort(sort, ROLE_SORTS);
    const { sql: where, parameters } =
      filter === undefined ? { sql: 'true', parameters: [] } : compileFilter(filter, ATTRIBUTES, 1);
    const scope = cursorScope('roles', order.text, filter);
    const position = cursor === undefined ? null : this.cursors.decode(cursor, scope);
    const source = { columns: ROLE_COLUMNS, from: 'roster.roles r', where, parameters, id: 'r.id' };
    const found = await this.roles.page(pageStatement(source, order, position, limit));
    const total = count === 'none' ? {} : await this.total(where, parameters);
    const { rows, next, prev } = pageOf(found, limit, scope, position);
    const page: PageResponse = {
      limit,
      nextCursor: next && this.cursors.encode(next),
      prevCursor: prev && this.cursors.encode(prev),
      ...total,
    };
    return { rows, page };
  }

  /** There are few roles: counting them costs no more than estimating them. */
  private async total(
    where: string,
    parameters: readonly unknown[],
  ): Promise<{ total: number; totalIsEstimate: boolean }> {
    const counted = await this.roles.count(where, parameters, COUNTED_AT_MOST + 1);
    return { total: Math.min(counted, COUNTED_AT_MOST), totalIsEstimate: counted > COUNTED_AT_MOST };
  }
}
