import { Injectable } from '@nestjs/common';

import { Database, lookup, statement } from '../platform/database/database.js';
import { RefreshToken } from './refresh-token.entity.js';
import type { EndReason } from './session.entity.js';
import { Session } from './session.entity.js';

const SELECT = `SELECT id, user_id AS "userId", actor_id AS "actorId", amr, authenticated_at AS "authenticatedAt", expires_at AS "expiresAt",
    ended_at AS "endedAt", ended_because AS "endedBecause", name, last_seen_at AS "lastSeenAt", ip, user_agent AS "userAgent", version
  FROM roster.sessions`;
const FIND = lookup('sessions_find', `${SELECT} WHERE id = $1`);
/** Of the user $1, at the moment $2; nobody has refreshed the others since $3. */
const OPEN = 'user_id = $1 AND ended_at IS NULL AND expires_at > $2 AND last_seen_at > $3';

export type EndedSession = Pick<Session, 'id' | 'userId'>;

interface Familiarity {
  readonly any: boolean;
  readonly userAgents: readonly (string | null)[];
}

/** Where a session was seen, and in whose hands. */
export type SeenSession = Pick<Session, 'id' | 'ip' | 'userAgent'>;

const FIND_TOKEN = statement(
  'refresh_tokens_find',
  `SELECT hash, session_id AS "sessionId", created_at AS "createdAt", expires_at AS "expiresAt", used_at AS "usedAt", successor
   FROM roster.refresh_tokens WHERE hash = $1`,
);
// Both in one statement, so that a refresh takes no more round trips than before its session was seen.
const USE_TOKEN = statement(
  'refresh_tokens_use',
  `WITH used AS (
     UPDATE roster.refresh_tokens SET used_at = $2, successor = $3 WHERE hash = $1 AND used_at IS NULL RETURNING session_id
   )
   UPDATE roster.sessions SET last_seen_at = $2, ip = $5, user_agent = $6 WHERE id = $4 AND EXISTS (SELECT FROM used)`,
);
const END_BEYOND = statement(
  'sessions_end_beyond',
  `UPDATE roster.sessions SET ended_at = $2, ended_because = $5 WHERE id IN
     (SELECT id FROM roster.sessions WHERE ${OPEN} AND actor_id IS NULL ORDER BY last_seen_at DESC, id DESC OFFSET $4)
   RETURNING id, user_id AS "userId"`,
);
const WAS_SEEN_FROM = statement(
  'sessions_seen_from',
  `SELECT 1 FROM roster.sessions WHERE user_id = $1 AND last_seen_at > $3 AND actor_id IS NULL AND ip <<= $2::inet LIMIT 1`,
);
const FAMILIARITY = statement(
  'sessions_familiarity',
  `SELECT EXISTS (SELECT 1 FROM roster.sessions WHERE user_id = $1 AND actor_id IS NULL) AS any,
     ARRAY(SELECT DISTINCT user_agent FROM roster.sessions WHERE user_id = $1 AND actor_id IS NULL
       AND coalesce(ip <<= $2::inet, ip IS NULL AND $2::inet IS NULL)) AS "userAgents"`,
);
const END = `UPDATE roster.sessions SET ended_at = $2, ended_because = $3`;

@Injectable()
export class SessionsRepository {
  constructor(private readonly db: Database) {}

  find(id: string): Promise<Session | null> {
    return this.db.row(FIND, [id]);
  }

  /** @param network an address, or a network (CIDR) */
  async wasSeenFrom(userId: string, network: string, since: Date): Promise<boolean> {
    return (await this.db.row(WAS_SEEN_FROM, [userId, network, since])) !== null;
  }

  /** Whether they ever signed in, and by what from this network. */
  async familiarity(userId: string, network: string | null): Promise<Familiarity> {
    return (await this.db.row<Familiarity>(FAMILIARITY, [userId, network]))!;
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

  /** Also those in which the user acts for others. @returns those that were open */
  endAllOf(userId: string, at: Date, reason: EndReason, except: string | null): Promise<EndedSession[]> {
    return this.db.rows(
      `${END} WHERE (user_id = $1 OR actor_id = $1) AND ended_at IS NULL AND id IS DISTINCT FROM $4
       RETURNING id, user_id AS "userId"`,
      [userId, at, reason, except],
    );
  }

  /** Those that have not ended, were not left alone since `idleSince`, and are not over; the newest first. */
  openOf(userId: string, now: Date, idleSince: Date): Promise<Session[]> {
    return this.db.rows(`${SELECT} WHERE ${OPEN} ORDER BY id DESC`, [userId, now, idleSince]);
  }

  /** Ends the longest unseen of their own, so that `most` are left. @returns those that were ended */
  endBeyond(userId: string, most: number, now: Date, idleSince: Date, reason: EndReason): Promise<EndedSession[]> {
    return this.db.rows(END_BEYOND, [userId, now, idleSince, most, reason]);
  }

  /** Nobody else can change the session until the transaction ends. */
  async lock(id: string): Promise<void> {
    await this.db.row('SELECT 1 FROM roster.sessions WHERE id = $1 FOR UPDATE', [id]);
  }

  async name(id: string, name: string | null, version: number): Promise<void> {
    await this.db.change('UPDATE roster.sessions SET name = $2, version = $3 WHERE id = $1', [id, name, version]);
  }

  findToken(hash: Buffer): Promise<RefreshToken | null> {
    return this.db.row(FIND_TOKEN, [hash]);
  }

  async insertToken(token: RefreshToken): Promise<void> {
    await this.db.repository(RefreshToken).insert(token);
  }

  /** The session is seen with it. @returns false when it was used already */
  async useToken(hash: Buffer, at: Date, successor: Buffer, seen: SeenSession): Promise<boolean> {
    const used = await this.db.change(USE_TOKEN, [hash, at, successor, seen.id, seen.ip, seen.userAgent]);
    return used === 1;
  }

  /** One month that is over and in which nothing is left; with the owner's rights (SECURITY DEFINER). @returns whether there was one */
  async dropEmptyMonth(before: Date): Promise<boolean> {
    const text = 'SELECT roster.drop_empty_sessions($1) AS dropped';
    return (await this.db.row<{ dropped: number }>(text, [before]))!.dropped > 0;
  }

  wipeSuccessors(usedBefore: Date): Promise<number> {
    return this.db.changeAll(
      `UPDATE roster.refresh_tokens SET successor = NULL WHERE hash IN (SELECT hash FROM roster.refresh_tokens
        WHERE successor IS NOT NULL AND used_at < $1 ORDER BY used_at LIMIT $2)`,
      [usedBefore],
    );
  }

  /** @returns how many there were of sessions that are over at that moment */
  deleteTokensOfThoseOver(at: Date): Promise<number> {
    return this.db.changeAll(
      `DELETE FROM roster.refresh_tokens WHERE hash IN (SELECT t.hash FROM roster.refresh_tokens t
        JOIN roster.sessions s ON s.id = t.session_id WHERE s.ended_at IS NOT NULL OR s.expires_at <= $1 LIMIT $2)`,
      [at],
    );
  }

  /** Those that were over before. By the moment in their id first, which none can have ended before. */
  deleteThoseOver(before: Date): Promise<number> {
    return this.db.changeAll(
      `DELETE FROM roster.sessions WHERE id IN (SELECT id FROM roster.sessions
        WHERE id < roster.uuid_at($1) AND least(ended_at, expires_at) < $1 ORDER BY id LIMIT $2)`,
      [before],
    );
  }
}
