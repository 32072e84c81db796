import { Injectable } from '@nestjs/common';

import { Events } from '../../events/index.js';
import { Mail } from '../../mail/index.js';
import { Clock } from '../../platform/clock/clock.js';
import { Database } from '../../platform/database/database.js';
import { Sessions } from '../../sessions/index.js';
import { Users, normalEmail, statusOf } from '../../users/index.js';
import type { UserRow } from '../../users/index.js';
import { Flows } from '../flows/flows.service.js';
import { AccountLinks } from './account-links.js';
import { AccountExists, AddressChanging, ConfirmAddress } from './account.mails.js';
import {
  EmailChangeCancelled,
  EmailChangeReverted,
  EmailChangeStarted,
  EmailVerificationStarted,
} from './accounts.contract.js';
import { PasswordResets } from './password-resets.service.js';
import { RegistrationService, appliedIn } from './registration.service.js';

/** The address of an account: confirmed once more, changed, and given back. */
@Injectable()
export class Addresses {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly flows: Flows,
    private readonly users: Users,
    private readonly sessions: Sessions,
    private readonly mail: Mail,
    private readonly links: AccountLinks,
    private readonly registrations: RegistrationService,
    private readonly resets: PasswordResets,
  ) {}

  /** A new mail for a registration or an account that waits for one; for others the same answer after the same work. */
  async resend(email: string): Promise<string> {
    const emailKey = normalEmail(email);
    const user = await this.users.findByIdentifier(email);
    const registration = await this.flows.findLive('registration', emailKey);
    return this.db.transaction(() => {
      if (registration && !user) return this.registrations.begin(appliedIn(registration));
      const waits = user !== null && user.emailVerifiedAt === null && statusOf(user, this.clock.now()) === 'active';
      return this.verify(emailKey, waits ? user : null);
    });
  }

  /**
   * The address changes once the new one is confirmed. The one that holds now is told at once.
   * @returns the flow of the mail to the new address
   */
  async change(userId: string, wanted: string): Promise<string> {
    const email = wanted.trim();
    return this.db.transaction(async () => {
      const user = await this.users.lock(userId);
      const other = await this.users.findByIdentifier(email);
      const isFree = other === null || other.id === userId;
      const flow = { emailKey: normalEmail(email), userId, payload: { email }, isReal: isFree };
      await this.cancelPending(userId);
      const { flowId, code, token } = await this.flows.begin('email_change', flow);
      const proofs = { code, link: this.links.to('verify-email', token) };
      if (isFree) await this.mail.send(ConfirmAddress, { email, locale: user.locale }, proofs);
      else await this.mail.send(AccountExists, other, proofs);
      await this.tellPresentAddress(user, email);
      this.events.record(EmailChangeStarted, { userId, flowId }, { subject: `users/${userId}`, after: { email } });
      return flowId;
    });
  }

  /** Nothing is pending afterwards. */
  async cancel(userId: string): Promise<void> {
    await this.db.transaction(async () => {
      await this.users.lock(userId);
      if ((await this.cancelPending(userId)) === 0) return;
      this.events.record(EmailChangeCancelled, { userId }, { subject: `users/${userId}` });
    });
  }

  /**
   * The owner of the address before says that it was not them: what is pending ends, what was changed is undone, every
   * session ends, and a mail offers a new password. @throws LinkInvalid, EmailTaken
   */
  async revert(token: string): Promise<void> {
    const proof = { token };
    const flow = await this.flows.prove(['email_revert'], proof);
    const { email } = flow.payload as { email: string };
    await this.db.transaction(async () => {
      await this.flows.use(flow, proof);
      const user = await this.users.lock(flow.userId!);
      await this.flows.supersedeAllOf(user.id);
      if (user.emailKey !== flow.emailKey) await this.users.proveEmail(user, email);
      await this.sessions.endAllOf(user.id, 'email_reverted');
      this.events.record(EmailChangeReverted, { userId: user.id }, { subject: `users/${user.id}` });
      await this.resets.offer(await this.users.get(user.id));
    });
  }

  private async verify(emailKey: string, user: UserRow | null): Promise<string> {
    const flow = { emailKey, userId: user?.id ?? null, isReal: user !== null };
    const { flowId, code, token } = await this.flows.begin('email_verification', flow);
    await this.mail.send(ConfirmAddress, user, { code, link: this.links.to('verify-email', token) });
    this.events.record(EmailVerificationStarted, { userId: user?.id ?? null, flowId });
    return flowId;
  }

  private cancelPending(userId: string): Promise<number> {
    return this.flows.supersedeOf(userId, 'email_change');
  }

  private async tellPresentAddress(
    user: { id: string; email: string; emailKey: string; locale: string },
    wanted: string,
  ) {
    const payload = { email: user.email, wanted: normalEmail(wanted) };
    const flow = { emailKey: user.emailKey, userId: user.id, payload, isReal: true };
    const { token } = await this.flows.begin('email_revert', flow);
    await this.mail.send(AddressChanging, user, { link: this.links.to('revert-email', token) });
  }
}
