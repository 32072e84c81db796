import { Injectable } from '@nestjs/common';

import { Events } from '../../events/index.js';
import { Clock } from '../../platform/clock/clock.js';
import { Database } from '../../platform/database/database.js';
import { Users, normalEmail, statusOf } from '../../users/index.js';
import { Flows } from '../flows/flows.service.js';
import { ConfirmAddress } from './account.mails.js';
import { EmailVerificationStarted } from './accounts.contract.js';
import { Letters } from './letters.service.js';
import { RegistrationService, appliedIn } from './registration.service.js';

/** The mail to confirm an address, once more. */
@Injectable()
export class Verifications {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly flows: Flows,
    private readonly users: Users,
    private readonly letters: Letters,
    private readonly registrations: RegistrationService,
  ) {}

  /** For a registration or an account that waits for one; for others the same answer after the same work. */
  async resend(email: string): Promise<string> {
    const emailKey = normalEmail(email);
    const registration = await this.flows.findLive('registration', emailKey);
    return this.db.transaction(async () => {
      // Whoever asks need not be whoever applied: they get the proof of the address, and not the account with it.
      if (registration) return this.registrations.begin({ ...appliedIn(registration), resent: true });
      const user = await this.users.findByIdentifier(email);
      const waits = user?.emailVerifiedAt === null && statusOf(user, this.clock.now()) === 'active' ? user : null;
      const flow = { emailKey, userId: waits?.id ?? null, isReal: waits !== null };
      const letter = { template: ConfirmAddress, page: 'verify-email' as const };
      const flowId = await this.letters.begin('email_verification', flow, letter, waits);
      const about = waits ? { subject: `users/${waits.id}` } : {};
      this.events.record(EmailVerificationStarted, { userId: waits?.id ?? null, flowId }, about);
      return flowId;
    });
  }
}
