import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Revocations } from '../platform/cache/revocations.js';
import { Config } from '../platform/config/config.js';
import { keyFromToken, openWith, sealWith } from '../platform/crypto/secrets.js';
import { hashToken, newId, randomToken } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { currentRequest } from '../platform/logging/request-context.js';
import { deviceOf, neighbourhoodOf } from './device.js';
import type { RefreshToken } from './refresh-token.entity.js';
import type { EndReason, Session } from './session.entity.js';
import { RefreshTokenInvalid, RefreshTokenReused, SessionEnded, SessionStarted } from './sessions.contract.js';
import { SessionsRepository } from './sessions.repository.js';
import type { EndedSession } from './sessions.repository.js';

/** For so long a used refresh token still gives its successor: two tabs, or a lost answer. Milliseconds. */
const REFRESH_GRACE = 30_000;

/** Wiped a little later, for the clocks of two processes may differ. Milliseconds. */
const WIPE_AFTER = 2 * REFRESH_GRACE;

const WipeSuccessors = defineJob('sessions.wipe_successors', { maxAttempts: 3 });
const PruneRevocations = defineJob('revocations.prune', { maxAttempts: 3 });

export interface Started {
  readonly session: Session;
  readonly refreshToken: string;
}

type AllEnded = (userId: string) => Promise<void>;

