import { Injectable } from '@nestjs/common';

import { Clock } from '../../platform/clock/clock.js';
import { Secrets } from '../../platform/crypto/secrets.js';
import { compileFilter } from '../../platform/http/lists/compile.js';
import type { Attributes, Bind } from '../../platform/http/lists/compile.js';
import { CursorCodec, cursorScope } from '../../platform/http/lists/cursor.js';
import { pageOf, pageStatement, parseSort } from '../../platform/http/lists/keyset.js';
import type { SortAttribute } from '../../platform/http/lists/keyset.js';
import { COUNTED_AT_MOST } from '../../platform/http/lists/list-query.js';
import type { ListQuery, PageResponse } from '../../platform/http/lists/list-query.js';
import { normalEmail } from '../../users/index.js';
import { INVITATION_STATUSES } from './invitation.entity.js';
import type { InvitationRow, InvitationStatus } from './invitation.entity.js';
import { INVITATION_COLUMNS, InvitationsRepository } from './invitations.repository.js';

export const INVITATION_SORTS: Readonly<Record<string, SortAttribute>> = {
  createdAt: { sql: 'i.created_at', type: 'moment', nullable: false },
  email: { sql: 'i.email_key', type: 'string', nullable: false },
};

const OPEN = 'i.accepted_at IS NULL AND i.revoked_at IS NULL';
/** `invitationStatusOf` in SQL. */
const STATUS_SQL: Record<InvitationStatus, (bind: Bind, now: Date) => string> = {
  accepted: () => '(i.accepted_at IS NOT NULL)',
  revoked: () => '(i.revoked_at IS NOT NULL)',
  pending: (bind, now) => `(${OPEN} AND i.expires_at > CAST(${bind(now)} AS timestamptz))`,
  expired: (bind, now) => `(${OPEN} AND i.expires_at <= CAST(${bind(now)} AS timestamptz))`,
};

/** A part of an address, as it stands in the normal form. */
function folded(text: string): string {
  return text.normalize('NFC').toLowerCase().normalize('NFC');
}

/** @param now a moment: invitations expire by it */
function attributes(now: Date): Attributes {
  return {
    status: {
      sql: 'status',
      type: 'enum',
      operators: ['eq', 'ne'],
      values: INVITATION_STATUSES,
      custom: (operator, value, bind) =>
        `${operator === 'ne' ? 'NOT ' : ''}${STATUS_SQL[value as InvitationStatus](bind, now)}`,
    },
    email: {
      sql: 'i.email_key',
      type: 'string',
      operators: ['eq', 'ne', 'co', 'sw', 'ew'],
      normalize: (text, operator) => (operator === 'eq' || operator === 'ne' ? normalEmail(text) : folded(text)),
    },
    createdAt: { sql: 'i.created_at', type: 'moment', operators: ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] },
  };
}

export const INVITATION_FILTERS = Object.keys(attributes(new Date(0)));

/** Pages of invitations: one statement for the rows, one more if a count is asked for. */
@Injectable()
export class InvitationsList {
  private readonly cursors: CursorCodec;

  constructor(
    private readonly invitations: InvitationsRepository,
    private readonly clock: Clock,
    secrets: Secrets,
  ) {
    this.cursors = new CursorCodec(secrets.key('cursors'));
  }

  /** @throws ListQueryInvalid, FilterTooCostly */
  async page({ limit, count, cursor, sort = '-createdAt', filter }: ListQuery): Promise<{
    rows: InvitationRow[];
    page: PageResponse;
  }> {
    const order = parseSort(sort, INVITATION_SORTS);
    const { sql: where, parameters } =
      filter === undefined ? { sql: 'true', parameters: [] } : compileFilter(filter, attributes(this.clock.now()), 1);
    const scope = cursorScope('invitations', order.text, filter);
    const position = cursor === undefined ? null : this.cursors.decode(cursor, scope);
    const source = { columns: INVITATION_COLUMNS, from: 'roster.invitations i', where, parameters, id: 'i.id' };
    // Side by side: each is cut at 2 s, and both have to fit into what a request may take.
    const [found, total] = await Promise.all([
      this.invitations.page(pageStatement(source, order, position, limit)),
      count === 'none' ? {} : this.total(where, parameters),
    ]);
    const { rows, next, prev } = pageOf(found, limit, scope, position);
    const page: PageResponse = {
      limit,
      nextCursor: next && this.cursors.encode(next),
      prevCursor: prev && this.cursors.encode(prev),
      ...total,
    };
    return { rows, page };
  }

  /** An estimate would cost as much: no more are counted than a few pages of an index hold. */
  private async total(
    where: string,
    parameters: readonly unknown[],
  ): Promise<{ total: number; totalIsEstimate: boolean }> {
    const counted = await this.invitations.count(where, parameters, COUNTED_AT_MOST + 1);
    return { total: Math.min(counted, COUNTED_AT_MOST), totalIsEstimate: counted > COUNTED_AT_MOST };
  }
}
