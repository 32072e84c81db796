import { Injectable } from '@nestjs/common';

import { Events } from '../../events/index.js';
import { Database } from '../../platform/database/database.js';
import { Sessions } from '../../sessions/index.js';
import { Users, normalEmail } from '../../users/index.js';
import { Flows } from '../flows/flows.service.js';
import { AccountExists, AddressChanging, ConfirmAddress } from './account.mails.js';
import { EmailChangeCancelled, EmailChangeReverted, EmailChangeStarted } from './accounts.contract.js';
import { Letters } from './letters.service.js';
import { PasswordResets } from './password-resets.service.js';
import { unlessGone } from './unless-gone.js';

/** An account whose address is to be another one. */
@Injectable()
export class Addresses {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly flows: Flows,
    private readonly users: Users,
    private readonly sessions: Sessions,
    private readonly letters: Letters,
    private readonly resets: PasswordResets,
  ) {}

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
      await this.flows.supersedeOf(userId, 'email_change');
      const letter = { template: isFree ? ConfirmAddress : AccountExists, page: 'verify-email' as const };
      const to = isFree ? { email, locale: user.locale } : other;
      const flowId = await this.letters.begin('email_change', flow, letter, to);
      const back = { emailKey: user.emailKey, userId, payload: { email: user.email }, isReal: true };
      await this.letters.begin('email_revert', back, { template: AddressChanging, page: 'revert-email' }, user);
      this.events.record(EmailChangeStarted, { userId, flowId }, { subject: `users/${userId}`, after: { email } });
      return flowId;
    });
  }

  /** Nothing is pending afterwards. */
  async cancel(userId: string): Promise<void> {
    await this.db.transaction(async () => {
      await this.users.lock(userId);
      if ((await this.flows.supersedeOf(userId, 'email_change')) === 0) return;
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
      const user = await unlessGone(this.users.lock(flow.userId!));
      await this.flows.use(flow, proof);
      await this.flows.supersedeAllOf(user.id);
      await this.flows.supersedeSince(flow);
      if (user.emailKey !== flow.emailKey) await this.users.proveEmail(user, email);
      await this.sessions.endAllOf(user.id, 'email_reverted');
      this.events.record(EmailChangeReverted, { userId: user.id }, { subject: `users/${user.id}` });
      await this.resets.offer(await this.users.get(user.id));
    });
  }
}