@Injectable()
export class Sessions {
  private readonly hooks: AllEnded[] = [];

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly events: Events,
    private readonly sessions: SessionsRepository,
    private readonly revocations: Revocations,
    jobs: Jobs,
  ) {
    jobs.work(WipeSuccessors, () => this.wipeSuccessors(), { cron: '* * * * *' });
    jobs.work(PruneRevocations, () => revocations.prune(), { cron: '7 4 * * *' });
  }

  /** The session if it goes on, else null. */
  async findOpen(id: string): Promise<Session | null> {
    const session = await this.sessions.find(id);
    return session && this.isOpen(session) && session.lastSeenAt > this.idleSince() ? session : null;
  }

  /** The open sessions of a user, the newest first. */
  openOf(userId: string): Promise<Session[]> {
    return this.sessions.openOf(userId, this.clock.now(), this.idleSince());
  }

  /**
   * Starts a session, as part of the caller's transaction, in which the user is locked. If they have as many as one may
   * have, the one that was not seen for longest ends.
   */
  async start(userId: string, amr: string[]): Promise<Started> {
    await this.makeRoom(userId);
    const session = await this.insert(userId, null, amr, this.config.values.SESSION_LIFETIME);
    const refreshToken = randomToken();
    await this.keepToken(refreshToken, session, session.authenticatedAt);
    return { session, refreshToken };
  }

  /** A session in which somebody acts for the user; it cannot be refreshed. Part of the caller's transaction. @param lives milliseconds */
  startFor(userId: string, actorId: string, lives: number): Promise<Session> {
    return this.insert(userId, actorId, ['imp'], lives);
  }

  /** Whether the user was signed in from there. @param network an address, or a network (CIDR) */
  wasSeenFrom(userId: string, network: string, since: Date): Promise<boolean> {
    return this.sessions.wasSeenFrom(userId, network, since);
  }

  /** Whether they signed in by such a device from thereabouts before: `first` where there was no sign-in at all. */
  async familiarity(userId: string, seen: Pick<Session, 'ip' | 'userAgent'>): Promise<'first' | 'known' | 'strange'> {
    const { any, userAgents } = await this.sessions.familiarity(userId, seen.ip && neighbourhoodOf(seen.ip));
    const device = deviceOf(seen.userAgent) ?? seen.userAgent;
    if (userAgents.some((userAgent) => (deviceOf(userAgent) ?? userAgent) === device)) return 'known';
    return any ? 'strange' : 'first';
  }

  /**
   * Exchanges a refresh token for its successor (RFC 9700, 4.14). Whoever comes with the same token within the grace
   * gets the same successor; whoever comes later is taken for a thief, and the session ends.
   * @throws RefreshTokenInvalid
   */
  async refresh(token: string): Promise<Started> {
    const { parent, session } = await this.lookUp(token);
    if (parent.usedAt) return this.giveAgain(parent, token, session);
    const refreshToken = await this.succeed(parent, token, session);
    if (refreshToken !== null) return { session, refreshToken };
    // Another tab was faster.
    return this.giveAgain((await this.lookUp(token)).parent, token, session);
  }

  /** How long it goes on if nobody refreshes it from now on. Seconds. */
  idlesFor(session: Session): number {
    const now = this.clock.now();
    return Math.max(0, Math.floor((this.idleAt(session, now).getTime() - now.getTime()) / 1000));
  }

  /** @returns false when it was over already */
  async end(sessionId: string, reason: EndReason): Promise<boolean> {
    return this.db.transaction(async () => {
      const userId = await this.sessions.end(sessionId, this.clock.now(), reason);
      if (userId === null) return false;
      this.events.record(SessionEnded, { sessionId, userId, reason }, { subject: `sessions/${sessionId}` });
      await this.revocations.revoke('session', [sessionId]);
      return true;
    });
  }

  /** Called in the transaction that ends all sessions of a user: what they had begun elsewhere has to end too. */
  onAllEnded(hook: AllEnded): void {
    this.hooks.push(hook);
  }

  /**
   * Ends every open session of a user but `except`, and those in which they act for others; part of the caller's
   * transaction.
   * @param why in the words of whoever did it, where they were asked
   */
  async endAllOf(userId: string, reason: EndReason, except: string | null = null, why?: string): Promise<void> {
    const ended = await this.sessions.endAllOf(userId, this.clock.now(), reason, except);
    await this.tellEnded(ended, reason, why);
    for (const hook of this.hooks) await hook(userId);
  }

  /** After the grace nobody needs them. @returns how many */
  wipeSuccessors(): Promise<number> {
    return this.sessions.wipeSuccessors(new Date(this.clock.millis() - WIPE_AFTER));
  }

  private async insert(userId: string, actorId: string | null, amr: string[], lives: number): Promise<Session> {
    const request = currentRequest();
    const now = this.clock.now();
    const session: Session = {
      id: newId(),
      userId,
      actorId,
      amr,
      authenticatedAt: now,
      expiresAt: new Date(now.getTime() + lives),
      endedAt: null,
      endedBecause: null,
      name: null,
      lastSeenAt: now,
      ip: request?.ip ?? null,
      userAgent: request?.userAgent ?? null,
      version: 1,
    };
    await this.sessions.insert(session);
    this.events.record(
      SessionStarted,
      { sessionId: session.id, userId, amr },
      { subject: `sessions/${session.id}`, actorId: actorId ?? userId },
    );
    return session;
  }

  private async makeRoom(userId: string): Promise<void> {
    const most = this.config.values.SESSION_MAX - 1;
    const ended = await this.sessions.endBeyond(userId, most, this.clock.now(), this.idleSince(), 'too_many');
    await this.tellEnded(ended, 'too_many');
  }

  private async tellEnded(ended: readonly EndedSession[], reason: EndReason, why?: string): Promise<void> {
    const told = why === undefined ? {} : { reason: why };
    for (const { id: sessionId, userId } of ended)
      this.events.record(SessionEnded, { sessionId, userId, reason }, { subject: `sessions/${sessionId}`, ...told });
    await this.revocations.revoke(
      'session',
      ended.map(({ id }) => id),
    );
  }

  private async lookUp(token: string): Promise<{ parent: RefreshToken; session: Session }> {
    const parent = await this.sessions.findToken(hashToken(token));
    const session = parent && (await this.sessions.find(parent.sessionId));
    if (!parent || !session || !this.isOpen(session)) throw new RefreshTokenInvalid();
    // A used one is looked at even later: whoever brings it has stolen it.
    if (!parent.usedAt && parent.expiresAt <= this.clock.now()) throw new RefreshTokenInvalid();
    return { parent, session };
  }

  private async giveAgain({ usedAt, successor }: RefreshToken, token: string, session: Session): Promise<Started> {
    if (usedAt && successor && this.clock.millis() - usedAt.getTime() <= REFRESH_GRACE)
      return { session, refreshToken: openWith(keyFromToken(token, 'refresh-successor'), successor).toString() };
    await this.endReused(session);
    throw new RefreshTokenInvalid();
  }

  /** Recorded once, also when several old tokens of the family come at the same time. */
  private endReused({ id: sessionId, userId }: Session): Promise<void> {
    return this.db.transaction(async () => {
      if (!(await this.end(sessionId, 'refresh_reused'))) return;
      this.events.record(RefreshTokenReused, { sessionId, userId }, { subject: `sessions/${sessionId}` });
    });
  }

  /** Uses the token up in one statement, so that of many at once one succeeds. @returns null for the others */
  private succeed({ hash }: RefreshToken, token: string, session: Session): Promise<string | null> {
    return this.db.transaction(async () => {
      const now = this.clock.now();
      const successor = randomToken();
      const sealed = sealWith(keyFromToken(token, 'refresh-successor'), Buffer.from(successor));
      const { ip, userAgent } = currentRequest() ?? session;
      if (!(await this.sessions.useToken(hash, now, sealed, { id: session.id, ip, userAgent }))) return null;
      await this.keepToken(successor, session, now);
      return successor;
    });
  }

  private async keepToken(token: string, session: Session, now: Date): Promise<void> {
    const expiresAt = this.idleAt(session, now);
    await this.sessions.insertToken({
      hash: hashToken(token),
      sessionId: session.id,
      createdAt: now,
      expiresAt,
      usedAt: null,
      successor: null,
    });
  }

  /** When it ends if nobody refreshes it. */
  private idleAt({ expiresAt }: Session, now: Date): Date {
    return new Date(Math.min(now.getTime() + this.config.values.SESSION_IDLE, expiresAt.getTime()));
  }

  /** Whoever was last seen then, or before, has left the session. */
  private idleSince(): Date {
    return new Date(this.clock.millis() - this.config.values.SESSION_IDLE);
  }

  private isOpen(session: Session): boolean {
    return session.endedAt === null && session.expiresAt > this.clock.now();
  }
}
