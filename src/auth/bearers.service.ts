import { hash as digest } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import passport from 'passport';

import { Clock } from '../platform/clock/clock.js';
import { Problem } from '../platform/contract/problem.js';
import { isUnavailable } from '../platform/database/database-errors.js';
import type { Principal } from '../platform/http/principal.js';
import {
  PasswordChangeRequired,
  SecondFactorRequired,
  TokenExpired,
  TokenInvalid,
  TokenMissing,
} from '../platform/http/problems.js';
import { AccessTokenStrategy, claimsOf, keyOf, tokenOf } from './access-token.strategy.js';
import type { AccessTokenClaims } from './access-tokens.js';
import { LEEWAY } from './authentication.guard.js';
import { KeyUses } from './keys/key-uses.service.js';
import { Principals } from './principals.js';
import { SessionCookies } from './session-cookies.js';

/**
 * Who shows a token or a key where no guard of HTTP stands, such as on a socket: verified in the same way, and made into
 * the same principal by the same builder.
 */
@Injectable()
export class Bearers {
  constructor(
    private readonly clock: Clock,
    private readonly principals: Principals,
    private readonly cookies: SessionCookies,
    private readonly uses: KeyUses,
    private readonly strategy: AccessTokenStrategy,
  ) {}

  /**
   * What the headers show: the token or key of `Authorization`, or without that header the cookie of a browser, which
   * counts only from a page of ours. @throws TokenMissing, TokenInvalid, CsrfRefused
   */
  shownIn(headers: IncomingHttpHeaders): string {
    const request = { headers } as FastifyRequest;
    const shown = tokenOf(request) ?? keyOf(request);
    if (shown === null) throw headers.authorization === undefined ? new TokenMissing() : new TokenInvalid();
    if (headers.authorization === undefined) this.cookies.refuseForeignOrigin(request);
    return shown;
  }

  /** @throws TokenInvalid, TokenExpired, TokenRevoked, PasswordChangeRequired, SecondFactorRequired */
  async recognise(shown: string, ip: string | null): Promise<Principal> {
    const hash = digest('sha256', shown, 'base64');
    const request = { headers: { authorization: `Bearer ${shown}` } } as FastifyRequest;
    const key = keyOf(request);
    if (key === null && tokenOf(request) === null) throw new TokenInvalid();
    const known = this.principals.remembered(hash);
    const principal =
      known ??
      (key === null ? await this.ofToken(await this.verify(request), hash) : await this.principals.ofKey(key, hash));
    if (principal.keyId !== null) this.uses.note(principal.keyId, ip);
    return admitted(principal);
  }

  /** The same once more of what was recognised before: everything but the signature, which does not change. */
  async recogniseAgain(shown: string): Promise<Principal> {
    const hash = digest('sha256', shown, 'base64');
    const known = this.principals.remembered(hash);
    if (known) return admitted(known);
    const isToken = shown.includes('.');
    return admitted(isToken ? await this.ofToken(claimsOf(shown), hash) : await this.principals.ofKey(shown, hash));
  }

  private ofToken(claims: AccessTokenClaims, hash: string): Promise<Principal> {
    if (claims.iat * 1000 > this.clock.millis() + LEEWAY * 1000) throw new TokenInvalid();
    if (claims.exp * 1000 <= this.clock.millis()) throw new TokenExpired();
    return this.principals.ofToken(claims, hash);
  }

  /** By passport, as the guard does. */
  private verify(request: FastifyRequest): Promise<AccessTokenClaims> {
    return new Promise((resolve, reject) => {
      const told = (error: unknown, claims: AccessTokenClaims | false, failure: unknown): void => {
        // Why the strategy refused, which passport does not take for an error: a lost database is one.
        const why = error ?? (failure instanceof Problem || isUnavailable(failure) ? failure : new TokenInvalid());
        if (claims && !error) resolve(claims);
        else reject(why as Error);
      };
      const authenticate = passport.authenticate(this.strategy.registeredAs, { session: false }, told) as (
        ...parts: unknown[]
      ) => void;
      authenticate(request, {}, reject);
    });
  }
}

/** Nothing that a socket offers is open before either. */
function admitted(principal: Principal): Principal {
  if (principal.passwordChangeRequired) throw new PasswordChangeRequired();
  if (principal.secondFactorRequired) throw new SecondFactorRequired();
  return principal;
}
