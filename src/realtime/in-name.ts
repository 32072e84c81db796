import { newId } from '../platform/crypto/tokens.js';
import { REQUEST_BUDGET } from '../platform/database/impatient-client.js';
import { runInRequest } from '../platform/logging/request-context.js';

interface Somebody {
  readonly address: string;
  readonly principal?: { readonly userId: string; readonly actorId: string | null };
}

/** Runs what a socket asks for with the context, and in the time, that a request would have. */
export function inName<T>({ address, principal }: Somebody, work: () => Promise<T>): Promise<T> {
  const context = {
    requestId: `realtime-${newId()}`,
    deadline: performance.now() + REQUEST_BUDGET,
    ip: address,
    userAgent: null,
    actorId: principal ? (principal.actorId ?? principal.userId) : null,
  };
  return runInRequest(context, work);
}
