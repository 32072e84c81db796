import { Injectable } from '@nestjs/common';

import { Events } from '../../events/index.js';
import { Passwords } from '../../passwords/index.js';
import { Clock } from '../../platform/clock/clock.js';
import { Database } from '../../platform/database/database.js';
import { Users, statusOf } from '../../users/index.js';
import type { UserRow } from '../../users/index.js';
import { AccountSuspended } from '../auth.contract.js';
import { LinkInvalid } from '../flows/flows.contract.js';
import { Flows } from '../flows/flows.service.js';
import type { Proof } from '../flows/flows.service.js';
import { InvitationAccepted } from './invitations.contract.js';
import { InvitationsRepository } from './invitations.repository.js';

/** Whoever reads the mail of the address takes the account over. */
@Injectable()
export class InvitationAcceptance {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly flows: Flows,
    private readonly users: Users,
    private readonly passwords: Passwords,
    private readonly invitations: InvitationsRepository,
  ) {}

  /**
   * @param wanted the name that they would have; null for the one that was given to them
   * @throws CodeInvalid, LinkInvalid, TooManyGuesses, AccountSuspended, ValidationFailed by the policy of passwords
   */
  async accept(proof: Proof, password: string, wanted: string | null): Promise<UserRow> {
    const flow = await this.flows.prove(['invitation'], proof);
    const { email, name, username, deletedAt } = await this.users.get(flow.userId!);
    if (deletedAt) throw new LinkInvalid();
    const context = { email, name: wanted ?? name, username: username ?? undefined };
    const hash = await this.passwords.hashNew(password, context, '/password');
    return this.db.transaction(async () => {
      const user = await this.users.lock(flow.userId!);
      await this.flows.use(flow, proof);
      const invitation = await this.invitations.lockByFlow(flow.id);
      if (!invitation || user.emailKey !== flow.emailKey || user.activatedAt) throw new LinkInvalid();
      // The link stays good: a suspension may end before it does.
      if (statusOf(user, this.clock.now()) === 'suspended') throw new AccountSuspended();
      await this.users.activate(user, hash, wanted);
      invitation.accept(this.clock.now());
      await this.invitations.update(invitation);
      const circumstances = { subject: `invitations/${invitation.id}`, version: invitation.version, actorId: user.id };
      this.events.record(InvitationAccepted, { invitationId: invitation.id, userId: user.id }, circumstances);
      return this.users.get(user.id);
    });
  }
}
