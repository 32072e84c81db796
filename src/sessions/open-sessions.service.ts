import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Database } from '../platform/database/database.js';
import { refuseStale } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import type { EndReason, Session } from './session.entity.js';
import { SessionNamed, SessionNotFound } from './sessions.contract.js';
import { SessionsRepository } from './sessions.repository.js';
import { Sessions } from './sessions.service.js';

/** A user's open sessions, as they are shown to people and ended by them. */
@Injectable()
export class OpenSessions {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly repository: SessionsRepository,
    private readonly sessions: Sessions,
  ) {}

  /** The newest first. */
  list(userId: string): Promise<Session[]> {
    return this.sessions.openOf(userId);
  }

  /** @throws SessionNotFound, PreconditionFailed */
  name(userId: string, id: string, name: string | null, expected: Versions): Promise<Session> {
    return this.db.transaction(async () => {
      const session = await this.lock(userId, id, expected);
      if (session.name === name) return session;
      const named = { ...session, name, version: session.version + 1 };
      await this.repository.name(id, name, named.version);
      this.events.record(
        SessionNamed,
        { sessionId: id, userId },
        { subject: `sessions/${id}`, before: { name: session.name }, after: { name } },
      );
      return named;
    });
  }

  /** @throws SessionNotFound, PreconditionFailed */
  async end(userId: string, id: string, expected: Versions, reason: EndReason): Promise<void> {
    await this.db.transaction(async () => {
      await this.lock(userId, id, expected);
      await this.sessions.end(id, reason);
    });
  }

  /** Every session of the user but this one. */
  async endOthers(userId: string, sessionId: string | null): Promise<void> {
    await this.db.transaction(() => this.sessions.endAllOf(userId, 'ended_elsewhere', sessionId));
  }

  private async lock(userId: string, id: string, expected: Versions): Promise<Session> {
    await this.repository.lock(id);
    const session = await this.sessions.findOpen(id);
    // Somebody else's is none.
    if (session?.userId !== userId) throw new SessionNotFound();
    refuseStale(session, expected);
    return session;
  }
}
