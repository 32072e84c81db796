import pg from 'pg';

import { currentRequest } from '../../src/platform/logging/request-context.js';

/**
 * The statements of each request, by its id: what PostgreSQL is asked on behalf of a request, and nothing that runs
 * beside it. Made before the application, whose connections keep the function they were born with.
 */
export class Statements {
  private readonly byRequest = new Map<string, string[]>();
  private readonly original: (...parts: unknown[]) => unknown;

  constructor() {
    const { byRequest } = this;
    const original = pg.Client.prototype.query as unknown as (...parts: unknown[]) => unknown;
    this.original = original;
    pg.Client.prototype.query = function (this: unknown, ...parts: unknown[]): unknown {
      const request = currentRequest();
      const [first] = parts as [string | { text: string }];
      if (request) {
        const texts = byRequest.get(request.requestId) ?? [];
        byRequest.set(request.requestId, [...texts, typeof first === 'string' ? first : first.text]);
      }
      return original.apply(this, parts);
    } as never;
  }

  of(requestId: string): string[] {
    return this.byRequest.get(requestId) ?? [];
  }

  restore(): void {
    pg.Client.prototype.query = this.original as never;
  }
}
