import { Injectable } from '@nestjs/common';
import jwt from 'jsonwebtoken';

import { Keys } from '../keys/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { newId } from '../platform/crypto/tokens.js';
import { PublicUrl } from '../platform/http/public-url.js';

/** Seconds that an access token lives at most, where it can be refreshed. */
const LIVES = 600;
/** The `client_id` of those who sign in with a password here. */
const CLIENT = 'roster';

export interface TokenSubject {
  readonly userId: string;
  readonly sessionId: string;
  readonly authenticatedAt: Date;
  /** When the session ends, whatever happens: no token outlives it. */
  readonly sessionExpiresAt: Date;
  readonly amr: readonly string[];
  /** Who acts for this user. */
  readonly actorId?: string | null;
}

export interface AccessToken {
  readonly token: string;
  /** Seconds. */
  readonly expiresIn: number;
}

/** What an access token says (RFC 9068, 2.2). Moments are seconds since 1970. */
export interface AccessTokenClaims {
  readonly iss: string;
  readonly aud: string;
  readonly sub: string;
  readonly client_id: string;
  readonly sid: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  readonly auth_time: number;
  readonly amr: readonly string[];
  /** Who acts for the subject (RFC 8693, 4.1). */
  readonly act?: { readonly sub: string };
}

/** Makes access tokens: JWT of type `at+jwt` (RFC 9068), signed with ES256. */
@Injectable()
export class AccessTokens {
  constructor(
    private readonly keys: Keys,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly publicUrl: PublicUrl,
  ) {}

  async sign({
    userId,
    sessionId,
    authenticatedAt,
    sessionExpiresAt,
    amr,
    actorId,
  }: TokenSubject): Promise<AccessToken> {
    const { kid, key } = await this.keys.signer();
    const now = Math.floor(this.clock.millis() / 1000);
    const left = Math.floor(sessionExpiresAt.getTime() / 1000) - now;
    // Whoever acts for another cannot refresh: their token lives as long as they may.
    const expiresIn = actorId ? left : Math.min(LIVES, left);
    const claims: AccessTokenClaims = {
      iss: this.publicUrl.value,
      aud: this.config.values.JWT_AUDIENCE,
      sub: userId,
      client_id: CLIENT,
      sid: sessionId,
      jti: newId(),
      iat: now,
      exp: now + expiresIn,
      auth_time: Math.floor(authenticatedAt.getTime() / 1000),
      amr,
      ...(actorId ? { act: { sub: actorId } } : {}),
    };
    const token = jwt.sign(claims, key, { algorithm: 'ES256', header: { alg: 'ES256', typ: 'at+jwt', kid } });
    return { token, expiresIn };
  }
}
