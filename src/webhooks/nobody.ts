import { newId } from '../platform/crypto/tokens.js';
import { runInRequest } from '../platform/logging/request-context.js';

/** What one step may take before its statements are cut. Milliseconds. */
const BUDGET = 5000;

/** What goes on in the background is done for no request, and in no request's time. */
export function inNobodysName<T>(work: () => Promise<T>): Promise<T> {
  const nobody = { ip: null, userAgent: null, actorId: null };
  return runInRequest({ ...nobody, requestId: `webhooks-${newId()}`, deadline: performance.now() + BUDGET }, work);
}
