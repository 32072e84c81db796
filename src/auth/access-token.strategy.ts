import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { isUUID } from 'class-validator';
import passport from 'passport';
import { Strategy } from 'passport-jwt';
import type { SecretOrKeyProvider } from 'passport-jwt';

import { Keys } from '../keys/index.js';
import { Config } from '../platform/config/config.js';
import { newId } from '../platform/crypto/tokens.js';
import { TokenInvalid } from '../platform/http/problems.js';
import { PublicUrl } from '../platform/http/public-url.js';
import type { AccessTokenClaims } from './access-tokens.js';
import { accessCookieOf } from './session-cookies.js';

const BEARER = /^Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i;
const KEY = /^Bearer (roster_\w{1,100})$/i;
const MAX_LENGTH = 4096;
const IDS = ['sub', 'sid', 'jti'] as const;
const NUMBERS = ['iat', 'exp', 'auth_time'] as const;

const ACCESS_TOKEN = 'at+jwt';

/** The token of the `Authorization` header, and of nowhere else: never of the URL or a body (RFC 9700, 4.3.2). */
function bearerOf(request: { headers: FastifyRequest['headers'] }): string | null {
  const header = request.headers.authorization;
  if (header === undefined || header.length > MAX_LENGTH) return null;
  return BEARER.exec(header)?.[1] ?? null;
}

/** The token of a request: of its header, or, without one, of a browser's cookie. */
export function tokenOf(request: FastifyRequest): string | null {
  if (request.headers.authorization !== undefined) return bearerOf(request);
  const cookie = accessCookieOf(request);
  return cookie === null ? null : bearerOf({ headers: { authorization: `Bearer ${cookie}` } });
}

/** What a token says that was verified before. */
export function claimsOf(token: string): AccessTokenClaims {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as AccessTokenClaims;
}

/** What looks like one of our keys, in the same header. */
export function keyOf(request: { headers: FastifyRequest['headers'] }): string | null {
  return KEY.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

/** Verifies access tokens: the algorithm is pinned, the key is one of ours, the type is `at+jwt` (RFC 9068, RFC 8725). */
@Injectable()
export class AccessTokenStrategy extends PassportStrategy(Strategy) {
  /** Passport's register is one for the whole process: two applications in it must not verify each other's tokens. */
  readonly registeredAs = `${ACCESS_TOKEN} ${newId()}`;

  constructor(
    private readonly keys: Keys,
    config: Config,
    private readonly publicUrl: PublicUrl,
  ) {
    const provide: SecretOrKeyProvider = (_request, token, done) =>
      void this.keyOf(token as string).then((key) => done(null, key as never), done);
    super({
      jwtFromRequest: (request: unknown) => tokenOf(request as FastifyRequest),
      secretOrKeyProvider: provide,
      algorithms: ['ES256'],
      audience: config.values.JWT_AUDIENCE,
      // It reads the machine's clock once a token; the guard reads ours at every use.
      ignoreExpiration: true,
      jsonWebTokenOptions: { ignoreNotBefore: true },
    } as never);
    passport.use(this.registeredAs, this);
  }

  /** Called by passport with what the signature covers. */
  validate(payload: Record<string, unknown>): AccessTokenClaims {
    const sound =
      IDS.every((name) => isUUID(payload[name])) &&
      typeof payload['client_id'] === 'string' &&
      NUMBERS.every((name) => Number.isSafeInteger(payload[name])) &&
      typeof payload['aud'] === 'string' &&
      payload['iss'] === this.publicUrl.value &&
      Array.isArray(payload['amr']) &&
      payload['nbf'] === undefined;
    if (!sound) throw new TokenInvalid();
    return payload as unknown as AccessTokenClaims;
  }

  private async keyOf(token: string): Promise<unknown> {
    const header = headerOf(token);
    if (
      header?.['typ'] !== ACCESS_TOKEN ||
      header['alg'] !== 'ES256' ||
      typeof header['kid'] !== 'string' ||
      header['crit'] !== undefined
    )
      throw new TokenInvalid();
    const key = await this.keys.verifier(header['kid']);
    if (!key) throw new TokenInvalid();
    return key;
  }
}

function headerOf(token: string): Record<string, unknown> | null {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString());
    return typeof header === 'object' ? (header as Record<string, unknown> | null) : null;
  } catch {
    // Not JSON, so not a token: the caller is told that it is invalid.
    return null;
  }
}
