import { Injectable } from '@nestjs/common';

import { Access } from '../access/index.js';
import { Events } from '../events/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Database } from '../platform/database/database.js';
import type { Principal } from '../platform/http/principal.js';
import { PermissionDenied } from '../platform/http/problems.js';
import { Sessions } from '../sessions/index.js';
import { Users, statusOf } from '../users/index.js';
import { AccessTokens } from './access-tokens.js';
import type { AccessToken } from './access-tokens.js';
import { AccountSuspended, ImpersonationStarted } from './auth.contract.js';

const MINUTE = 60_000;

/** Acting for somebody else: for a while, for a reason, with no more rights than one's own, and always on record. */
@Injectable()
export class Impersonation {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly users: Users,
    private readonly access: Access,
    private readonly sessions: Sessions,
    private readonly tokens: AccessTokens,
  ) {}

  /**
   * An access token that says who acts (`act`, RFC 8693); it cannot be refreshed, nor step up.
   * @throws UserNotFound, PrivilegeCeiling, AccountSuspended, PermissionDenied
   */
  async start(
    id: string,
    { reason, minutes }: { reason: string; minutes: number },
    actor: Principal,
  ): Promise<AccessToken> {
    // Nobody acts for another through a third, by a key, or as themselves.
    if (actor.actorId !== null || actor.sessionId === null || actor.userId === id) throw new PermissionDenied();
    const session = await this.db.transaction(async () => {
      const user = await this.users.lock(id);
      await this.access.refuseOver(actor, id);
      if (statusOf(user, this.clock.now()) !== 'active') throw new AccountSuspended('This account cannot be used');
      const started = await this.sessions.startFor(id, actor.userId, minutes * MINUTE);
      this.events.record(
        ImpersonationStarted,
        { userId: id, actorId: actor.userId, sessionId: started.id, until: started.expiresAt },
        { subject: `users/${id}`, reason, actorId: actor.userId },
      );
      return started;
    });
    const { id: sessionId, authenticatedAt, expiresAt: sessionExpiresAt, amr } = session;
    return this.tokens.sign({ userId: id, sessionId, authenticatedAt, sessionExpiresAt, amr, actorId: actor.userId });
  }
}
