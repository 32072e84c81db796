import type { RequestContext } from '../platform/logging/request-context.js';
import { backoff } from './backoff.js';
import { JobFailure, JobTaken } from './job.js';
import type { JobAttempt } from './job-attempt.js';
import type { Begun, Ended } from './worker-record.js';

/** What one statement of a handler may take. Milliseconds. */
const PATIENCE = 60_000;
const LONGEST_ERROR = 1000;

export function nameOf({ id, begun: { attempt } }: JobAttempt): Pick<Ended, 'id' | 'attempt'> {
  return { id, attempt };
}

/** How an attempt that failed ends; null if that is no longer ours to say. */
export function endOf(attempt: JobAttempt, failure: unknown): Ended | null {
  const { interruption, begun } = attempt;
  if (failure instanceof JobTaken) return null;
  if (interruption === 'cancelled') return { ...nameOf(attempt), state: 'cancelled' };
  // What was begun after we were given up, and before we heard of it, is ours: the record knows, and refuses the others.
  if (interruption !== null) return { ...nameOf(attempt), state: 'queued' };
  const error = wordsOf(failure, begun.isSecret);
  if (begun.counted >= begun.maxAttempts) return { ...nameOf(attempt), state: 'dead', error };
  return { ...nameOf(attempt), state: 'failed', delay: backoff(begun.counted), error };
}

/** What people may know of a failure: of a secret job nothing that could be a part of its payload. */
function wordsOf(failure: unknown, isSecret: boolean): string {
  const { name, message, code } = (failure instanceof Error ? failure : new Error(String(failure))) as Error & {
    code?: unknown;
  };
  const words =
    isSecret && !(failure instanceof JobFailure) ? [name, typeof code === 'string' ? code : ''] : [name, message];
  return words.filter(Boolean).join(': ').replaceAll('\0', '').slice(0, LONGEST_ERROR);
}

/** A job may take hours, but no statement of it. */
export function contextOf({ id, attempt, actorId }: Begun): RequestContext {
  return {
    requestId: `job-${id}-${attempt}`,
    get deadline() {
      return performance.now() + PATIENCE;
    },
    ip: null,
    userAgent: null,
    actorId,
  };
}
