import { Injectable } from '@nestjs/common';

import { Mail } from '../../mail/index.js';
import { normalEmail } from '../../users/index.js';
import type { UserRow } from '../../users/index.js';
import { AccountLinks } from '../accounts/account-links.js';
import { Invited } from '../accounts/account.mails.js';
import { Flows } from '../flows/flows.service.js';
import type { InvitationLetter } from './invitation.entity.js';

/** The mails of invitations, each with a link and a code of its own. */
@Injectable()
export class InvitationLetters {
  constructor(
    private readonly flows: Flows,
    private readonly mail: Mail,
    private readonly links: AccountLinks,
  ) {}

  /** Part of the caller's transaction. What was mailed before is void, also at an address that they had then. */
  async send(user: UserRow): Promise<InvitationLetter> {
    await this.void(user.id);
    const emailKey = normalEmail(user.email);
    const { flowId, token, code } = await this.flows.begin('invitation', { emailKey, userId: user.id, isReal: true });
    await this.mail.send(Invited, user, { code, link: this.links.to('accept-invitation', token) });
    const { createdAt: sentAt, expiresAt } = (await this.flows.findLive('invitation', emailKey))!;
    return { flowId, sentAt, expiresAt };
  }

  /** Part of the caller's transaction. */
  async void(userId: string): Promise<void> {
    await this.flows.supersedeOf(userId, 'invitation');
  }
}
