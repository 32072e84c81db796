import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { Secrets } from '../platform/crypto/secrets.js';
import { CsrfRefused } from '../platform/http/problems.js';
import { PublicUrl } from '../platform/http/public-url.js';
import { SignInResponse } from './sign-in.dto.js';
import type { Transport } from './sign-in.dto.js';
import type { SignInOutcome } from './sign-in.service.js';

const ACCESS = '__Host-roster-access';
const REFRESH = '__Host-roster-refresh';
/** `__Host-`: no subdomain and no plain HTTP can set them (RFC 6265bis, 4.1.3.2). */
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Sessions of browsers, carried by cookies that no script can read. */
@Injectable()
export class SessionCookies {
  private readonly key: KeyObject;

  constructor(
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly publicUrl: PublicUrl,
    secrets: Secrets,
  ) {
    this.key = createSecretKey(secrets.key('csrf-tokens'));
  }

  /** The answer to a sign-in, in the manner that was asked for. */
  answer(reply: FastifyReply, outcome: SignInOutcome, transport: Transport = 'bearer'): SignInResponse {
    const now = this.clock.now();
    if (transport === 'bearer' || 'mfaToken' in outcome) return SignInResponse.from(outcome, now, null);
    const { accessToken, expiresIn, refreshToken, refreshExpiresIn, sessionId } = outcome;
    this.set(reply, ACCESS, accessToken, expiresIn);
    this.set(reply, REFRESH, refreshToken, refreshExpiresIn);
    return SignInResponse.from(outcome, now, this.csrfToken(sessionId));
  }

  /** How this request carries its session. */
  transportOf({ headers }: FastifyRequest): Transport {
    return headers.authorization === undefined ? 'cookie' : 'bearer';
  }

  /** The browser forgets the session; one that a header carried was not kept in cookies. */
  clear(request: FastifyRequest, reply: FastifyReply): void {
    if (this.transportOf(request) === 'bearer') return;
    for (const name of [ACCESS, REFRESH]) if (cookieOf(request, name) !== null) this.set(reply, name, '', 0);
  }

  refreshTokenOf(request: FastifyRequest): string | null {
    return cookieOf(request, REFRESH);
  }

  /**
   * A change that rests on a cookie must come from a page of ours: by its `Origin`, and by a token that no other page
   * can read. @throws CsrfRefused
   */
  refuseForeign(request: FastifyRequest, sessionId: string): void {
    if (SAFE.has(request.method)) return;
    this.refuseForeignOrigin(request);
    const given = Buffer.from(String(request.headers['x-csrf-token'] ?? ''));
    const right = Buffer.from(this.csrfToken(sessionId));
    if (given.length !== right.length || !timingSafeEqual(given, right)) throw new CsrfRefused();
  }

  /** @throws CsrfRefused */
  refuseForeignOrigin({ headers: { origin } }: FastifyRequest): void {
    const known = origin === new URL(this.publicUrl.value).origin || this.config.values.CORS_ORIGINS.includes(origin!);
    if (origin === undefined || !known) throw new CsrfRefused();
  }

  private csrfToken(sessionId: string): string {
    return createHmac('sha256', this.key).update(sessionId).digest('base64url');
  }

  private set(reply: FastifyReply, name: string, value: string, seconds: number): void {
    // Fastify adds it to those that are there.
    void reply.header('Set-Cookie', `${name}=${value}; Max-Age=${seconds}; ${ATTRIBUTES}`);
  }
}

/** The access token of a browser's session; a header is taken before it. */
export function accessCookieOf(request: FastifyRequest): string | null {
  return request.headers.cookie === undefined ? null : cookieOf(request, ACCESS);
}

function cookieOf({ headers: { cookie = '' } }: FastifyRequest, name: string): string | null {
  const found = cookie.split(';').find((part) => part.trim().startsWith(`${name}=`));
  return found?.trim().slice(name.length + 1) || null;
}
