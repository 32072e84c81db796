import { Injectable } from '@nestjs/common';

import { Secrets } from '../platform/crypto/secrets.js';
import { compileFilter } from '../platform/http/lists/compile.js';
import type { Attributes } from '../platform/http/lists/compile.js';
import { CursorCodec, cursorScope } from '../platform/http/lists/cursor.js';
import { pageOf, pageStatement, parseSort } from '../platform/http/lists/keyset.js';
import type { ListSource, SortAttribute } from '../platform/http/lists/keyset.js';
import type { PageOf } from '../platform/http/lists/listing.js';
import { COUNTED_AT_MOST } from '../platform/http/lists/list-query.js';
import type { ListQuery } from '../platform/http/lists/list-query.js';
import type { Principal } from '../platform/http/principal.js';
import { seesWholeUrls } from './shown.js';
import { WEBHOOK_STATES } from './webhook.entity.js';
import type { WebhookRow } from './webhook.entity.js';
import { WEBHOOK_COLUMNS, WebhooksRepository } from './webhooks.repository.js';

export const WEBHOOK_SORTS: Readonly<Record<string, SortAttribute>> = {
  createdAt: { sql: 'w.created_at', type: 'moment', nullable: false },
};

const URL_OPERATORS = ['eq', 'ne', 'co', 'sw', 'ew'] as const;
const ATTRIBUTES: Attributes = {
  url: { sql: 'w.url', type: 'string', operators: URL_OPERATORS },
  state: {
    sql: 'state',
    type: 'enum',
    operators: ['eq', 'ne'],
    values: WEBHOOK_STATES,
    custom: (operator, value) => `w.disabled_at IS ${(operator === 'eq') === (value === 'enabled') ? '' : 'NOT '}NULL`,
  },
  failingSince: { sql: 'w.failing_since', type: 'moment', operators: ['gt', 'ge', 'lt', 'le', 'pr'] },
};

/** Of those who are shown the server alone: a path is not to be guessed by filters either. */
const ATTRIBUTES_OF_READERS: Attributes = {
  ...ATTRIBUTES,
  url: { sql: "substring(w.url FROM '^[^/]*//[^/?]*')", type: 'string', operators: URL_OPERATORS },
};

export const WEBHOOK_FILTERS = Object.keys(ATTRIBUTES);

/** Pages of webhooks: one statement for the rows, one more if a count is asked for. */
@Injectable()
export class WebhooksList {
  private readonly cursors: CursorCodec;

  constructor(
    private readonly webhooks: WebhooksRepository,
    secrets: Secrets,
  ) {
    this.cursors = new CursorCodec(secrets.key('cursors'));
  }

  /** @throws ListQueryInvalid, FilterTooCostly */
  async page(
    { limit, count, cursor, sort = '-createdAt', filter }: ListQuery,
    { permissions }: Principal,
  ): Promise<PageOf<WebhookRow>> {
    const order = parseSort(sort, WEBHOOK_SORTS);
    const source = sourceOf(filter, seesWholeUrls(permissions) ? ATTRIBUTES : ATTRIBUTES_OF_READERS);
    const scope = cursorScope('webhooks', order.text, filter);
    const position = cursor === undefined ? null : this.cursors.decode(cursor, scope);
    const [found, total] = await Promise.all([
      this.webhooks.page(pageStatement(source, order, position, limit)),
      count === 'none' ? {} : this.total(source),
    ]);
    const { rows, next, prev } = pageOf(found, limit, scope, position);
    const cursors = { nextCursor: next && this.cursors.encode(next), prevCursor: prev && this.cursors.encode(prev) };
    return { rows, page: { limit, ...cursors, ...total }, backwards: position?.direction === 'prev' };
  }

  /** There are few enough to be counted where others would be estimated. */
  private async total({ where, parameters }: ListSource): Promise<{ total: number; totalIsEstimate: boolean }> {
    const counted = await this.webhooks.count(where, parameters, COUNTED_AT_MOST + 1);
    return { total: Math.min(counted, COUNTED_AT_MOST), totalIsEstimate: counted > COUNTED_AT_MOST };
  }
}

function sourceOf(filter: string | undefined, attributes: Attributes): ListSource {
  const compiled = filter === undefined ? null : compileFilter(filter, attributes, 1);
  const where = compiled ? `w.deleted_at IS NULL AND ${compiled.sql}` : 'w.deleted_at IS NULL';
  return {
    columns: WEBHOOK_COLUMNS,
    from: 'roster.webhooks w',
    where,
    parameters: compiled?.parameters ?? [],
    id: 'w.id',
  };
}
