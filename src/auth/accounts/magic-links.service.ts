import { Injectable } from '@nestjs/common';

import { Events } from '../../events/index.js';
import { Clock } from '../../platform/clock/clock.js';
import { Database } from '../../platform/database/database.js';
import { Users, normalEmail, statusOf } from '../../users/index.js';
import { LinkInvalid } from '../flows/flows.contract.js';
import { Flows } from '../flows/flows.service.js';
import type { Proof } from '../flows/flows.service.js';
import { SignInService } from '../sign-in.service.js';
import type { SignInOutcome } from '../sign-in.service.js';
import { SignInLink } from './account.mails.js';
import { MagicLinkStarted } from './accounts.contract.js';
import { Letters } from './letters.service.js';
import { unlessGone } from './unless-gone.js';

/** Signing in by mail: whoever reads the mail of an account's address is let in, to its second factor if it has one. */
@Injectable()
export class MagicLinks {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly flows: Flows,
    private readonly users: Users,
    private readonly letters: Letters,
    private readonly signIns: SignInService,
  ) {}

  /** The same answer after the same work, whether there is such an account or not. @returns the flow */
  async send(email: string): Promise<string> {
    const found = await this.users.findByIdentifier(email);
    const user = found !== null && statusOf(found, this.clock.now()) === 'active' ? found : null;
    return this.db.transaction(async () => {
      const flow = { emailKey: normalEmail(email), userId: user?.id ?? null, isReal: user !== null };
      const flowId = await this.letters.begin('magic_link', flow, { template: SignInLink, page: 'sign-in' }, user);
      const about = user ? { subject: `users/${user.id}` } : {};
      this.events.record(MagicLinkStarted, { userId: user?.id ?? null, flowId }, about);
      return flowId;
    });
  }

  /** @throws CodeInvalid, LinkInvalid, TooManyGuesses, AccountSuspended */
  async consume(proof: Proof, deviceToken: string | null): Promise<SignInOutcome> {
    const flow = await this.flows.prove(['magic_link'], proof);
    return this.signIns.proceed(await this.users.get(flow.userId!), ['email'], {
      deviceToken,
      // Part of the transaction that starts the session, or the second step: neither without the other.
      begun: async () => {
        const user = await unlessGone(this.users.lock(flow.userId!));
        await this.flows.use(flow, proof);
        if (user.emailKey !== flow.emailKey) throw new LinkInvalid();
        if (!user.emailVerifiedAt) await this.users.proveEmail(user, user.email);
      },
    });
  }
}
