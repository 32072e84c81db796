import { Injectable } from '@nestjs/common';
import { isUUID } from 'class-validator';

import { Secrets } from '../platform/crypto/secrets.js';
import { compileFilter } from '../platform/http/lists/compile.js';
import type { Attribute, Attributes } from '../platform/http/lists/compile.js';
import { CursorCodec, cursorScope } from '../platform/http/lists/cursor.js';
import { pageOf, pageStatement, parseSort } from '../platform/http/lists/keyset.js';
import type { ListSource, SortAttribute } from '../platform/http/lists/keyset.js';
import type { PageOf } from '../platform/http/lists/listing.js';
import { ListQueryInvalid } from '../platform/http/lists/list-query-invalid.js';
import { COUNTED_AT_MOST } from '../platform/http/lists/list-query.js';
import type { ListQuery } from '../platform/http/lists/list-query.js';
import { DELIVERY_COLUMNS, DeliveriesRepository } from './deliveries.repository.js';
import { DELIVERY_KINDS, DELIVERY_STATES } from './webhook-delivery.entity.js';
import type { DeliveryRow } from './webhook-delivery.entity.js';
import { WebhookNotFound } from './webhooks.contract.js';
import { WebhooksRepository } from './webhooks.repository.js';

export const DELIVERY_SORTS: Readonly<Record<string, SortAttribute>> = {
  createdAt: { sql: 'd.created_at', type: 'moment', nullable: false },
};

const idOf = (name: string, sql: string): Attribute => ({
  sql,
  type: 'string',
  operators: ['eq'],
  custom: (_, value, bind) => `${sql} = CAST(${bind(uuidIn(name, value))} AS uuid)`,
});

const ATTRIBUTES: Attributes = {
  state: { sql: 'd.state', type: 'enum', operators: ['eq', 'ne'], values: DELIVERY_STATES },
  kind: { sql: 'd.kind', type: 'enum', operators: ['eq', 'ne'], values: DELIVERY_KINDS },
  eventId: idOf('eventId', 'd.event_id'),
  replayId: idOf('replayId', 'd.replay_id'),
  eventType: { sql: 'd.event_type', type: 'string', operators: ['eq', 'ne', 'sw'] },
  subject: { sql: 'd.subject', type: 'string', operators: ['eq', 'ne', 'sw', 'pr'] },
  createdAt: { sql: 'd.created_at', type: 'moment', operators: ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] },
};

export const DELIVERY_FILTERS = Object.keys(ATTRIBUTES);

/** @throws ListQueryInvalid: PostgreSQL would not take it */
function uuidIn(name: string, value: unknown): unknown {
  if (isUUID(value)) return value;
  throw new ListQueryInvalid('filter', 'filter_value_invalid', `"${name}" takes a UUID`);
}

/** Pages of the deliveries of one webhook: one statement for the rows, one more if a count is asked for. */
@Injectable()
export class DeliveriesList {
  private readonly cursors: CursorCodec;

  constructor(
    private readonly webhooks: WebhooksRepository,
    private readonly deliveries: DeliveriesRepository,
    secrets: Secrets,
  ) {
    this.cursors = new CursorCodec(secrets.key('cursors'));
  }

  /** @throws WebhookNotFound, ListQueryInvalid, FilterTooCostly */
  async page(
    webhookId: string,
    { limit, count, cursor, sort = '-createdAt', filter }: ListQuery,
  ): Promise<PageOf<DeliveryRow>> {
    if (!(await this.webhooks.find(webhookId))) throw new WebhookNotFound();
    const order = parseSort(sort, DELIVERY_SORTS);
    const source = sourceOf(webhookId, filter);
    const scope = cursorScope(`webhook-deliveries ${webhookId}`, order.text, filter);
    const position = cursor === undefined ? null : this.cursors.decode(cursor, scope);
    const [found, total] = await Promise.all([
      this.deliveries.page(pageStatement(source, order, position, limit)),
      count === 'none' ? {} : this.total(source),
    ]);
    const { rows, next, prev } = pageOf(found, limit, scope, position);
    const cursors = { nextCursor: next && this.cursors.encode(next), prevCursor: prev && this.cursors.encode(prev) };
    return { rows, page: { limit, ...cursors, ...total }, backwards: position?.direction === 'prev' };
  }

  private async total({ where, parameters }: ListSource): Promise<{ total: number; totalIsEstimate: boolean }> {
    const counted = await this.deliveries.count(where, parameters, COUNTED_AT_MOST + 1);
    return { total: Math.min(counted, COUNTED_AT_MOST), totalIsEstimate: counted > COUNTED_AT_MOST };
  }
}

function sourceOf(webhookId: string, filter: string | undefined): ListSource {
  const compiled = filter === undefined ? null : compileFilter(filter, ATTRIBUTES, 2);
  return {
    columns: DELIVERY_COLUMNS,
    from: 'roster.webhook_deliveries d',
    where: compiled ? `d.webhook_id = $1 AND ${compiled.sql}` : 'd.webhook_id = $1',
    parameters: [webhookId, ...(compiled?.parameters ?? [])],
    id: 'd.id',
  };
}
