import { Injectable } from '@nestjs/common';
import { isUUID } from 'class-validator';

import { Clock } from '../../platform/clock/clock.js';
import { Secrets } from '../../platform/crypto/secrets.js';
import { compileFilter } from '../../platform/http/lists/compile.js';
import type { Attributes } from '../../platform/http/lists/compile.js';
import { CursorCodec, cursorScope } from '../../platform/http/lists/cursor.js';
import { pageOf, pageStatement, parseSort } from '../../platform/http/lists/keyset.js';
import type { ListSource, SortAttribute } from '../../platform/http/lists/keyset.js';
import { ListQueryInvalid } from '../../platform/http/lists/list-query-invalid.js';
import { COUNTED_AT_MOST } from '../../platform/http/lists/list-query.js';
import type { ListQuery, PageResponse } from '../../platform/http/lists/list-query.js';
import type { KeyRow } from './api-key.entity.js';
import { KEY_KINDS } from './api-key-secret.js';
import { ApiKeysRepository, KEY_COLUMNS, shownAt } from './api-keys.repository.js';

export const KEY_SORTS: Readonly<Record<string, SortAttribute>> = {
  createdAt: { sql: 'k.created_at', type: 'moment', nullable: false },
  name: { sql: 'k.name', type: 'string', nullable: false },
};

const ATTRIBUTES: Attributes = {
  userId: {
    sql: 'k.user_id',
    type: 'string',
    operators: ['eq'],
    custom: (_, value, bind) => `k.user_id = CAST(${bind(uuidIn(value))} AS uuid)`,
  },
  kind: { sql: 'k.kind', type: 'enum', operators: ['eq', 'ne'], values: KEY_KINDS },
  name: { sql: 'k.name', type: 'string', operators: ['eq', 'ne', 'co', 'sw', 'ew'] },
};

export const KEY_FILTERS = Object.keys(ATTRIBUTES);

/** @throws ListQueryInvalid: PostgreSQL would not take it */
function uuidIn(value: unknown): unknown {
  if (isUUID(value)) return value;
  throw new ListQueryInvalid('filter', 'filter_value_invalid', '"userId" takes a UUID');
}

/** Pages of everybody's keys: one statement for the rows, one more if a count is asked for. */
@Injectable()
export class ApiKeysList {
  private readonly cursors: CursorCodec;

  constructor(
    private readonly keys: ApiKeysRepository,
    private readonly clock: Clock,
    secrets: Secrets,
  ) {
    this.cursors = new CursorCodec(secrets.key('cursors'));
  }

  /** @throws ListQueryInvalid, FilterTooCostly */
  async page({ limit, count, cursor, sort = '-createdAt', filter }: ListQuery): Promise<{
    rows: KeyRow[];
    page: PageResponse;
  }> {
    const order = parseSort(sort, KEY_SORTS);
    const source = this.source(filter);
    const scope = cursorScope('api-keys', order.text, filter);
    const position = cursor === undefined ? null : this.cursors.decode(cursor, scope);
    const [found, total] = await Promise.all([
      this.keys.page(pageStatement(source, order, position, limit)),
      count === 'none' ? {} : this.total(source),
    ]);
    const { rows, next, prev } = pageOf(found, limit, scope, position);
    const nextCursor = next && this.cursors.encode(next);
    const prevCursor = prev && this.cursors.encode(prev);
    return { rows, page: { limit, nextCursor, prevCursor, ...total } };
  }

  private source(filter: string | undefined): ListSource {
    const compiled = filter === undefined ? null : compileFilter(filter, ATTRIBUTES, 2);
    const shown = shownAt('$1');
    return {
      columns: KEY_COLUMNS,
      from: 'roster.api_keys k',
      where: compiled ? `${shown} AND ${compiled.sql}` : shown,
      parameters: [this.clock.now(), ...(compiled?.parameters ?? [])],
      id: 'k.id',
    };
  }

  /** Keys are few enough to be counted where others would be estimated. */
  private async total({ where, parameters }: ListSource): Promise<{ total: number; totalIsEstimate: boolean }> {
    const counted = await this.keys.count(where, parameters, COUNTED_AT_MOST + 1);
    return { total: Math.min(counted, COUNTED_AT_MOST), totalIsEstimate: counted > COUNTED_AT_MOST };
  }
}
