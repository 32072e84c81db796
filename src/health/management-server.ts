import { Injectable } from '@nestjs/common';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';

import { newId } from '../platform/crypto/tokens.js';
import { REQUEST_BUDGET } from '../platform/database/impatient-client.js';
import { LOOPBACK_HOST } from '../platform/http/dev-only.guard.js';
import { rememberRoutes } from '../platform/http/known-routes.js';
import { ProblemFilter } from '../platform/http/problem.filter.js';
import { ProblemWriter } from '../platform/http/problem-body.js';
import { RouteNotFound } from '../platform/http/problems.js';
import { PublicUrl } from '../platform/http/public-url.js';
import { setHeaders } from '../platform/http/security-headers.js';
import { answerAbsence, refuseRaw } from '../platform/http/server.js';
import { Logs } from '../platform/logging/logger.js';
import { runInRequest } from '../platform/logging/request-context.js';
import { ManagementRoutes } from './management-routes.js';

const BODY_LIMIT = 4096;
const HEADER_LIMIT = 8 * 1024;

/**
 * The second port: metrics, probes with their reasons, and /ops. It asks nobody who they are, so it listens on
 * loopback unless the operator says otherwise, and then their network has to guard it.
 */
@Injectable()
export class ManagementServer {
  private readonly instance: FastifyInstance;
  private readonly filter: ProblemFilter;
  private readonly writer: ProblemWriter;
  private onLoopback = true;

  constructor(
    publicUrl: PublicUrl,
    private readonly logs: Logs,
    routes: ManagementRoutes,
  ) {
    // Problems are made of known members only, so plain JSON says no more than the document does.
    this.writer = new ProblemWriter(() => publicUrl.value, JSON.stringify);
    this.filter = new ProblemFilter(this.writer, logs);
    this.instance = this.server();
    routes.serve(this.instance);
  }

  /** @param port 0 for any that is free @returns the port that it listens on */
  async listen(port: number, host: string): Promise<number> {
    this.onLoopback = LOOPBACK_HOST.test(host) || host === '::1';
    const url = await this.instance.listen({ port, host });
    return Number(new URL(url).port);
  }

  /** Idle connections are closed at once, busy ones after their answer. */
  async close(): Promise<void> {
    await this.instance.close();
  }

  private server(): FastifyInstance {
    const instance = fastify({
      logger: false,
      bodyLimit: BODY_LIMIT,
      requestTimeout: 10_000,
      forceCloseConnections: true,
      return503OnClosing: false,
      requestIdHeader: false,
      genReqId: () => newId(),
      routerOptions: { maxParamLength: 200 },
      http: { maxHeaderSize: HEADER_LIMIT },
      clientErrorHandler: (error, socket) => refuseRaw(error, socket, { logs: this.logs, writer: () => this.writer }),
      frameworkErrors: (error, request, reply) => {
        setHeaders(request, reply, false);
        this.filter.answer(error, request, reply);
      },
    });
    rememberRoutes(instance);
    instance.setErrorHandler((error, request, reply) => this.filter.answer(error, request, reply));
    instance.addHook('onRequest', (request, reply, done) => {
      setHeaders(request, reply, false);
      void reply.header('Cache-Control', 'no-store');
      // A page of somebody else whose name was turned to 127.0.0.1 (DNS rebinding) learns nothing here.
      if (this.onLoopback && !LOOPBACK_HOST.test(request.headers.host ?? '')) done(new RouteNotFound());
      else if (request.is404) answerAbsence(instance, request, reply, done);
      else done();
    });
    instance.addHook('preHandler', (request, _reply, done) => runInRequest(contextOf(request), done));
    // Fastify's own handler of what is not there would pass the hooks by.
    instance.setNotFoundHandler(() => {
      throw new RouteNotFound();
    });
    return instance;
  }
}

function contextOf({ id, ip }: FastifyRequest): Parameters<typeof runInRequest>[0] {
  return { requestId: id, deadline: performance.now() + REQUEST_BUDGET, ip, userAgent: null, actorId: null };
}
