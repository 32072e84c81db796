import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import { hashToken } from '../platform/crypto/tokens.js';
import type { Principal } from '../platform/http/principal.js';
import { TokenExpired, TokenInvalid, TokenRevoked } from '../platform/http/problems.js';
import { Sessions } from '../sessions/index.js';
import type { AccessTokenClaims } from './access-tokens.js';
import { endOf } from './keys/api-key.entity.js';
import { isKeySecret } from './keys/api-key-secret.js';
import { ApiKeysRepository } from './keys/api-keys.repository.js';

/** What a session or a key says of whoever shows it; all else is asked of the user, whatever the way in. */
export interface Proof extends Pick<
  Principal,
  'userId' | 'sessionId' | 'keyId' | 'actorId' | 'authTime' | 'amr' | 'expiresAt'
> {
  /** Null where nothing is kept from them. */
  readonly scopes: readonly string[] | null;
}

/** Each way in, up to the point from which they are all the same. */
@Injectable()
export class Proofs {
  constructor(
    private readonly clock: Clock,
    private readonly sessions: Sessions,
    private readonly keys: ApiKeysRepository,
  ) {}

  /** @throws TokenRevoked, TokenInvalid */
  async ofToken(claims: AccessTokenClaims): Promise<Proof> {
    const session = await this.sessions.findOpen(claims.sid);
    if (!session) throw new TokenRevoked();
    if (session.userId !== claims.sub || session.actorId !== (claims.act?.sub ?? null)) throw new TokenInvalid();
    return {
      userId: session.userId,
      sessionId: session.id,
      keyId: null,
      actorId: session.actorId,
      authTime: session.authenticatedAt,
      amr: session.amr,
      expiresAt: Math.min(claims.exp * 1000, session.expiresAt.getTime()),
      scopes: null,
    };
  }

  /** @throws TokenRevoked, TokenExpired, TokenInvalid */
  async ofKey(secret: string): Promise<Proof> {
    // A typo is told without asking anybody.
    const key = isKeySecret(secret) ? await this.keys.findByHash(hashToken(secret)) : null;
    if (!key) throw new TokenInvalid();
    if (key.revokedAt) throw new TokenRevoked('This key was revoked');
    const expiresAt = endOf(key);
    if (expiresAt <= this.clock.millis()) throw new TokenExpired('This key has expired, or another has replaced it');
    return {
      userId: key.userId,
      sessionId: null,
      keyId: key.id,
      actorId: null,
      authTime: key.createdAt,
      amr: ['key'],
      expiresAt,
      scopes: key.scopes,
    };
  }
}
