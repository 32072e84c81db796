import { hash as digest } from 'node:crypto';

import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';

import { Mfa } from '../mfa/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Problem } from '../platform/contract/problem.js';
import { isUnavailable } from '../platform/database/database-errors.js';
import { CSV, EVENT_STREAM, NDJSON } from '../platform/http/negotiation/media-types.js';
import {
  RECENT_SIGN_IN,
  isAllowedBeforePasswordChange,
  isAllowedBeforeSecondFactor,
  isOnlyInPerson,
  policyOf,
  requiresRecentSignIn,
} from '../platform/http/policy.js';
import type { Principal } from '../platform/http/principal.js';
import {
  PasswordChangeRequired,
  PermissionDenied,
  ReauthenticationRequired,
  SecondFactorRequired,
  TokenExpired,
  TokenInvalid,
  TokenMissing,
} from '../platform/http/problems.js';
import { AccessTokenStrategy, claimsOf, keyOf, tokenOf } from './access-token.strategy.js';
import type { AccessTokenClaims } from './access-tokens.js';
import { KeyUses } from './keys/key-uses.service.js';
import { Principals } from './principals.js';
import { SessionCookies } from './session-cookies.js';

/** Seconds that another machine's clock may be ahead of ours. */
export const LEEWAY = 30;

/** Passport's own answers are replaced by ours, which say as little as they may. */
function passportGuard(strategy: string): CanActivate {
  class PassportGuard extends AuthGuard(strategy) {
    /** @param failure why the strategy refused, which passport does not take for an error: a lost database is one */
    override handleRequest<T>(error: unknown, claims: T | false, failure: unknown): T {
      if (error) throw error as Error;
      if (failure instanceof Problem || isUnavailable(failure)) throw failure as Error;
      if (!claims) throw new TokenInvalid();
      return claims;
    }
  }
  return new PassportGuard();
}

/** Lets through whoever proves who they are, unless the route is public. Looks in its memory before it verifies. */
@Injectable()
export class AuthenticationGuard implements CanActivate {
  private readonly passport: CanActivate;

  constructor(
    private readonly cookies: SessionCookies,
    private readonly principals: Principals,
    private readonly clock: Clock,
    private readonly uses: KeyUses,
    private readonly mfa: Mfa,
    strategy: AccessTokenStrategy,
  ) {
    this.passport = passportGuard(strategy.registeredAs);
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const handler = context.getHandler();
    if (policyOf(handler)?.kind === 'public') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const token = tokenOf(request);
    const key = token === null ? keyOf(request) : null;
    const shown = token ?? key;
    if (shown === null)
      throw challenged(request.headers.authorization === undefined ? new TokenMissing() : new TokenInvalid());
    const hash = digest('sha256', shown, 'base64');
    if (isStreamed(request)) request.readmit = () => this.readmit(request, handler, shown, hash);
    const known = this.principals.remembered(hash);
    if (known) return this.admitFully(known, request, handler);
    return key === null ? this.verify(context, request, handler, hash) : this.recognise(key, request, handler, hash);
  }

  private async verify(
    context: ExecutionContext,
    request: FastifyRequest,
    handler: object,
    hash: string,
  ): Promise<boolean> {
    try {
      await this.passport.canActivate(context);
      const claims = (request as unknown as { user: AccessTokenClaims }).user;
      if (claims.iat * 1000 > this.clock.millis() + LEEWAY * 1000) throw new TokenInvalid();
      if (claims.exp * 1000 <= this.clock.millis()) throw new TokenExpired();
      return await this.admitFully(await this.principals.ofToken(claims, hash), request, handler);
    } catch (error) {
      throw challenged(error);
    }
  }

  private async recognise(key: string, request: FastifyRequest, handler: object, hash: string): Promise<boolean> {
    try {
      return await this.admitFully(await this.principals.ofKey(key, hash), request, handler);
    } catch (error) {
      throw challenged(error);
    }
  }

  /** Everything once more but the signature, which does not change. */
  private async readmit(request: FastifyRequest, handler: object, shown: string, hash: string): Promise<void> {
    const again = (): Promise<Principal> =>
      shown.includes('.') ? this.principals.ofToken(claimsOf(shown), hash) : this.principals.ofKey(shown, hash);
    const principal = this.principals.remembered(hash) ?? (await again());
    // Just looked up: what has ended is the token itself, and not a right before it.
    if (principal.expiresAt <= this.clock.millis()) throw new TokenExpired();
    this.admit(principal, request, handler);
    const policy = policyOf(handler);
    const needed = policy?.kind === 'requires' ? policy.permissions : [];
    if (!needed.every((permission) => principal.permissions.has(permission))) throw new PermissionDenied();
  }

  /** Looks into the database only where a recent proof is wanted. */
  private admitFully(principal: Principal, request: FastifyRequest, handler: object): boolean | Promise<boolean> {
    this.admit(principal, request, handler);
    return requiresRecentSignIn(handler, request.body) ? this.refuseUnlessRecent(principal) : true;
  }

  private admit(principal: Principal, request: FastifyRequest, handler: object): void {
    const { context } = request;
    // Before they may be refused, so that the record of a refusal tells of whom.
    context!.actorId = principal.actorId ?? principal.userId;
    if (principal.actorId !== null) context!.onBehalfOf = principal.userId;
    if (principal.passwordChangeRequired && !isAllowedBeforePasswordChange(handler)) throw new PasswordChangeRequired();
    if (principal.secondFactorRequired && !isAllowedBeforeSecondFactor(handler)) throw new SecondFactorRequired();
    // No header, so it was a cookie that the browser sent, whoever asked it to.
    if (request.headers.authorization === undefined) this.cookies.refuseForeign(request, principal.sessionId!);
    if (isOnlyInPerson(handler) && (principal.sessionId === null || principal.actorId !== null))
      throw new PermissionDenied('Only for whoever signed in as themselves');
    request.principal = principal;
    if (principal.keyId !== null) this.uses.note(principal.keyId, context!.ip);
  }

  /** A trusted device spares the factor at the sign-in, and not here: whoever had a factor then has to have shown it. */
  private async refuseUnlessRecent({ userId, sessionId, actorId, authTime, amr }: Principal): Promise<true> {
    const age = this.clock.millis() - authTime.getTime();
    if (sessionId === null || actorId !== null || age > RECENT_SIGN_IN * 1000) throw stepUp();
    if (!amr.includes('mfa') && (await this.mfa.wasDueAt(userId, authTime))) throw stepUp();
    return true;
  }
}

/** What would be enough (RFC 9470, 3); with 403, for the token is good and a client must not throw it away. */
function stepUp(): Problem {
  return new ReauthenticationRequired().withHeader(
    'WWW-Authenticate',
    `Bearer realm="roster", error="insufficient_user_authentication", error_description="A more recent proof is needed", max_age="${RECENT_SIGN_IN}"`,
  );
}

/** Either way: a file may come in for as long as another goes out. */
function isStreamed({ format, bodyType }: FastifyRequest): boolean {
  return format === CSV || format === NDJSON || format === EVENT_STREAM || bodyType !== undefined;
}

/** A 401 says how to authenticate and what was wrong with the token (RFC 6750, 3). */
function challenged(error: unknown): unknown {
  if (!(error instanceof Problem) || error.definition.status !== 401) return error;
  const { code, title } = error.definition;
  const told = code === 'token_missing' ? '' : `, error="invalid_token", error_description="${title}"`;
  return error.withHeader('WWW-Authenticate', `Bearer realm="roster"${told}`);
}
