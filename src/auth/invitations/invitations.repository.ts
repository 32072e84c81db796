import { Injectable } from '@nestjs/common';

import { Database, lookup } from '../../platform/database/database.js';
import { isCancelled } from '../../platform/database/database-errors.js';
import type { PageStatement } from '../../platform/http/lists/keyset.js';
import { FilterTooCostly } from '../../platform/http/problems.js';
import { Invitation } from './invitation.entity.js';
import type { InvitationRow } from './invitation.entity.js';

export const INVITATION_COLUMNS = `i.id, i.user_id AS "userId", i.email, i.roles, i.invited_by AS "invitedBy",
  i.created_at AS "createdAt", i.sent_at AS "sentAt", i.expires_at AS "expiresAt", i.accepted_at AS "acceptedAt",
  i.revoked_at AS "revokedAt", i.flow_id AS "flowId", i.version`;

const FIND = lookup('invitations_find', `SELECT ${INVITATION_COLUMNS} FROM roster.invitations i WHERE i.id = $1`);

@Injectable()
export class InvitationsRepository {
  constructor(private readonly db: Database) {}

  find(id: string): Promise<InvitationRow | null> {
    return this.db.row(FIND, [id]);
  }

  /** The invitation, which nobody else can change until the transaction ends. */
  lock(id: string): Promise<Invitation | null> {
    return this.db.repository(Invitation).findOne({ where: { id }, lock: { mode: 'pessimistic_write' } });
  }

  /** As `lock`: the one whose newest mail belongs to this flow. */
  lockByFlow(flowId: string): Promise<Invitation | null> {
    return this.db.repository(Invitation).findOne({ where: { flowId }, lock: { mode: 'pessimistic_write' } });
  }

  /** As `lock`: the one of the user that was neither accepted nor revoked. */
  async lockOpen(userId: string): Promise<Invitation | null> {
    const row = await this.db.row<{ id: string }>(
      'SELECT id FROM roster.invitations WHERE user_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL',
      [userId],
    );
    return row && this.lock(row.id);
  }

  async insert(invitation: Invitation): Promise<void> {
    await this.db.repository(Invitation).insert(invitation);
  }

  async update(invitation: Invitation): Promise<void> {
    const { id, ...columns } = invitation;
    await this.db.repository(Invitation).update({ id }, columns);
  }

  /** Removes those that were accepted or revoked before a moment; of a user who has done neither there is one. */
  prune(before: Date): Promise<number> {
    return this.db.changeAll(
      `DELETE FROM roster.invitations WHERE id IN (SELECT id FROM roster.invitations
         WHERE (accepted_at IS NOT NULL OR revoked_at IS NOT NULL) AND least(accepted_at, revoked_at) < $1 LIMIT $2)`,
      [before],
    );
  }

  /** One page; a question that no index serves is cut by the server. @throws FilterTooCostly */
  page({ text, parameters }: PageStatement): Promise<(InvitationRow & { sort_key: string | null })[]> {
    return unlessTooCostly(this.db.rows(text, parameters));
  }

  /** How many there are, counted no further than `most`. @throws FilterTooCostly */
  async count(where: string, parameters: readonly unknown[], most: number): Promise<number> {
    const text = `SELECT count(*)::int AS count FROM (SELECT 1 FROM roster.invitations i WHERE ${where} LIMIT ${most}) counted`;
    return (await unlessTooCostly(this.db.row<{ count: number }>(text, [...parameters])))!.count;
  }
}

async function unlessTooCostly<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    throw isCancelled(error) ? new FilterTooCostly() : error;
  }
}
