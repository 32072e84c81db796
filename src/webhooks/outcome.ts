import type { DeliveryError, DeliveryKind, DeliveryState } from './webhook-delivery.entity.js';

/** What one try came to. */
export interface Attempt {
  readonly at: Date;
  readonly url: string;
  readonly status: number | null;
  /** Null if it was taken. */
  readonly error: DeliveryError | null;
  readonly latencyMs: number;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly body: string | null;
  /** Milliseconds that the server asked us to wait. */
  readonly retryAfter: number | null;
}

interface Tried {
  readonly kind: DeliveryKind;
  /** Tries before this one. */
  readonly attempts: number;
  readonly firstAttemptAt: Date | null;
}

const HOUR = 3_600_000;
/** From the first try to the last. Milliseconds. */
export const TRIED_FOR = 72 * HOUR;
const FIRST_PAUSE = 5000;
const FACTOR = 3;
const LONGEST_PAUSE = 12 * HOUR;
/** The longest that a server may ask us to wait. */
const PATIENCE = 24 * HOUR;
const GONE = 410;

/**
 * Five seconds, then three times as long each time up to twelve hours, each a quarter more or less.
 * @param chance from 0 to 1
 */
export function pauseAfter(attempts: number, chance: number): number {
  const pause = Math.min(FIRST_PAUSE * FACTOR ** (attempts - 1), LONGEST_PAUSE);
  return Math.round(pause * (0.75 + chance / 2));
}

/** What becomes of a delivery after a try, and when it is tried again. */
export function outcomeOf(
  tried: Tried,
  { at, error, status, retryAfter }: Attempt,
  chance: number,
): { readonly state: DeliveryState; readonly next: Date } {
  if (error === null) return { state: 'delivered', next: at };
  if (tried.kind === 'test' || status === GONE) return { state: 'dead', next: at };
  const end = (tried.firstAttemptAt ?? at).getTime() + TRIED_FOR;
  if (at.getTime() >= end) return { state: 'dead', next: at };
  const pause = Math.max(pauseAfter(tried.attempts + 1, chance), Math.min(retryAfter ?? 0, PATIENCE));
  // The last try is at the end itself.
  return { state: 'waiting', next: new Date(Math.min(at.getTime() + pause, end)) };
}

/** The server wants nothing any more. */
export function isGone({ status }: Attempt): boolean {
  return status === GONE;
}

/** `Retry-After` as seconds or as a date (RFC 9110, 10.2.3), in milliseconds; null if it says neither. */
export function readRetryAfter(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
