import { REPEATABLE } from './generated/facts.gen.js';

export interface RetryOptions {
  /** How often in all, the first try included. */
  readonly attempts: number;
  /** The longest pause before the second try, doubled before each further one. Milliseconds. */
  readonly firstPause: number;
  /** No pause is longer, whatever the server asks for: then the failure is given back. Milliseconds. */
  readonly longestPause: number;
}

export const RETRIES: RetryOptions = { attempts: 4, firstPause: 200, longestPause: 20_000 };

const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];
const TRANSIENT = [429, 502, 503, 504];
const KEY = 'Idempotency-Key';

/** Within 30 seconds a refresh token gives the same successor again: a lost answer would else end the session. */
const REFRESH = '/api/v1/auth/refresh';
const REFRESH_WITHIN = 25_000;
const REFRESH_TRY = 8000;

/** The longest that one try of a request may take, in milliseconds: a refresh must leave time for another. */
export function longestTry({ url }: Request): number {
  return isRefresh(url) ? REFRESH_TRY : Number.POSITIVE_INFINITY;
}

function isRefresh(url: string): boolean {
  return new URL(url).pathname.endsWith(REFRESH);
}

const repeatable = REPEATABLE.map((path) => new RegExp(`${path.replace(/\{\w+\}/g, '[^/]+')}$`));

/** Gives every POST that may be repeated a key of its own, unless the caller gave one. */
export function withKey(request: Request): Request {
  if (request.method !== 'POST' || request.headers.has(KEY)) return request;
  if (!repeatable.some((path) => path.test(new URL(request.url).pathname))) return request;
  request.headers.set(KEY, crypto.randomUUID());
  return request;
}

/**
 * Sends a request, and again when it failed in passing (the network, 429, 502 to 504) and may be sent twice: it is
 * idempotent (RFC 9110, 9.2.2), or it has an Idempotency-Key. Waits as long as `Retry-After` says, and a random part of
 * a pause that doubles (full jitter: Brooker, "Exponential Backoff And Jitter", 2015).
 */
export async function sendWithRetry(
  request: Request,
  send: (request: Request) => Promise<Response>,
  { attempts, firstPause, longestPause }: RetryOptions,
): Promise<Response> {
  const keyed = request.method === 'POST' && request.headers.has(KEY);
  const may = IDEMPOTENT.includes(request.method) || keyed || isRefresh(request.url);
  const until = performance.now() + (isRefresh(request.url) ? REFRESH_WITHIN : Number.POSITIVE_INFINITY);
  for (let attempt = 1; ; attempt += 1) {
    const pause = Math.random() * Math.min(longestPause, firstPause * 2 ** (attempt - 1));
    const last = !may || attempt >= attempts || performance.now() + pause + longestTry(request) > until;
    try {
      // A body is read once: whoever may try again sends a copy.
      const response = await send(last ? request : request.clone());
      const asked = retryAfter(response);
      // Only `idempotency_key_in_flight` is a 409 that says when to come back: the try before this one is still at work.
      const passing = TRANSIENT.includes(response.status) || (keyed && response.status === 409 && asked !== undefined);
      if (last || !passing || (asked ?? 0) > Math.min(longestPause, until - performance.now() - pause)) return response;
      await response.body?.cancel();
      await sleep((asked ?? 0) + pause, request.signal);
    } catch (error) {
      if (last || request.signal.aborted) throw error;
      await sleep(pause, request.signal);
    }
  }
}

/** Milliseconds; seconds or a date in the header (RFC 9110, 10.2.3). */
function retryAfter({ headers }: Response): number | undefined {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  const milliseconds = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
