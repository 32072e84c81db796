import { createHmac, timingSafeEqual } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Jobs, defineJob } from '../jobs/index.js';
import { Mail } from '../mail/index.js';
import { Passwords } from '../passwords/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Secrets } from '../platform/crypto/secrets.js';
import { newId, randomCode } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { Users, normalEmail } from '../users/index.js';
import type { UserRow } from '../users/index.js';
import { CodeInvalid, RegistrationConfirmed, RegistrationStarted } from './auth.contract.js';
import type { Registration } from './registration.entity.js';
import { AccountExists, ConfirmAddress } from './registration.mails.js';
import { RegistrationsRepository } from './registrations.repository.js';

const CODE_LIVES = 10 * 60_000;
const TRIES = 5;
const KEPT_FOR = 24 * 3_600_000;
const PruneRegistrations = defineJob('registrations.prune', { maxAttempts: 3 });

export interface Applicant {
  readonly email: string;
  readonly password: string;
  readonly name?: string;
  readonly locale?: string;
}

/** Accounts that people make themselves. Known and unknown addresses get the same answer after the same work. */
@Injectable()
export class RegistrationService {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly secrets: Secrets,
    private readonly registrations: RegistrationsRepository,
    private readonly users: Users,
    private readonly passwords: Passwords,
    private readonly mail: Mail,
    jobs: Jobs,
  ) {
    jobs.work(PruneRegistrations, () => registrations.deleteExpired(new Date(clock.millis() - KEPT_FOR)), {
      cron: '23 * * * *',
    });
  }

  /** @returns the flow that the mailed code belongs to @throws ValidationFailed by the policy of passwords */
  async register({
    email,
    password,
    name = email.slice(0, email.lastIndexOf('@')),
    locale = 'en',
  }: Applicant): Promise<string> {
    const passwordHash = await this.passwords.hashNew(password, { email, name }, '/password');
    const flowId = newId();
    const code = randomCode();
    const now = this.clock.now();
    await this.db.transaction(async () => {
      const known = (await this.users.findByIdentifier(email)) !== null;
      await this.registrations.insert({
        id: flowId,
        email: email.trim(),
        emailKey: normalEmail(email),
        name,
        locale,
        passwordHash,
        codeHash: known ? null : this.digest(flowId, code),
        triesLeft: TRIES,
        createdAt: now,
        expiresAt: new Date(now.getTime() + CODE_LIVES),
        usedAt: null,
      });
      await this.mail.send(known ? AccountExists : ConfirmAddress, email.trim(), { name, code });
      this.events.record(RegistrationStarted, { flowId });
    });
    return flowId;
  }

  /** Makes the user. A wrong code counts, and the fifth is the last. @throws CodeInvalid, EmailTaken */
  async confirm(flowId: string, code: string): Promise<UserRow> {
    const user = await this.db.transaction(async () => {
      const now = this.clock.now();
      const registration = await this.registrations.try(flowId, now);
      if (!registration?.codeHash || !timingSafeEqual(registration.codeHash, this.digest(flowId, code))) return null;
      await this.registrations.use(flowId, now);
      return this.welcome(registration);
    });
    // Thrown after the commit, so that the try is counted.
    if (!user)
      throw new CodeInvalid(undefined, [
        { pointer: '/code', code: 'code_invalid', detail: 'is not right, or no longer' },
      ]);
    return user;
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

  /** Six digits are guessed in no time from a plain hash; without the key they are not. */
  private digest(flowId: string, code: string): Buffer {
    return createHmac('sha256', this.secrets.key('registration-codes')).update(`${flowId}:${code}`).digest();
  }
}
