import { Injectable } from '@nestjs/common';

import { Mfa } from '../mfa/index.js';
import type { MfaStatus } from '../mfa/index.js';
import { Database } from '../platform/database/database.js';
import type { Principal } from '../platform/http/principal.js';
import { Sessions } from '../sessions/index.js';
import { Users } from '../users/index.js';
import { PasswordResets } from './accounts/password-resets.service.js';
import { Guesses } from './guesses/guesses.service.js';

/** What administrators do about the credentials of others. */
@Injectable()
export class Administration {
  constructor(
    private readonly db: Database,
    private readonly users: Users,
    private readonly mfa: Mfa,
    private readonly sessions: Sessions,
    private readonly guesses: Guesses,
    private readonly resets: PasswordResets,
  ) {}

  /** @throws UserNotFound */
  async factorsOf(id: string): Promise<MfaStatus> {
    await this.users.get(id);
    return this.mfa.statusOf(id);
  }

  /** Whoever took the factors may hold a session too: all end. @throws UserNotFound, PrivilegeCeiling */
  async resetFactors(id: string, reason: string, actor: Principal): Promise<void> {
    await this.db.transaction(async () => {
      await this.users.lockFor(actor, id, null);
      await this.mfa.resetAll(id, reason);
      await this.sessions.endAllOf(id, 'factors_reset');
    });
  }

  /** @throws UserNotFound, PrivilegeCeiling */
  async sendReset(id: string, reason: string, actor: Principal): Promise<void> {
    await this.resets.send(id, reason, actor);
  }

  /** @throws UserNotFound, PrivilegeCeiling */
  async unlock(id: string, actor: Principal): Promise<void> {
    await this.db.transaction(async () => {
      await this.users.lockFor(actor, id, null);
      await this.guesses.unlock(id);
    });
  }
}
