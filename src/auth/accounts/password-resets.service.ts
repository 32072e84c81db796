import { Injectable } from '@nestjs/common';

import { Events } from '../../events/index.js';
import { Passwords } from '../../passwords/index.js';
import { Clock } from '../../platform/clock/clock.js';
import { Database } from '../../platform/database/database.js';
import type { Principal } from '../../platform/http/principal.js';
import { Users, normalEmail, statusOf } from '../../users/index.js';
import type { UserRow } from '../../users/index.js';
import { LinkInvalid } from '../flows/flows.contract.js';
import { Flows } from '../flows/flows.service.js';
import type { Proof } from '../flows/flows.service.js';
import { Guesses } from '../guesses/guesses.service.js';
import { PasswordWasChanged, ResetPassword } from './account.mails.js';
import { PasswordReset, PasswordResetStarted } from './accounts.contract.js';
import { Letters } from './letters.service.js';
import { unlessGone } from './unless-gone.js';

/** A forgotten password. Known and unknown addresses get the same answer after the same work. */
@Injectable()
export class PasswordResets {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly flows: Flows,
    private readonly users: Users,
    private readonly passwords: Passwords,
    private readonly guesses: Guesses,
    private readonly letters: Letters,
  ) {}

  /** @returns the flow that the mailed code belongs to */
  async forgot(email: string): Promise<string> {
    const user = await this.users.findByIdentifier(email);
    const mayHave = user !== null && statusOf(user, this.clock.now()) === 'active';
    return this.db.transaction(() => this.begin(normalEmail(email), mayHave ? user : null));
  }

  /** Part of the caller's transaction. */
  async offer(user: UserRow): Promise<void> {
    await this.begin(normalEmail(user.email), user);
  }

  /** By an administrator, who says why. @throws UserNotFound, PrivilegeCeiling */
  async send(id: string, reason: string, actor: Principal): Promise<void> {
    await this.db.transaction(async () => {
      await this.users.lockFor(actor, id, null);
      const user = await this.users.get(id);
      await this.begin(normalEmail(user.email), user, reason);
    });
  }

  /**
   * A second factor is asked for at the next sign-in as ever. Sessions end; so does whatever else was mailed.
   * @throws CodeInvalid, LinkInvalid, TooManyGuesses, ValidationFailed by the policy
   */
  async reset(proof: Proof, password: string): Promise<void> {
    const flow = await this.flows.prove(['password_reset'], proof);
    const { email, name, username } = await this.users.get(flow.userId!);
    const hash = await this.passwords.hashNew(password, { email, name, username: username ?? undefined }, '/password');
    await this.db.transaction(async () => {
      const user = await unlessGone(this.users.lock(flow.userId!));
      await this.flows.use(flow, proof);
      if (user.emailKey !== flow.emailKey) throw new LinkInvalid();
      if (user.activatedAt && !user.emailVerifiedAt) await this.users.proveEmail(user, user.email);
      // An administrator sent it to somebody who is invited: as good as their invitation, which is void by this.
      if (!user.activatedAt) await this.users.activate(user, hash, null);
      else await this.passwords.replace(user.id, hash, null);
      await this.flows.supersedeAllOf(user.id);
      await this.guesses.unlock(user.id);
      await this.letters.tell(PasswordWasChanged, user, {});
      this.events.record(PasswordReset, { userId: user.id }, { subject: `users/${user.id}`, actorId: user.id });
    });
  }

  private async begin(emailKey: string, user: UserRow | null, reason?: string): Promise<string> {
    const flow = { emailKey, userId: user?.id ?? null, isReal: user !== null };
    // To the stored address, never to the one that was typed (CVE-2019-19844, CVE-2023-7028).
    const letter = { template: ResetPassword, page: 'reset-password' as const };
    const flowId = await this.letters.begin('password_reset', flow, letter, user);
    const about = user ? { subject: `users/${user.id}`, reason } : {};
    this.events.record(PasswordResetStarted, { userId: user?.id ?? null, flowId }, about);
    return flowId;
  }
}
