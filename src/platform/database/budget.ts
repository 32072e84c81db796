import { currentRequest } from '../logging/request-context.js';
import { DatabaseTimeout, REQUEST_BUDGET } from './impatient-client.js';

export const NO_CONNECTION = 'No connection to PostgreSQL came free in time';

/** Waits for a connection, but not past the request's deadline: one that comes later goes straight back. */
export async function withinBudget<T>(connecting: Promise<T>, giveBack: (late: T) => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let late = false;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late = true;
      reject(new DatabaseTimeout(NO_CONNECTION));
    }, remainingBudget());
  });
  try {
    return await Promise.race([connecting, timeout]);
  } finally {
    clearTimeout(timer);
    // The caller has its answer already; a connection that never comes is the pool's to tell of.
    if (late) connecting.then(giveBack, () => undefined);
  }
}

/** Milliseconds that are left of the request's deadline; outside a request, a whole budget. */
export function remainingBudget(): number {
  const deadline = currentRequest()?.deadline;
  return deadline === undefined ? REQUEST_BUDGET : Math.max(0, deadline - performance.now());
}
