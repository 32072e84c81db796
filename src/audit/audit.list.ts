import { Injectable } from '@nestjs/common';

import { OUTCOMES } from '../platform/contract/event.js';
import { Secrets } from '../platform/crypto/secrets.js';
import { compileFilter } from '../platform/http/lists/compile.js';
import type { Attributes, CompiledFilter } from '../platform/http/lists/compile.js';
import { CursorCodec, cursorScope } from '../platform/http/lists/cursor.js';
import { pageOf, pageStatement, parseSort } from '../platform/http/lists/keyset.js';
import type { ListSource, SortAttribute } from '../platform/http/lists/keyset.js';
import { COUNTED_AT_MOST } from '../platform/http/lists/list-query.js';
import type { ListQuery, PageResponse } from '../platform/http/lists/list-query.js';
import { AuditRepository, ENTRIES, ENTRY_COLUMNS, entryOf } from './audit.repository.js';
import type { ChainEntry } from './chain.js';

/** The chain has one order, which is that of the commits; moments of neighbours may be the other way round. */
export const AUDIT_SORTS: Readonly<Record<string, SortAttribute>> = {
  occurredAt: { sql: 'e.seq', type: 'integer', nullable: false },
};

const TYPE = ['eq', 'ne', 'sw'] as const;
const ID = ['eq', 'ne', 'pr'] as const;
const OWN: Attributes = {
  type: { sql: 'e.type', type: 'string', operators: TYPE },
  outcome: { sql: 'e.outcome', type: 'enum', operators: ['eq', 'ne'], values: OUTCOMES },
  occurredAt: { sql: 'e.occurred_at', type: 'moment', operators: ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] },
};
const lowered = (text: string): string => text.toLowerCase();
const ALL: Attributes = {
  ...OWN,
  actorId: { sql: 'e.actor_id', type: 'string', operators: ID, normalize: lowered },
  onBehalfOf: { sql: 'e.on_behalf_of', type: 'string', operators: ID, normalize: lowered },
  subject: { sql: 'e.subject', type: 'string', operators: [...TYPE, 'pr'] },
  requestId: { sql: 'e.request_id', type: 'string', operators: ID },
  ip: { sql: "(d.details ->> 'ip')", type: 'string', operators: ID },
};
export const AUDIT_FILTERS = Object.keys(ALL);
export const SECURITY_LOG_FILTERS = Object.keys(OWN);

export interface AuditPage {
  readonly rows: ChainEntry[];
  readonly page: PageResponse;
}

/** What of the log somebody may see, and by what they may filter it. */
interface View {
  readonly name: string;
  readonly attributes: Attributes;
  /** Trusted SQL, whose parameters are the first. */
  readonly where: string;
  readonly parameters: readonly unknown[];
}

/** Pages of the audit log: one statement for the entries, one more if a count is asked for. */
@Injectable()
export class AuditList {
  private readonly cursors: CursorCodec;

  constructor(
    private readonly entries: AuditRepository,
    secrets: Secrets,
  ) {
    this.cursors = new CursorCodec(secrets.key('cursors'));
  }

  /** @throws ListQueryInvalid, FilterTooCostly */
  all(query: ListQuery): Promise<AuditPage> {
    return this.page({ name: 'audit', attributes: ALL, where: 'true', parameters: [] }, query);
  }

  /** What happened to somebody: the facts about them, and those that name them. @throws ListQueryInvalid, FilterTooCostly */
  about(userId: string, query: ListQuery): Promise<AuditPage> {
    const where = `(e.subject = $1 OR (e.data ->> 'userId') = $2)`;
    const parameters = [`users/${userId}`, userId];
    return this.page({ name: `security-log ${userId}`, attributes: OWN, where, parameters }, query);
  }

  private async page(view: View, query: ListQuery): Promise<AuditPage> {
    const { limit, count, cursor, sort = '-occurredAt', filter } = query;
    const order = parseSort(sort, AUDIT_SORTS);
    const source = sourceOf(view, filter);
    const scope = cursorScope(view.name, order.text, filter);
    const position = cursor === undefined ? null : this.cursors.decode(cursor, scope);
    // Side by side: each is cut at 2 s, and both have to fit into what a request may take.
    const [found, total] = await Promise.all([
      this.entries.page(pageStatement(source, order, position, limit)),
      count === 'none' ? {} : this.total(source, count === 'exact'),
    ]);
    const { rows, next, prev } = pageOf(found, limit, scope, position);
    const page: PageResponse = {
      limit,
      nextCursor: next && this.cursors.encode(next),
      prevCursor: prev && this.cursors.encode(prev),
      ...total,
    };
    return { rows: rows.map(entryOf), page };
  }

  private async total(
    { where, parameters }: ListSource,
    exact: boolean,
  ): Promise<{ total: number; totalIsEstimate: boolean }> {
    if (!exact) return { total: await this.entries.estimate(where, parameters), totalIsEstimate: true };
    const counted = await this.entries.count(where, parameters, COUNTED_AT_MOST + 1);
    return { total: Math.min(counted, COUNTED_AT_MOST), totalIsEstimate: counted > COUNTED_AT_MOST };
  }
}

const EVERYTHING: CompiledFilter = { sql: 'true', parameters: [], attributes: new Set() };

function sourceOf({ attributes, where, parameters }: View, filter: string | undefined): ListSource {
  const asked = filter === undefined ? EVERYTHING : compileFilter(filter, attributes, parameters.length + 1);
  return {
    columns: ENTRY_COLUMNS,
    from: ENTRIES,
    where: `${where} AND ${asked.sql}`,
    parameters: [...parameters, ...asked.parameters],
    id: 'e.id',
  };
}
