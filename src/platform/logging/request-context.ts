import { AsyncLocalStorage } from 'node:async_hooks';

/** What every floor may want to know of the request (or the job) that it works for. */
export interface RequestContext {
  readonly requestId: string;
  /** When everything done for this request has to be over: milliseconds as `performance.now()` counts them. */
  readonly deadline: number;
  readonly ip: string | null;
  readonly userAgent: string | null;
  /** Who asks, once that is known. */
  actorId: string | null;
  /** For whom they act, where they act for another. */
  onBehalfOf?: string | null;
}

const storage = new AsyncLocalStorage<RequestContext>();

export function currentRequest(): RequestContext | undefined {
  return storage.getStore();
}

export function runInRequest<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}
