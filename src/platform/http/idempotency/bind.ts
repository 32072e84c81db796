import { RequestMethod, UseInterceptors } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';

import { guardedHandlers } from '../policy.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';

const bound = new WeakSet<object>();

/**
 * Binds the interceptor to every POST that is not public, before Nest looks at the handlers: no other route pays for
 * it, and none that is added later can forget it.
 */
export function bindIdempotency(): void {
  for (const handler of guardedHandlers()) {
    if (bound.has(handler) || Reflect.getMetadata(METHOD_METADATA, handler) !== RequestMethod.POST) continue;
    bound.add(handler);
    UseInterceptors(IdempotencyInterceptor)(handler, handler as never, { value: handler } as never);
  }
}
