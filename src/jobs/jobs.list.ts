import { Injectable } from '@nestjs/common';
import { isUUID } from 'class-validator';

import { Secrets } from '../platform/crypto/secrets.js';
import { compileFilter } from '../platform/http/lists/compile.js';
import type { Attributes } from '../platform/http/lists/compile.js';
import { CursorCodec, cursorScope } from '../platform/http/lists/cursor.js';
import { pageOf, pageStatement, parseSort } from '../platform/http/lists/keyset.js';
import type { ListSource, SortAttribute } from '../platform/http/lists/keyset.js';
import { ListQueryInvalid } from '../platform/http/lists/list-query-invalid.js';
import { COUNTED_AT_MOST } from '../platform/http/lists/list-query.js';
import type { ListQuery, PageResponse } from '../platform/http/lists/list-query.js';
import { JOB_STATES } from './job.js';
import { JOBS, JOB_COLUMNS, JobsRepository } from './jobs.repository.js';
import type { JobRow } from './jobs.repository.js';

export const JOB_SORTS: Readonly<Record<string, SortAttribute>> = {
  createdAt: { sql: 'j.created_at', type: 'moment', nullable: false },
};

const TEXT = ['eq', 'ne', 'sw'] as const;
const ORDER = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] as const;
const ATTRIBUTES: Attributes = {
  name: { sql: 'j.name', type: 'string', operators: TEXT },
  state: { sql: 'j.state', type: 'enum', operators: ['eq', 'ne'], values: JOB_STATES },
  queue: { sql: 'j.queue', type: 'string', operators: [...TEXT, 'pr'] },
  key: { sql: 'j.key', type: 'string', operators: [...TEXT, 'pr'] },
  createdAt: { sql: 'j.created_at', type: 'moment', operators: ORDER },
  runAt: { sql: 'j.run_at', type: 'moment', operators: ORDER },
  finishedAt: { sql: 'j.finished_at', type: 'moment', operators: [...ORDER, 'pr'] },
  actorId: {
    sql: 'j.actor_id',
    type: 'string',
    operators: ['eq', 'pr'],
    custom: (operator, value, bind) =>
      value === null
        ? `j.actor_id IS ${operator === 'eq' ? '' : 'NOT '}NULL`
        : `j.actor_id = CAST(${bind(uuidIn(value))} AS uuid)`,
  },
};

export const JOB_FILTERS = Object.keys(ATTRIBUTES);

/** @throws ListQueryInvalid: PostgreSQL would not take it */
function uuidIn(value: unknown): unknown {
  if (isUUID(value)) return value;
  throw new ListQueryInvalid('filter', 'filter_value_invalid', '"actorId" takes a UUID');
}

/** Pages of jobs: one statement for the rows, one more if a count is asked for. */
@Injectable()
export class JobsList {
  private readonly cursors: CursorCodec;

  constructor(
    private readonly jobs: JobsRepository,
    secrets: Secrets,
  ) {
    this.cursors = new CursorCodec(secrets.key('cursors'));
  }

  /** @throws ListQueryInvalid, FilterTooCostly */
  async page({ limit, count, cursor, sort = '-createdAt', filter }: ListQuery): Promise<{
    rows: JobRow[];
    page: PageResponse;
  }> {
    const order = parseSort(sort, JOB_SORTS);
    const source = sourceOf(filter);
    const scope = cursorScope('jobs', order.text, filter);
    const position = cursor === undefined ? null : this.cursors.decode(cursor, scope);
    const [found, total] = await Promise.all([
      this.jobs.page(pageStatement(source, order, position, limit)),
      count === 'none' ? {} : this.total(source),
    ]);
    const { rows, next, prev } = pageOf(found, limit, scope, position);
    const nextCursor = next && this.cursors.encode(next);
    const prevCursor = prev && this.cursors.encode(prev);
    return { rows, page: { limit, nextCursor, prevCursor, ...total } };
  }

  /** Counted, and no further than is told, where others would be estimated: of what is new the planner knows little. */
  private async total({ where, parameters }: ListSource): Promise<{ total: number; totalIsEstimate: boolean }> {
    const counted = await this.jobs.count(where, parameters, COUNTED_AT_MOST + 1);
    return { total: Math.min(counted, COUNTED_AT_MOST), totalIsEstimate: counted > COUNTED_AT_MOST };
  }
}

function sourceOf(filter: string | undefined): ListSource {
  const compiled = filter === undefined ? null : compileFilter(filter, ATTRIBUTES, 1);
  return {
    columns: JOB_COLUMNS,
    from: JOBS,
    where: compiled?.sql ?? 'true',
    parameters: compiled?.parameters ?? [],
    id: 'j.id',
  };
}
