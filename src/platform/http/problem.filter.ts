import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { Catch } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Logs } from '../logging/logger.js';
import { problemOf } from './problem-body.js';
import type { ProblemWriter } from './problem-body.js';
import type { Refusals } from './refusals.js';

/** The one way out for trouble, from any depth. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly writer: ProblemWriter,
    private readonly logs: Logs,
    private readonly refusals: Refusals | null = null,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void | Promise<void> {
    const http = host.switchToHttp();
    const [request, reply] = [http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>()];
    const problem = problemOf(error);
    if (!this.refusals || problem.definition.status !== 403) return this.answer(error, request, reply);
    return this.refusals.tell(problem, request).then(() => this.answer(problem, request, reply));
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = problemOf(error);
    const { status, title } = problem.definition;
    if (status >= 500) {
      const level = status === 503 ? 'warn' : 'error';
      const route = request.routeOptions.url;
      this.logs.of('http')[level]({ err: error, requestId: request.id, route }, title);
    }
    if (!reply.sent) this.writer.send(problem, request, reply);
  }
}
