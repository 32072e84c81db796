import { Injectable } from '@nestjs/common';

import { holdsSql } from '../access/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Secrets } from '../platform/crypto/secrets.js';
import { compileFilter } from '../platform/http/lists/compile.js';
import type { Attributes } from '../platform/http/lists/compile.js';
import type { Operator } from '../platform/http/lists/filter.js';
import { CursorCodec, cursorScope } from '../platform/http/lists/cursor.js';
import { pageOf, pageStatement, parseSort } from '../platform/http/lists/keyset.js';
import type { ListSource, PageStatement, SortAttribute } from '../platform/http/lists/keyset.js';
import type { PageOf } from '../platform/http/lists/listing.js';
import { COUNTED_AT_MOST } from '../platform/http/lists/list-query.js';
import type { ListQuery, PageResponse } from '../platform/http/lists/list-query.js';
import { foldCase, normalEmail, normalName, normalUsername } from './normal-forms.js';
import { USER_STATUSES } from './user.entity.js';
import type { UserRow, UserStatus } from './user.entity.js';
import { USER_COLUMNS, UsersRepository } from './users.repository.js';

export const USER_SORTS: Readonly<Record<string, SortAttribute>> = {
  createdAt: { sql: 'u.created_at', type: 'moment', nullable: false },
  email: { sql: 'u.email_key', type: 'string', nullable: false },
  name: { sql: 'u.name_key', type: 'string', nullable: false },
  username: { sql: 'u.username_key', type: 'string', nullable: true },
  lastSignInAt: { sql: 'u.last_sign_in_at', type: 'moment', nullable: true },
};

const STRING = ['eq', 'ne', 'co', 'sw', 'ew', 'pr'] as const;
const MOMENT = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'pr'] as const;

/**
 * What users can be filtered by; each is served by an index.
 * @param now a moment: whether a suspension is over depends on it
 * @param onDeleted called if the filter names the status `deleted`
 */
function attributes(now: Date, onDeleted: () => void): Attributes {
  return {
    email: {
      sql: 'u.email_key',
      type: 'string',
      operators: STRING,
      normalize: (text, operator) => (isWhole(operator) ? normalEmail(text) : foldCase(text)),
    },
    username: { sql: 'u.username_key', type: 'string', operators: STRING, normalize: normalUsername },
    name: {
      sql: 'u.name_key',
      type: 'string',
      operators: STRING,
      normalize: (text, operator) => (isWhole(operator) ? normalName(text) : foldCase(text)),
    },
    externalId: { sql: 'u.external_id', type: 'string', operators: ['eq', 'ne', 'sw', 'pr'] },
    status: {
      sql: 'status',
      type: 'enum',
      operators: ['eq', 'ne'],
      values: USER_STATUSES,
      custom: (operator, value, bind) => {
        if (value === 'deleted') onDeleted();
        return negated(
          operator === 'ne',
          STATUS_SQL[value as UserStatus](() => `CAST(${bind(now)} AS timestamptz)`),
        );
      },
    },
    roles: {
      sql: 'roles',
      type: 'string',
      operators: ['eq', 'ne'],
      custom: (operator, value, bind) => negated(operator === 'ne', holdsSql('u.id', bind(value))),
    },
    createdAt: { sql: 'u.created_at', type: 'moment', operators: MOMENT },
    lastSignInAt: { sql: 'u.last_sign_in_at', type: 'moment', operators: MOMENT },
  };
}

export const USER_FILTERS = Object.keys(attributes(new Date(0), () => undefined));

function isWhole(operator: Operator): boolean {
  return operator === 'eq' || operator === 'ne';
}

const suspendedAt = (now: string): string =>
  `(u.suspended_at IS NOT NULL AND (u.suspended_until IS NULL OR u.suspended_until > ${now}))`;

/** `statusOf` in SQL. A parameter is bound only where it is named: PostgreSQL refuses one that nothing uses. */
const STATUS_SQL: Record<UserStatus, (now: () => string) => string> = {
  deleted: () => '(u.deleted_at IS NOT NULL)',
  suspended: (now) => `(u.deleted_at IS NULL AND ${suspendedAt(now())})`,
  active: (now) => `(u.deleted_at IS NULL AND u.activated_at IS NOT NULL AND NOT ${suspendedAt(now())})`,
  invited: (now) => `(u.deleted_at IS NULL AND u.activated_at IS NULL AND NOT ${suspendedAt(now())})`,
};

function negated(not: boolean, condition: string): string {
  return not ? `NOT ${condition}` : condition;
}

/** Pages of users: one statement for the rows, one more if a count is asked for, whatever the page. */
@Injectable()
export class UsersList {
  private readonly cursors: CursorCodec;
  private readonly names = new Map<string, string>();

  constructor(
    private readonly users: UsersRepository,
    private readonly clock: Clock,
    secrets: Secrets,
  ) {
    this.cursors = new CursorCodec(secrets.key('cursors'));
  }

  /** @throws ListQueryInvalid, FilterTooCostly */
  async page({ limit, count, cursor, sort = '-createdAt', filter }: ListQuery): Promise<PageOf<UserRow>> {
    const order = parseSort(sort, USER_SORTS);
    const source = this.source(filter);
    const scope = cursorScope('users', order.text, filter);
    const position = cursor === undefined ? null : this.cursors.decode(cursor, scope);
    // Side by side: each is cut at 2 s, and both have to fit into what a request may take.
    const [found, total] = await Promise.all([
      this.users.page(this.named(pageStatement(source, order, position, limit), filter)),
      count === 'none' ? {} : this.total(source, count === 'exact'),
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

  /** Filters have no end of shapes; without one there are a few for each sort. */
  private named(statement: PageStatement, filter: string | undefined): PageStatement {
    if (filter !== undefined) return statement;
    let name = this.names.get(statement.text);
    if (name === undefined) this.names.set(statement.text, (name = `users_page_${this.names.size}`));
    return { ...statement, name };
  }

  private source(filter: string | undefined): ListSource {
    // Deleted users are found only by whoever asks for them.
    let alive = 'u.deleted_at IS NULL';
    const known = attributes(this.clock.now(), () => (alive = 'true'));
    const compiled = filter === undefined ? null : compileFilter(filter, known, 1);
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
