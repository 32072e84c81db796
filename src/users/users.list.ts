import { Injectable } from '@nestjs/common';

import { holdsSql } from '../access/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Secrets } from '../platform/crypto/secrets.js';
import { compileFilter } from '../platform/http/lists/compile.js';
import type { Attributes, Bind } from '../platform/http/lists/compile.js';
import { CursorCodec, cursorScope } from '../platform/http/lists/cursor.js';
import { pageOf, pageStatement, parseSort } from '../platform/http/lists/keyset.js';
import type { ListSource, SortAttribute } from '../platform/http/lists/keyset.js';
import { COUNTED_AT_MOST } from '../platform/http/lists/list-query.js';
import type { ListQuery, PageResponse } from '../platform/http/lists/list-query.js';
import { normalEmail, normalText } from './normal-forms.js';
import { USER_STATUSES } from './user.entity.js';
import { USER_COLUMNS, UsersRepository } from './users.repository.js';
import type { UserRow } from './users.repository.js';

export const USER_SORTS: Readonly<Record<string, SortAttribute>> = {
  createdAt: { sql: 'u.created_at', type: 'moment', nullable: false },
  email: { sql: 'u.email_key', type: 'string', nullable: false },
  name: { sql: 'u.name_key', type: 'string', nullable: false },
  username: { sql: 'u.username_key', type: 'string', nullable: true },
  lastSignInAt: { sql: 'u.last_sign_in_at', type: 'moment', nullable: true },
};

const STRING = ['eq', 'ne', 'co', 'sw', 'ew', 'pr'] as const;
const MOMENT = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'pr'] as const;

/** What users can be filtered by; each is served by an index. @param now a moment: whether a suspension is over depends on it */
function attributes(now: Date): Attributes {
  return {
    email: {
      sql: 'u.email_key',
      type: 'string',
      operators: STRING,
      normalize: (text, operator) => (operator === 'eq' || operator === 'ne' ? normalEmail(text) : normalText(text)),
    },
    username: { sql: 'u.username_key', type: 'string', operators: STRING, normalize: normalText },
    name: { sql: 'u.name_key', type: 'string', operators: STRING, normalize: normalText },
    externalId: { sql: 'u.external_id', type: 'string', operators: ['eq', 'ne', 'sw', 'pr'] },
    status: {
      sql: 'status',
      type: 'enum',
      operators: ['eq', 'ne'],
      values: USER_STATUSES,
      custom: (operator, value, bind) => negated(operator === 'ne', statusSql(String(value), bind(now))),
    },
    roles: {
      sql: 'roles',
      type: 'string',
      operators: ['eq', 'ne'],
      custom: (operator, value, bind: Bind) => negated(operator === 'ne', holdsSql('u.id', bind(value))),
    },
    createdAt: { sql: 'u.created_at', type: 'moment', operators: MOMENT },
    lastSignInAt: { sql: 'u.last_sign_in_at', type: 'moment', operators: MOMENT },
  };
}

export const USER_FILTERS = Object.keys(attributes(new Date(0)));

function statusSql(status: string, now: string): string {
  const suspended = `(u.suspended_at IS NOT NULL AND (u.suspended_until IS NULL OR u.suspended_until > ${now}))`;
  const conditions: Record<string, string> = {
    deleted: 'u.deleted_at IS NOT NULL',
    suspended: `(u.deleted_at IS NULL AND ${suspended})`,
    active: `(u.deleted_at IS NULL AND u.activated_at IS NOT NULL AND NOT ${suspended})`,
    invited: `(u.deleted_at IS NULL AND u.activated_at IS NULL AND NOT ${suspended})`,
  };
  // Every branch names the parameter: PostgreSQL refuses one whose type nothing tells.
  return `(${conditions[status]!} AND ${now}::timestamptz IS NOT NULL)`;
}

function negated(not: boolean, condition: string): string {
  return not ? `NOT ${condition}` : condition;
}

export interface UserPage {
  readonly rows: UserRow[];
  readonly page: PageResponse;
}

/** Pages of users: one statement for the rows, one more if a count is asked for, whatever the page. */
@Injectable()
export class UsersList {
  private readonly cursors: CursorCodec;

  constructor(
    private readonly users: UsersRepository,
    private readonly clock: Clock,
    secrets: Secrets,
  ) {
    this.cursors = new CursorCodec(secrets.key('cursors'));
  }

  /** @throws ListQueryInvalid, FilterTooCostly */
  async page({ limit, count, cursor, sort = '-createdAt', filter }: ListQuery): Promise<UserPage> {
    const order = parseSort(sort, USER_SORTS);
    const source = this.source(filter);
    const scope = cursorScope('users', order.text, filter);
    const position = cursor === undefined ? null : this.cursors.decode(cursor, scope);
    const found = await this.users.page(pageStatement(source, order, position, limit));
    const { rows, next, prev } = pageOf(found, limit, scope, position);
    const page: PageResponse = {
      limit,
      nextCursor: next && this.cursors.encode(next),
      prevCursor: prev && this.cursors.encode(prev),
    };
    if (count !== 'none') Object.assign(page, await this.total(source, count === 'exact'));
    return { rows, page };
  }

  private source(filter: string | undefined): ListSource {
    const compiled = filter === undefined ? null : compileFilter(filter, attributes(this.clock.now()), 1);
    // Deleted users are found only by whoever asks for them.
    const alive = compiled?.attributes.has('status') ? 'true' : 'u.deleted_at IS NULL';
    const where = compiled ? `${alive} AND ${compiled.sql}` : alive;
    return { columns: USER_COLUMNS, from: 'roster.users u', where, parameters: compiled?.parameters ?? [], id: 'u.id' };
  }

  private async total(
    { where, parameters }: ListSource,
    exact: boolean,
  ): Promise<{ total: number; totalIsEstimate: boolean }> {
    if (!exact) return { total: await this.users.estimate(where, parameters), totalIsEstimate: true };
    const counted = await this.users.count(where, parameters, COUNTED_AT_MOST + 1);
    return { total: Math.min(counted, COUNTED_AT_MOST), totalIsEstimate: counted > COUNTED_AT_MOST };
  }
}
