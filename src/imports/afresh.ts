import { currentRequest, runInRequest } from '../platform/logging/request-context.js';
import type { RequestContext } from '../platform/logging/request-context.js';
import { renewed } from '../platform/http/negotiation/list-stream.js';

/** A step of long work, which may take as long as a request; in the name of somebody else if that is said. */
export function afresh<T>(step: () => Promise<T>, inTheNameOf: Partial<RequestContext> = {}): Promise<T> {
  return runInRequest({ ...renewed(currentRequest()), ...inTheNameOf }, step);
}
