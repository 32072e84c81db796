import { Injectable } from '@nestjs/common';

import { Events } from '../../events/index.js';
import { Database } from '../../platform/database/database.js';
import { madeAt } from '../../platform/crypto/tokens.js';
import { Users, normalEmail } from '../../users/index.js';
import type { UserRow } from '../../users/index.js';
import { Flows } from '../flows/flows.service.js';
import { AccountExists, AddressChanging, ConfirmAddress } from './account.mails.js';
import { EmailChangeCancelled, EmailChangeReverted, EmailChangeStarted } from './accounts.contract.js';
import { Letters } from './letters.service.js';
import { Compromised } from './compromised.service.js';
import { PasswordResets } from './password-resets.service.js';
import { unlessGone } from './unless-gone.js';

/** What a change of the address is about. */
export interface WantedAddress {
  readonly email: string;
  /** The normal form of the address that it begins from: it is void once the account has another. */
  readonly from: string;
  readonly since: string;
}

/** The way back to an address. */
export interface WayBack {
  readonly email: string;
  /** When the session began in which the change was asked for, an RFC 3339 moment; null where an administrator made it. */
  readonly since: string | null;
}

interface OldAddress {
  readonly email: string;
  readonly emailKey: string;
}

/** An account whose address is to be another one. */
@Injectable()
export class Addresses {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly flows: Flows,
    private readonly users: Users,
    private readonly letters: Letters,
    private readonly resets: PasswordResets,
    private readonly compromised: Compromised,
  ) {
    users.onEmailChanged((user, before) => this.tellOldAddress(user, before));
  }

  /**
   * The address changes once the new one is confirmed. The one that holds now is told at once.
   * @param sessionId in which it is asked for
   * @returns the flow of the mail to the new address
   */
  async change(userId: string, wanted: string, sessionId: string): Promise<string> {
    const email = wanted.trim();
    return this.db.transaction(async () => {
      const user = await this.users.lock(userId);
      const other = await this.users.findByIdentifier(email);
      const isFree = other === null || other.id === userId;
      const since = madeAt(sessionId).toISOString();
      const payload: WantedAddress = { email, from: user.emailKey, since };
      const flow = { emailKey: normalEmail(email), userId, payload, isReal: isFree };
      await this.flows.supersedeOf(userId, 'email_change');
      const letter = { template: isFree ? ConfirmAddress : AccountExists, page: 'verify-email' as const };
      const to = isFree ? { email, locale: user.locale } : other;
      const flowId = await this.letters.begin('email_change', flow, letter, to);
      await this.tellOfWayBack(userId, user, since);
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
   * The owner of the address before says that it was not them: what is pending ends, what was changed is undone, so is
   * whatever else was added since the session began that asked for it; every session ends, nobody gets in by the password
   * any more, and a mail offers a new one. @throws LinkInvalid, EmailTaken
   */
  async revert(token: string): Promise<void> {
    const proof = { token };
    const flow = await this.flows.prove(['email_revert'], proof);
    const { email, since } = flow.payload as WayBack;
    await this.db.transaction(async () => {
      const user = await unlessGone(this.users.lock(flow.userId!));
      await this.flows.use(flow, proof);
      await this.flows.supersedeAllOf(user.id);
      await this.flows.supersedeSince(flow);
      if (user.emailKey !== flow.emailKey) await this.users.proveEmail(user, email);
      await this.compromised.expel(user.id, since === null ? null : new Date(since));
      this.events.record(EmailChangeReverted, { userId: user.id }, { subject: `users/${user.id}` });
      await this.resets.offer(await this.users.get(user.id));
    });
  }

  /** An administrator has changed it. */
  private async tellOldAddress(user: Pick<UserRow, 'id' | 'locale'>, before: OldAddress): Promise<void> {
    await this.flows.supersedeAllOf(user.id);
    await this.tellOfWayBack(user.id, { ...before, locale: user.locale }, null);
  }

  private async tellOfWayBack(
    userId: string,
    { email, emailKey, locale }: OldAddress & { locale: string },
    since: string | null,
  ): Promise<void> {
    const payload: WayBack = { email, since };
    const letter = { template: AddressChanging, page: 'revert-email' as const };
    await this.letters.begin('email_revert', { emailKey, userId, payload, isReal: true }, letter, { email, locale });
  }
}
