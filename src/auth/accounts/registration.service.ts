import { Injectable } from '@nestjs/common';

import { Events } from '../../events/index.js';
import { Passwords } from '../../passwords/index.js';
import { Config } from '../../platform/config/config.js';
import { Database } from '../../platform/database/database.js';
import { refusal } from '../../platform/http/validation.pipe.js';
import { Users, normalEmail } from '../../users/index.js';
import type { Flow } from '../flows/flow.entity.js';
import { AccountExists, ConfirmAddress } from './account.mails.js';
import { RegistrationClosed, RegistrationStarted } from './accounts.contract.js';
import { Letters } from './letters.service.js';

export interface Applicant {
  readonly email: string;
  readonly password: string;
  readonly name?: string;
  readonly locale?: string;
}

/** What a registration knows of its applicant: a user only once the address is confirmed, so that nobody squats on it. */
export interface Applied {
  readonly email: string;
  readonly name: string;
  readonly locale: string;
  readonly passwordHash: string;
  /** Its code was asked for by the address alone. */
  readonly resent?: boolean;
}

export function appliedIn({ payload }: Flow): Applied {
  return payload as Applied;
}

/** Accounts that people make themselves. Known and unknown addresses get the same answer after the same work. */
@Injectable()
export class RegistrationService {
  constructor(
    private readonly db: Database,
    private readonly config: Config,
    private readonly events: Events,
    private readonly users: Users,
    private readonly passwords: Passwords,
    private readonly letters: Letters,
  ) {}

  /** @returns the flow that the mailed code belongs to @throws RegistrationClosed, and ValidationFailed by the policy */
  async register({ password, locale = 'en', ...applicant }: Applicant): Promise<string> {
    const email = applicant.email.trim();
    this.refuseStrangers(email);
    const name = applicant.name ?? email.slice(0, email.lastIndexOf('@'));
    const passwordHash = await this.passwords.hashNew(password, { email, name }, '/password');
    return this.db.transaction(() => this.begin({ email, name, locale, passwordHash }));
  }

  /** Once more, for whoever lost the mail; part of the caller's transaction. */
  async begin(applied: Applied): Promise<string> {
    const known = await this.users.findByIdentifier(applied.email);
    const flow = { emailKey: normalEmail(applied.email), userId: null, payload: applied, isReal: !known };
    // To the address that the account has, not to one that merely compares as equal (CVE-2019-19844).
    const template = known ? AccountExists : ConfirmAddress;
    const flowId = await this.letters.begin('registration', flow, { template, page: 'verify-email' }, known ?? applied);
    this.events.record(RegistrationStarted, { flowId });
    return flowId;
  }

  private refuseStrangers(email: string): void {
    const { REGISTRATION, REGISTRATION_DOMAINS } = this.config.values;
    if (REGISTRATION !== 'open') throw new RegistrationClosed();
    const key = normalEmail(email);
    if (REGISTRATION_DOMAINS.length === 0 || REGISTRATION_DOMAINS.includes(key.slice(key.lastIndexOf('@') + 1))) return;
    throw refusal([{ pointer: '/email', code: 'domain_not_allowed', detail: 'is of a domain that cannot register' }]);
  }
}
