import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const TAKEN = [
  ...['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'If-None-Match', 'Prefer', 'X-Request-Id'],
  ...['traceparent', 'tracestate'],
].join(', ');
const SHOWN = [
  ...['Accept-Patch', 'Accept-Post', 'Allow', 'Content-Disposition', 'Deprecation', 'ETag', 'Idempotency-Replayed'],
  ...['Link', 'Location', 'Preference-Applied', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'Sunset'],
  ...['WWW-Authenticate', 'X-Request-Id'],
].join(', ');
/** How long a browser may remember a preflight: what Chromium does at most is two hours. Seconds. */
const REMEMBERED = 600;

/**
 * Lets the pages of some origins read our answers, failures included (Fetch Standard, 3.2). Without credentials: tokens
 * travel in Authorization, and there are no cookies that a foreign page could make a browser send.
 */
export class Cors {
  private readonly origins: ReadonlySet<string>;

  /** @param origins exactly as browsers write them */
  constructor(origins: readonly string[]) {
    this.origins = new Set(origins);
  }

  /** Keeps the `Vary` of `allow` on answers whose writer had one of their own. */
  vary(instance: FastifyInstance): void {
    if (this.origins.size === 0) return;
    instance.addHook('onSend', (_request, reply, payload, done) => {
      const others = String(reply.getHeader('vary') ?? '');
      if (!others.includes('Origin')) void reply.header('Vary', others === '' ? 'Origin' : `${others}, Origin`);
      done(null, payload);
    });
  }

  /** @returns whether this origin may read the answer */
  allow(request: FastifyRequest, reply: FastifyReply): boolean {
    if (this.origins.size === 0) return false;
    // Whoever caches an answer has to know that it depends on the origin, also when there was none.
    void reply.header('Vary', 'Origin');
    const { origin } = request.headers;
    if (origin === undefined || !this.origins.has(origin)) return false;
    void reply.header('Access-Control-Allow-Origin', origin).header('Access-Control-Expose-Headers', SHOWN);
    return true;
  }

  /** The same for every path: a browser that is refused here would never show its page the 404. */
  answerPreflight(reply: FastifyReply): void {
    void reply
      .headers({
        'Access-Control-Allow-Methods': METHODS,
        'Access-Control-Allow-Headers': TAKEN,
        'Access-Control-Max-Age': String(REMEMBERED),
      })
      .code(204)
      .send();
  }
}

/** An OPTIONS by which a browser asks whether a page may send what it is about to. */
export function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}
