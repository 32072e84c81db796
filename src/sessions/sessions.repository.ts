import { Injectable } from '@nestjs/common';

import { Database, lookup, statement } from '../platform/database/database.js';
import { RefreshToken } from './refresh-token.entity.js';
import type { EndReason } from './session.entity.js';
import { Session } from './session.entity.js';

const FIND = lookup(
  'sessions_find',
  `SELECT id, user_id AS "userId", actor_id AS "actorId", amr, authenticated_at AS "authenticatedAt", expires_at AS "expiresAt", ended_at AS "endedAt",
     ended_because AS "endedBecause", ip, user_agent AS "userAgent"
   FROM roster.sessions WHERE id = $1`,
);
const FIND_TOKEN = statement(
  'refresh_tokens_find',
  `SELECT hash, session_id AS "sessionId", created_at AS "createdAt", expires_at AS "expiresAt", used_at AS "usedAt", successor
   FROM roster.refresh_tokens WHERE hash = $1`,
);
const USE_TOKEN = statement(
  'refresh_tokens_use',
  'UPDATE roster.refresh_tokens SET used_at = $2, successor = $3 WHERE hash = $1 AND used_at IS NULL',
);
const IS_OPEN_FROM = statement(
  'sessions_open_from',
  `SELECT 1 FROM roster.sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $3 AND actor_id IS NULL AND ip <<= $2::inet LIMIT 1`,
);
const FAMILIARITY = statement(
  'sessions_familiarity',
  `SELECT EXISTS (SELECT 1 FROM roster.sessions WHERE user_id = $1 AND actor_id IS NULL) AS any,
     EXISTS (SELECT 1 FROM roster.sessions WHERE user_id = $1 AND actor_id IS NULL AND user_agent IS NOT DISTINCT FROM $2) AS same`,
);
const END = `UPDATE roster.sessions SET ended_at = $2, ended_because = $3`;

@Injectable()
export class SessionsRepository {
  constructor(private readonly db: Database) {}

  find(id: string): Promise<Session | null> {
    return this.db.row(FIND, [id]);
  }

  /** @param network an address, or a network (CIDR) */
  async isOpenFrom(userId: string, network: string, now: Date): Promise<boolean> {
    return (await this.db.row(IS_OPEN_FROM, [userId, network, now])) !== null;
  }

  /** Whether they ever signed in, and by such a browser. */
  async familiarity(userId: string, userAgent: string | null): Promise<{ any: boolean; same: boolean }> {
    return (await this.db.row<{ any: boolean; same: boolean }>(FAMILIARITY, [userId, userAgent]))!;
  }

  async insert(session: Session): Promise<void> {
    await this.db.repository(Session).insert(session);
  }

  /** @returns the user of the session, or null when it was over already */
  async end(id: string, at: Date, reason: EndReason): Promise<string | null> {
    const row = await this.db.row<{ user_id: string }>(`${END} WHERE id = $1 AND ended_at IS NULL RETURNING user_id`, [
      id,
      at,
      reason,
    ]);
    return row?.user_id ?? null;
  }

  /** @returns the ids of those that were open */
  async endAllOf(userId: string, at: Date, reason: EndReason, except: string | null): Promise<string[]> {
    const rows = await this.db.rows<{ id: string }>(
      `${END} WHERE user_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $4 RETURNING id`,
      [userId, at, reason, except],
    );
    return rows.map((row) => row.id);
  }

  findToken(hash: Buffer): Promise<RefreshToken | null> {
    return this.db.row(FIND_TOKEN, [hash]);
  }

  async insertToken(token: RefreshToken): Promise<void> {
    await this.db.repository(RefreshToken).insert(token);
  }

  /** @returns false when it was used already */
  async useToken(hash: Buffer, at: Date, successor: Buffer): Promise<boolean> {
    const used = await this.db.change(USE_TOKEN, [hash, at, successor]);
    return used === 1;
  }

  wipeSuccessors(usedBefore: Date): Promise<number> {
    return this.db.changeAll(
      `UPDATE roster.refresh_tokens SET successor = NULL WHERE hash IN (SELECT hash FROM roster.refresh_tokens
        WHERE successor IS NOT NULL AND used_at < $1 ORDER BY used_at LIMIT $2)`,
      [usedBefore],
    );
  }
}
