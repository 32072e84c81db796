import type { FastifyReply, FastifyRequest } from 'fastify';

/** What every answer carries, from a 200 to a raw 400; pages say their own Content-Security-Policy instead. */
export const SAFE_HEADERS = {
  // No browser may take JSON that somebody else wrote for a script or a page.
  'X-Content-Type-Options': 'nosniff',
  // Opened as a page, an answer may load and run nothing, and nobody may frame it (clickjacking).
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  // Ids in our URLs are nobody else's business.
  'Referrer-Policy': 'no-referrer',
  // Other sites may not embed our answers (Spectre); pages of CORS_ORIGINS ask by CORS, which this does not touch.
  'Cross-Origin-Resource-Policy': 'same-origin',
  // A page that opened one of ours, or was opened by it, gets no hold on its window.
  'Cross-Origin-Opener-Policy': 'same-origin',
  // No page of ours needs any of it, so neither does a script that somebody smuggles into one.
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  // Personal, unless a route says otherwise.
  'Cache-Control': 'private, no-cache',
};

/** A year (ASVS 3.4.1). Without includeSubDomains: what else lives below the operator's name is not ours to decide. */
export const HTTPS_ONLY = { 'Strict-Transport-Security': 'max-age=31536000' };

/** @param secure whether users reach us by https */
export function setHeaders(request: FastifyRequest, reply: FastifyReply, secure: boolean): void {
  void reply.header('X-Request-Id', request.id).headers(SAFE_HEADERS);
  if (secure) void reply.headers(HTTPS_ONLY);
}
