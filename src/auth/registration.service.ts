import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Mail } from '../mail/index.js';
import { Passwords } from '../passwords/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Secrets } from '../platform/crypto/secrets.js';
import { newId, randomCode } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { Users, normalEmail } from '../users/index.js';
import { RegistrationStarted } from './auth.contract.js';
import { digestOf } from './registration-code.js';
import { AccountExists, ConfirmAddress } from './registration.mails.js';
import { RegistrationsRepository } from './registrations.repository.js';

const CODE_LIVES = 10 * 60_000;
const TRIES = 5;

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
  ) {}

  /** @returns the flow that the mailed code belongs to @throws ValidationFailed by the policy of passwords */
  async register({ password, locale = 'en', ...applicant }: Applicant): Promise<string> {
    const email = applicant.email.trim();
    const name = applicant.name ?? email.slice(0, email.lastIndexOf('@'));
    const passwordHash = await this.passwords.hashNew(password, { email, name }, '/password');
    const id = newId();
    const code = randomCode();
    const codeHash = digestOf(this.secrets, id, code);
    const now = this.clock.now();
    const expiresAt = new Date(now.getTime() + CODE_LIVES);
    const asked = { id, email, emailKey: normalEmail(email), name, locale, passwordHash, createdAt: now, expiresAt };
    await this.db.transaction(async () => {
      const known = await this.users.findByIdentifier(email);
      await this.registrations.insert({
        ...asked,
        codeHash: known ? null : codeHash,
        triesLeft: TRIES,
        usedAt: null,
      });
      // To the address that the account has, not to one that merely compares as equal (CVE-2019-19844).
      if (known) await this.mail.send(AccountExists, known, { code });
      else await this.mail.send(ConfirmAddress, { email, locale }, { code });
      this.events.record(RegistrationStarted, { flowId: id });
    });
    return id;
  }
}
