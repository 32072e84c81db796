import { Injectable } from '@nestjs/common';

import { Access } from '../../access/index.js';
import { Events } from '../../events/index.js';
import { Clock } from '../../platform/clock/clock.js';
import { Config } from '../../platform/config/config.js';
import { newId } from '../../platform/crypto/tokens.js';
import { Database } from '../../platform/database/database.js';
import { refuseStale } from '../../platform/http/parameters.js';
import type { Versions } from '../../platform/http/parameters.js';
import type { Principal } from '../../platform/http/principal.js';
import { EmailTaken, Users, normalEmail, statusOf } from '../../users/index.js';
import type { UserRow } from '../../users/index.js';
import { RegistrationClosed } from '../accounts/accounts.contract.js';
import { InvitationLetters } from './invitation-letters.service.js';
import { Invitation } from './invitation.entity.js';
import type { InvitationRow } from './invitation.entity.js';
import {
  InvitationNotFound,
  InvitationOver,
  InvitationResent,
  InvitationRevoked,
  InvitationSent,
} from './invitations.contract.js';
import { InvitationsRepository } from './invitations.repository.js';

export interface NewInvitation {
  readonly email: string;
  readonly name: string;
  readonly locale?: string;
  readonly roles?: readonly string[];
}

/** Accounts that are made for people, who take them over by mail. */
@Injectable()
export class Invitations {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly events: Events,
    private readonly users: Users,
    private readonly access: Access,
    private readonly invitations: InvitationsRepository,
    private readonly letters: InvitationLetters,
  ) {}

  /** @throws InvitationNotFound */
  async get(id: string): Promise<InvitationRow> {
    const invitation = await this.invitations.find(id);
    if (!invitation) throw new InvitationNotFound();
    return invitation;
  }

  /** An invitation of theirs that is still open is revoked. @throws RegistrationClosed, EmailTaken, RoleUnknown, PrivilegeCeiling */
  async create(wanted: NewInvitation, actor: Principal): Promise<InvitationRow> {
    if (this.config.values.REGISTRATION === 'closed') throw new RegistrationClosed();
    return this.db.transaction(async () => {
      const user = await this.invitee(wanted, actor);
      const earlier = await this.invitations.lockOpen(user.id);
      if (earlier) await this.end(earlier);
      const letter = await this.letters.send(user);
      const invitation = Object.assign(new Invitation(), {
        ...inviteeOf(user),
        ...letter,
        id: newId(),
        userId: user.id,
        invitedBy: actor.actorId ?? actor.userId,
        createdAt: letter.sentAt,
        acceptedAt: null,
        revokedAt: null,
        version: 1,
      });
      await this.invitations.insert(invitation);
      this.events.record(InvitationSent, told(invitation), { ...about(invitation), after: inviteeOf(user) });
      return invitation;
    });
  }

  /**
   * A newer mail, to the address that the user has by now; what was mailed before is void.
   * @throws InvitationNotFound, UserNotFound, PrivilegeCeiling, InvitationOver
   */
  resend(id: string, reason: string, actor: Principal): Promise<InvitationRow> {
    return this.db.transaction(async () => {
      const invitation = await this.lockFor(actor, id, null);
      if (invitation.acceptedAt || invitation.revokedAt) throw new InvitationOver();
      const user = await this.users.get(invitation.userId);
      invitation.resend(inviteeOf(user), await this.letters.send(user));
      await this.invitations.update(invitation);
      const circumstances = { ...about(invitation), after: inviteeOf(user), reason };
      this.events.record(InvitationResent, told(invitation), circumstances);
      return invitation;
    });
  }

  /** The user stays. @throws InvitationNotFound, UserNotFound, PrivilegeCeiling, PreconditionFailed, InvitationOver */
  async revoke(id: string, expected: Versions, actor: Principal): Promise<void> {
    await this.db.transaction(async () => {
      const invitation = await this.lockFor(actor, id, expected);
      if (invitation.acceptedAt) throw new InvitationOver();
      if (invitation.revokedAt) return;
      await this.letters.void(invitation.userId);
      await this.end(invitation);
    });
  }

  /** The user whom the invitation is for: a new one, or one who is invited already and stays as they are. */
  private async invitee({ roles, ...profile }: NewInvitation, actor: Principal): Promise<UserRow> {
    const known = await this.users.findByIdentifier(profile.email);
    if (!known) {
      if (roles) await this.access.refuseAbove(actor, roles);
      return this.users.create(profile, { roles });
    }
    if (statusOf(known, this.clock.now()) !== 'invited') throw taken();
    // They may have accepted meanwhile.
    const { activatedAt } = await this.users.lockFor(actor, known.id, null);
    if (activatedAt) throw taken();
    return this.users.get(known.id);
  }

  /** The user first, as everybody locks them. What the caller may not do is refused before what they did not know. */
  private async lockFor(actor: Principal, id: string, expected: Versions): Promise<Invitation> {
    const { userId } = await this.get(id);
    await this.users.lockFor(actor, userId, null);
    const invitation = await this.invitations.lock(id);
    if (!invitation) throw new InvitationNotFound();
    invitation.settle(this.clock.now());
    refuseStale(invitation, expected);
    return invitation;
  }

  private async end(invitation: Invitation): Promise<void> {
    invitation.settle(this.clock.now());
    invitation.revoke(this.clock.now());
    await this.invitations.update(invitation);
    const { id: invitationId, userId } = invitation;
    this.events.record(InvitationRevoked, { invitationId, userId }, about(invitation));
  }
}

function inviteeOf({ email, roles }: UserRow): { email: string; emailKey: string; roles: string[] } {
  return { email, emailKey: normalEmail(email), roles };
}

function told({ id, userId, flowId }: Invitation): { invitationId: string; userId: string; flowId: string } {
  return { invitationId: id, userId, flowId };
}

function about({ id, version }: Invitation): { subject: string; version: number } {
  return { subject: `invitations/${id}`, version };
}

function taken(): EmailTaken {
  return new EmailTaken(undefined, [{ pointer: '/email', code: 'email_taken', detail: 'is already in use' }]);
}
