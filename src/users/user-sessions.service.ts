import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Database } from '../platform/database/database.js';
import type { Versions } from '../platform/http/parameters.js';
import type { Principal } from '../platform/http/principal.js';
import { OpenSessions, Sessions } from '../sessions/index.js';
import { UserSignedOut } from './users.contract.js';
import { Users } from './users.service.js';

/** What administrators see and end of the sessions of others. */
@Injectable()
export class UserSessions {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly users: Users,
    private readonly sessions: Sessions,
    private readonly open: OpenSessions,
  ) {}

  /** The newest first. @throws UserNotFound */
  async list(id: string): ReturnType<OpenSessions['list']> {
    await this.users.get(id);
    return this.open.list(id);
  }

  /** @throws SessionNotFound, and what `Users.lockFor` throws */
  async end(id: string, sessionId: string, expected: Versions, actor: Principal): Promise<void> {
    await this.db.transaction(async () => {
      await this.users.lockFor(actor, id, null);
      await this.open.end(id, sessionId, expected, 'ended_by_administrator');
    });
  }

  /** Signs somebody out everywhere; their keys go on. @throws what `Users.lockFor` throws */
  async endAll(id: string, reason: string, actor: Principal): Promise<void> {
    await this.db.transaction(async () => {
      const { version } = await this.users.lockFor(actor, id, null);
      await this.sessions.endAllOf(id, 'ended_by_administrator', null, reason);
      this.events.record(UserSignedOut, { userId: id }, { subject: `users/${id}`, version, reason });
    });
  }
}
