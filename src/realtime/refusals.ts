import { Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';

import type { Problem } from '../platform/contract/problem.js';
import { problemOf } from '../platform/http/problem-body.js';
import { PublicUrl } from '../platform/http/public-url.js';
import { Logs } from '../platform/logging/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';

/** A refusal as socket.io carries it: `connect_error` with `data`. */
interface Carried extends Error {
  data: object;
}

/** What the handshakes came to, and how a refusal is told on a socket: as the problem that it would be over HTTP. */
@Injectable()
export class Refusals {
  private readonly handshakes: Counter<'result'>;
  private readonly log;

  constructor(
    private readonly publicUrl: PublicUrl,
    logs: Logs,
    metrics: Metrics,
  ) {
    this.log = logs.of('realtime');
    this.handshakes = metrics.counter('realtime_handshakes_total', 'Handshakes, by what they came to', ['result']);
  }

  admitted(): void {
    this.handshakes.inc({ result: 'accepted' });
  }

  refused(error: unknown): Carried {
    const problem = this.problemOf(error);
    const { code } = problem.definition;
    this.handshakes.inc({ result: code });
    return Object.assign(new Error(code), { data: this.bodyOf(problem) });
  }

  told(error: unknown): object {
    return this.bodyOf(this.problemOf(error));
  }

  private problemOf(error: unknown): Problem {
    const problem = problemOf(error);
    const { status, title } = problem.definition;
    if (status >= 500) this.log[status === 503 ? 'warn' : 'error']({ err: error }, title);
    return problem;
  }

  /** There are no headers on a socket. */
  private bodyOf({ definition: { code, title, status }, detail, faults: errors, headers }: Problem): object {
    const type = `${this.publicUrl.value}/problems/${code}`;
    const retryAfter = headers['Retry-After'];
    return {
      ...{ type, title, status, code },
      ...(detail === undefined ? {} : { detail }),
      ...(errors === undefined ? {} : { errors }),
      ...(retryAfter === undefined ? {} : { retryAfter: Number(retryAfter) }),
    };
  }
}
