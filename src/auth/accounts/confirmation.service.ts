import { Injectable } from '@nestjs/common';

import { Events } from '../../events/index.js';
import { PasswordIncorrect } from '../../passwords/index.js';
import { Clock } from '../../platform/clock/clock.js';
import { Database } from '../../platform/database/database.js';
import { refusal } from '../../platform/http/validation.pipe.js';
import { Users, normalEmail, statusOf } from '../../users/index.js';
import type { UserRow } from '../../users/index.js';
import type { Flow, FlowPurpose } from '../flows/flow.entity.js';
import { LinkInvalid } from '../flows/flows.contract.js';
import { Flows } from '../flows/flows.service.js';
import type { Proof } from '../flows/flows.service.js';
import { PasswordGuesses } from '../guesses/password-guesses.service.js';
import { AddressChanging } from './account.mails.js';
import { EmailChangeRefused, RegistrationConfirmed, RegistrationRefused } from './accounts.contract.js';
import { Letters } from './letters.service.js';
import { appliedIn } from './registration.service.js';
import type { WantedAddress, WayBack } from './addresses.service.js';
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
    private readonly guesses: PasswordGuesses,
    private readonly users: Users,
    private readonly letters: Letters,
    private readonly clock: Clock,
  ) {}

  /**
   * @param password that of the registration or of the account, where a link is shown that gives it to the address
   * @throws CodeInvalid, LinkInvalid, TooManyGuesses, EmailTaken, PasswordIncorrect, ValidationFailed
   */
  async confirm(proof: Proof, password: string | null): Promise<UserRow> {
    const flow = await this.flows.prove(PURPOSES, proof);
    if (wantsPassword(flow, proof)) await this.refuseHijack(flow, password);
    return this.db.transaction(async () => {
      const user = flow.userId === null ? null : await unlessGone(this.users.lock(flow.userId));
      await this.flows.use(flow, proof);
      return user ? this.prove(flow, user) : this.welcome(flow);
    });
  }

  /**
   * Anybody can ask for an account with the address of another, and a password of their own; or give the address of
   * another to their account. Whoever follows the link of such a mail does not know that password, and so cannot make
   * the stranger's account theirs by a click.
   */
  private async refuseHijack(flow: Flow, password: string | null): Promise<void> {
    if (password === null)
      throw refusal([{ pointer: '/password', code: 'required', detail: 'is missing: the one of the account' }]);
    const { userId, emailKey } = flow;
    const right =
      userId === null
        ? await this.guesses.fits(emailKey, appliedIn(flow).passwordHash, password)
        : await this.guesses.prove({ name: null, userId }, password);
    if (!right) await this.refuse(flow);
  }

  private async refuse({ id: flowId, userId }: Flow): Promise<never> {
    await this.db.transaction(() => {
      if (userId === null) this.events.record(RegistrationRefused, { flowId });
      else this.events.record(EmailChangeRefused, { userId, flowId }, { subject: `users/${userId}` });
      return Promise.resolve();
    });
    throw new PasswordIncorrect();
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

  private async prove(flow: Flow, user: LockedUser): Promise<UserRow> {
    const before = { email: user.email, emailKey: user.emailKey, locale: user.locale };
    const change = flow.purpose === 'email_change' ? (flow.payload as WantedAddress) : null;
    // What the flow was about, not what the account has by now.
    if (before.emailKey !== (change?.from ?? flow.emailKey)) throw new LinkInvalid();
    if (statusOf(user, this.clock.now()) === 'suspended') throw new LinkInvalid();
    const email = change?.email ?? user.email;
    await this.users.proveEmail(user, email);
    if (normalEmail(email) !== before.emailKey) await this.tellOldAddress(user.id, before, change!.since);
    return this.users.get(user.id);
  }

  /** Whoever is locked out by this can undo it for a week, also when the change was none of theirs. */
  private async tellOldAddress(
    userId: string,
    before: { email: string; emailKey: string; locale: string },
    since: string,
  ): Promise<void> {
    await this.flows.supersedeAllOf(userId);
    const payload: WayBack = { email: before.email, since };
    const back = { emailKey: before.emailKey, userId, payload, isReal: true };
    await this.letters.begin('email_revert', back, { template: AddressChanging, page: 'revert-email' }, before);
  }
}

/** A code counts only with its flow, which whoever began it was told; a link, and a code mailed again, go to the address. */
function wantsPassword(flow: Flow, proof: Proof): boolean {
  if (flow.purpose === 'registration') return !('code' in proof) || appliedIn(flow).resent === true;
  return flow.purpose === 'email_change' && !('code' in proof);
}
