import { timingSafeEqual } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Secrets } from '../platform/crypto/secrets.js';
import { Database } from '../platform/database/database.js';
import { Users } from '../users/index.js';
import type { UserRow } from '../users/index.js';
import { CodeRefused, CodeInvalid, RegistrationConfirmed } from './auth.contract.js';
import { digestOf } from './registration-code.js';
import type { Registration } from './registration.entity.js';
import { RegistrationsRepository } from './registrations.repository.js';

const KEPT_FOR = 24 * 3_600_000;
const PruneRegistrations = defineJob('registrations.prune', { maxAttempts: 3 });

/** The second half of a registration: the mailed code makes the account. */
@Injectable()
export class ConfirmationService {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly secrets: Secrets,
    private readonly registrations: RegistrationsRepository,
    private readonly users: Users,
    jobs: Jobs,
  ) {
    jobs.work(PruneRegistrations, () => registrations.deleteExpired(new Date(clock.millis() - KEPT_FOR)), {
      cron: '23 * * * *',
    });
  }

  /** Makes the user. A wrong code counts, and the fifth is the last. @throws CodeInvalid, EmailTaken */
  async confirm(flowId: string, code: string): Promise<UserRow> {
    const user = await this.db.transaction(async () => {
      const now = this.clock.now();
      const registration = await this.registrations.try(flowId, now);
      if (!registration || !this.fits(registration, code)) {
        this.events.record(CodeRefused, { flowId });
        return null;
      }
      await this.registrations.use(registration.id, now);
      return this.welcome(registration);
    });
    // Thrown after the commit, so that the try is counted.
    if (!user)
      throw new CodeInvalid(undefined, [
        { pointer: '/code', code: 'code_invalid', detail: 'is not right, or no longer' },
      ]);
    return user;
  }

  private fits({ id, codeHash }: Registration, code: string): boolean {
    return codeHash !== null && timingSafeEqual(codeHash, digestOf(this.secrets, id, code));
  }

  private async welcome({ id, email, name, locale, passwordHash }: Registration): Promise<UserRow> {
    const user = await this.users.create({ email, name, locale }, { passwordHash, emailVerified: true });
    this.events.record(
      RegistrationConfirmed,
      { flowId: id, userId: user.id },
      { subject: `users/${user.id}`, version: 1, actorId: user.id },
    );
    return user;
  }
}
