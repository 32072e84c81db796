import { Injectable } from '@nestjs/common';

import { Access } from '../access/index.js';
import { Passwords } from '../passwords/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Problem } from '../platform/contract/problem.js';
import { Config } from '../platform/config/config.js';
import { OperatorFault } from '../platform/config/operator-fault.js';
import { randomToken } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { Users, normalEmail, statusOf } from '../users/index.js';
import { SessionTokens } from './session-tokens.service.js';

const DEFAULT_EMAIL = 'admin@localhost';

export interface FirstAdministrator {
  readonly email: string;
  /** For one use; null when the operator chose the password. */
  readonly oneTimePassword: string | null;
}

/** What whoever sits at the server may do: make the first administrator, let one in again, get a token. */
@Injectable()
export class Administrators {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly access: Access,
    private readonly users: Users,
    private readonly passwords: Passwords,
    private readonly tokens: SessionTokens,
  ) {}

  /** Makes the first administrator; null when there is one already. Of two processes that start at once, one does. */
  async ensureFirst(): Promise<FirstAdministrator | null> {
    if ((await this.holders()).length > 0) return null;
    const { ADMIN_PASSWORD } = this.config.values;
    const email = this.usualEmail();
    const oneTimePassword = ADMIN_PASSWORD ? null : randomToken();
    const passwordHash = await this.hash(ADMIN_PASSWORD || oneTimePassword!, { email });
    const made = await this.db.transaction(async () => {
      if ((await this.access.lockHolders('admin')).length > 0) return false;
      await this.insert(email, passwordHash, oneTimePassword !== null);
      return true;
    });
    return made ? { email, oneTimePassword } : null;
  }

  /** One more administrator. @param email ADMIN_EMAIL if null @throws EmailTaken */
  async create(email: string | null): Promise<FirstAdministrator> {
    const address = email ?? this.usualEmail();
    const oneTimePassword = randomToken();
    await this.insert(address, await this.hash(oneTimePassword, {}), true);
    return { email: address, oneTimePassword };
  }

  /** A new one-time password for an administrator, who is signed out everywhere. @param email of which one; else the first */
  async reset(email: string | null): Promise<FirstAdministrator> {
    const user = await this.find(email);
    const oneTimePassword = randomToken();
    const hash = await this.hash(oneTimePassword, {});
    await this.db.transaction(async () => {
      await this.users.lock(user.id);
      await this.passwords.replace(user.id, hash, null, true);
    });
    return { email: user.email, oneTimePassword };
  }

  /** An access token of ten minutes for an administrator, for whoever sits at the server. */
  async token(email: string | null): Promise<string> {
    const user = await this.find(email);
    const started = await this.tokens.start(user.id, ['cli']);
    return (await this.tokens.give(started, user)).accessToken;
  }

  private async find(email: string | null) {
    for (const id of await this.holders()) {
      const user = await this.users.get(id);
      // A deleted administrator may have left the address to another one.
      if (user.deletedAt) continue;
      if (
        email === null ? statusOf(user, this.clock.now()) === 'active' : normalEmail(user.email) === normalEmail(email)
      )
        return user;
    }
    throw new OperatorFault(email === null ? 'There is no active administrator.' : `${email} is not an administrator.`);
  }

  private usualEmail(): string {
    return this.config.values.ADMIN_EMAIL || DEFAULT_EMAIL;
  }

  private async insert(email: string, passwordHash: string, passwordChangeRequired: boolean): Promise<void> {
    const emailVerified = email !== DEFAULT_EMAIL;
    const origin = { passwordHash, emailVerified, roles: ['admin', 'user'], passwordChangeRequired };
    await this.users.create({ email, name: 'Administrator' }, origin);
  }

  private async hash(password: string, context: { email?: string }): Promise<string> {
    try {
      return await this.passwords.hashNew(password, context, '/ADMIN_PASSWORD');
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      throw new OperatorFault(`ADMIN_PASSWORD cannot be used. ${error.faults?.[0]?.detail ?? error.message}`);
    }
  }

  private holders(): Promise<string[]> {
    return this.db.transaction(() => this.access.lockHolders('admin'));
  }
}
