import { Injectable } from '@nestjs/common';

import { Secrets } from '../platform/crypto/secrets.js';
import { compileFilter } from '../platform/http/lists/compile.js';
import type { Attributes } from '../platform/http/lists/compile.js';
import { CursorCodec, cursorScope } from '../platform/http/lists/cursor.js';
import { pageOf, pageStatement, parseSort } from '../platform/http/lists/keyset.js';
import type { SortAttribute } from '../platform/http/lists/keyset.js';
import type { PageOf } from '../platform/http/lists/listing.js';
import { COUNTED_AT_MOST } from '../platform/http/lists/list-query.js';
import type { ListQuery, PageResponse } from '../platform/http/lists/list-query.js';
import { IMPORT_STATES } from './import.entity.js';
import type { Import } from './import.entity.js';
import { ROW_STATUSES } from './imports.dto.js';
import { IMPORT_COLUMNS, ImportsRepository } from './imports.repository.js';
import type { ReportedRow } from './imports.repository.js';

export const IMPORT_SORTS: Readonly<Record<string, SortAttribute>> = {
  createdAt: { sql: 'i.created_at', type: 'moment', nullable: false },
};
export const ROW_SORTS: Readonly<Record<string, SortAttribute>> = {
  number: { sql: 'r.number', type: 'integer', nullable: false },
};

const WORD = ['eq', 'ne'] as const;
const OF_IMPORTS: Attributes = {
  state: { sql: 'i.state', type: 'enum', operators: WORD, values: IMPORT_STATES },
  actorId: {
    sql: 'i.actor_id::text',
    type: 'string',
    operators: [...WORD, 'pr'],
    normalize: (text) => text.toLowerCase(),
  },
  createdAt: { sql: 'i.created_at', type: 'moment', operators: ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] },
};
const OF_ROWS: Attributes = {
  status: { sql: 'r.status', type: 'enum', operators: WORD, values: ROW_STATUSES },
  code: { sql: 'r.code', type: 'string', operators: [...WORD, 'pr'] },
};
export const IMPORT_FILTERS = Object.keys(OF_IMPORTS);
export const ROW_FILTERS = Object.keys(OF_ROWS);

const ROW_COLUMNS = 'r.id, r.number, r.line, r.status, r.user_id AS "userId", r.code, r.pointer, r.detail';

/** What is listed, and by what. */
interface View {
  readonly name: string;
  readonly sorts: Readonly<Record<string, SortAttribute>>;
  readonly usualSort: string;
  readonly attributes: Attributes;
  readonly columns: string;
  readonly from: string;
  /** Trusted SQL, whose parameters are the first. */
  readonly where: string;
  readonly parameters: readonly unknown[];
  readonly id: string;
}

const IMPORTS: View = {
  name: 'imports',
  sorts: IMPORT_SORTS,
  usualSort: '-createdAt',
  attributes: OF_IMPORTS,
  columns: IMPORT_COLUMNS,
  from: 'roster.imports i',
  where: 'true',
  parameters: [],
  id: 'i.id',
};

/** Pages of imports, and of the report of one: a statement for the rows, one more if a count is asked for. */
@Injectable()
export class ImportsList {
  private readonly cursors: CursorCodec;

  constructor(
    private readonly imports: ImportsRepository,
    secrets: Secrets,
  ) {
    this.cursors = new CursorCodec(secrets.key('cursors'));
  }

  /** @throws ListQueryInvalid, FilterTooCostly */
  all(query: ListQuery): Promise<PageOf<Import>> {
    return this.page(IMPORTS, query);
  }

  /** @throws ListQueryInvalid, FilterTooCostly */
  rowsOf(importId: string, query: ListQuery): Promise<PageOf<ReportedRow>> {
    const view: View = {
      name: `import-rows ${importId}`,
      sorts: ROW_SORTS,
      usualSort: 'number',
      attributes: OF_ROWS,
      columns: ROW_COLUMNS,
      from: 'roster.import_rows r',
      where: 'r.import_id = $1',
      parameters: [importId],
      id: 'r.id',
    };
    return this.page(view, query);
  }

  private async page<Row>(view: View, query: ListQuery): Promise<PageOf<Row>> {
    const { limit, count, cursor, sort = view.usualSort, filter } = query;
    const { columns, from, id } = view;
    const order = parseSort(sort, view.sorts);
    const asked = filter === undefined ? null : compileFilter(filter, view.attributes, view.parameters.length + 1);
    const where = asked ? `${view.where} AND ${asked.sql}` : view.where;
    const parameters = [...view.parameters, ...(asked?.parameters ?? [])];
    const scope = cursorScope(view.name, order.text, filter);
    const position = cursor === undefined ? null : this.cursors.decode(cursor, scope);
    const statement = pageStatement({ columns, from, where, parameters, id }, order, position, limit);
    // Side by side: each is cut at 2 s, and both have to fit into what a request may take.
    const [found, total] = await Promise.all([
      this.imports.page<Row>(statement),
      count === 'none' ? {} : this.total(from, where, parameters),
    ]);
    const { rows, next, prev } = pageOf(found, limit, scope, position);
    const page: PageResponse = {
      limit,
      nextCursor: next && this.cursors.encode(next),
      prevCursor: prev && this.cursors.encode(prev),
      ...total,
    };
    return { rows, page, backwards: position?.direction === 'prev' };
  }

  /** An estimate would cost as much: no more are counted than a few pages of an index hold. */
  private async total(
    from: string,
    where: string,
    parameters: readonly unknown[],
  ): Promise<{ total: number; totalIsEstimate: boolean }> {
    const counted = await this.imports.count(from, where, parameters, COUNTED_AT_MOST + 1);
    return { total: Math.min(counted, COUNTED_AT_MOST), totalIsEstimate: counted > COUNTED_AT_MOST };
  }
}
