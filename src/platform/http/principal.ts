import { createParamDecorator } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Who asks, however they proved it. Built in one place (auth), read by everybody. */
export interface Principal {
  readonly userId: string;
  /** The session whose token this is; null for a key. */
  readonly sessionId: string | null;
  /** The key that was shown, in place of a session. */
  readonly keyId: string | null;
  /** Who acts for this user; null for the user themselves (RFC 8693, 4.1). */
  readonly actorId: string | null;
  readonly permissions: ReadonlySet<string>;
  /** What the user may do and the key that was shown may not; `me` for their own account. Empty for a session. */
  readonly withheld: ReadonlySet<string>;
  /** When and how they proved who they are (RFC 8176 names). */
  readonly authTime: Date;
  readonly amr: readonly string[];
  /** Milliseconds since 1970 until which this may be believed: the end of the token, or of a right before it. */
  readonly expiresAt: number;
  /** Signed in with a one-time password: only changing it is allowed. */
  readonly passwordChangeRequired: boolean;
  /** A role of theirs asks for a second factor, which they have not shown. */
  readonly secondFactorRequired: boolean;
}

/** Who asks over the broker, as its message patterns are given it. */
export interface Asker {
  readonly principal: Principal;
}

declare module 'fastify' {
  interface FastifyRequest {
    principal?: Principal;
    /** For answers that take long: throws once whoever asked may no longer. */
    readmit?: () => Promise<void>;
  }
}

/** The principal of this request; only on routes that are not public. */
export const CurrentPrincipal = createParamDecorator((_: unknown, context): Principal => {
  const { principal } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!principal) throw new Error('This route is public: it has no principal');
  return principal;
});
