import { Injectable } from '@nestjs/common';

import { Events } from '../../events/index.js';
import { PasswordIncorrect, Passwords } from '../../passwords/index.js';
import { Database } from '../../platform/database/database.js';
import { refusal } from '../../platform/http/validation.pipe.js';
import { Users, normalEmail } from '../../users/index.js';
import type { UserRow } from '../../users/index.js';
import type { Flow, FlowPurpose } from '../flows/flow.entity.js';
import { LinkInvalid } from '../flows/flows.contract.js';
import { Flows } from '../flows/flows.service.js';
import type { Proof } from '../flows/flows.service.js';
import { Guesses } from '../guesses/guesses.service.js';
import { AddressChanging } from './account.mails.js';
import { RegistrationConfirmed } from './accounts.contract.js';
import { Letters } from './letters.service.js';
import { appliedIn } from './registration.service.js';
import { unlessGone } from './unless-gone.js';

type LockedUser = Awaited<ReturnType<Users['lock']>>;

const PURPOSES: readonly FlowPurpose[] = ['registration', 'email_verification', 'email_change'];

/** An address is proved to be somebody's: that makes an account, verifies one, or gives it another address. */
@Injectable()
export class ConfirmationService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly flows: Flows,
    private readonly guesses: Guesses,
    private readonly users: Users,
    private readonly passwords: Passwords,
    private readonly letters: Letters,
  ) {}

  /**
   * @param password that of the registration, where its link is shown
   * @throws CodeInvalid, LinkInvalid, TooManyGuesses, EmailTaken, PasswordIncorrect, ValidationFailed
   */
  async confirm(proof: Proof, password: string | null): Promise<UserRow> {
    const flow = await this.flows.prove(PURPOSES, proof);
    if (flow.purpose === 'registration' && !('code' in proof)) await this.refuseHijack(flow, password);
    return this.db.transaction(async () => {
      const user = flow.purpose === 'registration' ? null : await unlessGone(this.users.lock(flow.userId!));
      await this.flows.use(flow, proof);
      return user ? this.prove(flow, user) : this.welcome(flow);
    });
  }

  /**
   * Anybody can ask for an account with the address of another, and a password of their own. The owner who follows the
   * link of such a mail does not know that password, and so cannot make the stranger's account.
   */
  private async refuseHijack(flow: Flow, password: string | null): Promise<void> {
    if (password === null)
      throw refusal([{ pointer: '/password', code: 'required', detail: 'is missing: the one of the registration' }]);
    await this.guesses.reserve(flow.emailKey, null);
    if (!(await this.passwords.fits(appliedIn(flow).passwordHash, password))) throw new PasswordIncorrect();
    await this.guesses.forgive(flow.emailKey);
  }

  private async welcome(flow: Flow): Promise<UserRow> {
    const { email, name, locale, passwordHash } = appliedIn(flow);
    const user = await this.users.create({ email, name, locale }, { passwordHash, emailVerified: true });
    this.events.record(
      RegistrationConfirmed,
      { flowId: flow.id, userId: user.id },
      { subject: `users/${user.id}`, version: 1, actorId: user.id },
    );
    return user;
  }

  private async prove({ purpose, emailKey, payload }: Flow, user: LockedUser): Promise<UserRow> {
    const before = { email: user.email, emailKey: user.emailKey, locale: user.locale };
    // Verified is what the flow was about, not what the account has by now.
    if (purpose === 'email_verification' && before.emailKey !== emailKey) throw new LinkInvalid();
    const email = purpose === 'email_change' ? (payload as { email: string }).email : user.email;
    await this.users.proveEmail(user, email);
    if (normalEmail(email) !== before.emailKey) await this.tellOldAddress(user.id, before);
    return this.users.get(user.id);
  }

  /** Whoever is locked out by this can undo it for a week, also when the change was none of theirs. */
  private async tellOldAddress(
    userId: string,
    before: { email: string; emailKey: string; locale: string },
  ): Promise<void> {
    await this.flows.supersedeAllOf(userId);
    const back = { emailKey: before.emailKey, userId, payload: { email: before.email }, isReal: true };
    await this.letters.begin('email_revert', back, { template: AddressChanging, page: 'revert-email' }, before);
  }
}
