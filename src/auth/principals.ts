import { Injectable } from '@nestjs/common';

import { Access } from '../access/index.js';
import { Passwords } from '../passwords/index.js';
import { Revocations } from '../platform/cache/revocations.js';
import { Clock } from '../platform/clock/clock.js';
import type { Principal } from '../platform/http/principal.js';
import { TokenInvalid, TokenRevoked } from '../platform/http/problems.js';
import { Sessions } from '../sessions/index.js';
import { Users, statusOf } from '../users/index.js';
import type { AccessTokenClaims } from './access-tokens.js';
import { PrincipalCache } from './principal-cache.js';

/** Who a token stands for: remembered by the token's hash, for as long as nothing about them is taken away. */
@Injectable()
export class Principals {
  private readonly cache = new PrincipalCache();

  constructor(
    private readonly clock: Clock,
    private readonly access: Access,
    private readonly passwords: Passwords,
    private readonly sessions: Sessions,
    private readonly users: Users,
    private readonly revocations: Revocations,
  ) {
    revocations.onRevoked((kind, subject) => this.cache.forget(kind, subject));
  }

  /**
   * The principal of a token that was verified before; null if it has to be verified (again): also when a right of
   * theirs has lapsed, for they are somebody else from then on, though the token may still be good.
   */
  remembered(tokenHash: string): Principal | null {
    const known = this.revocations.areFresh() ? this.cache.get(tokenHash) : null;
    return known && known.expiresAt > this.clock.millis() ? known : null;
  }

  /** Asks the database who this is. The one builder of principals. @throws TokenRevoked, TokenInvalid */
  async build(claims: AccessTokenClaims, tokenHash: string): Promise<Principal> {
    const { generation } = this.cache;
    const session = await this.sessions.findOpen(claims.sid);
    if (!session) throw new TokenRevoked();
    if (session.userId !== claims.sub || session.actorId !== (claims.act?.sub ?? null)) throw new TokenInvalid();
    const status = statusOf(await this.users.get(session.userId), this.clock.now());
    if (status === 'deleted' || status === 'suspended') throw new TokenRevoked();
    const { permissions, until } = await this.access.rightsOf(session.userId);
    const principal: Principal = {
      userId: session.userId,
      sessionId: session.id,
      keyId: null,
      actorId: session.actorId,
      permissions,
      authTime: session.authenticatedAt,
      amr: session.amr,
      expiresAt: Math.min(claims.exp * 1000, session.expiresAt.getTime(), until?.getTime() ?? Infinity),
      passwordChangeRequired: session.amr.includes('pwd') && (await this.passwords.isChangeRequired(session.userId)),
    };
    // Something was taken away while we asked: what we read may be older, so it serves this request only. So does what
    // is about to change: whoever has changed their password may go on at once, at every process.
    if (generation === this.cache.generation && !principal.passwordChangeRequired) this.cache.set(tokenHash, principal);
    return principal;
  }
}
