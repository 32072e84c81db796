import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';

import { FastifyAdapter } from '@nestjs/platform-fastify';
import { fastify } from 'fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { newId } from '../crypto/tokens.js';
import { REQUEST_BUDGET } from '../database/impatient-client.js';
import type { Logs } from '../logging/logger.js';
import { runInRequest } from '../logging/request-context.js';
import type { RequestContext } from '../logging/request-context.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { ProblemFilter } from './problem.filter.js';
import { problemOf } from './problem-body.js';
import type { ProblemWriter } from './problem-body.js';
import { HeadersTooLarge, MalformedRequest, MethodNotAllowed, RequestTimedOut, RouteNotFound } from './problems.js';
import { parseStrictJson } from './strict-json.js';

const BODY_LIMIT = 1024 * 1024;
const HEADER_LIMIT = 16 * 1024;
const SANE_REQUEST_ID = /^[A-Za-z0-9._:-]{8,128}$/;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

declare module 'fastify' {
  interface FastifyRequest {
    context: RequestContext | null;
    startedAt: number;
  }
}

/** What the server needs before the application that it serves is there. */
export interface ServerParts {
  readonly logs: Logs;
  readonly metrics: Metrics;
  readonly secure: () => boolean;
  /** Known once the document is made; nothing is answered before. */
  readonly filter: () => ProblemFilter;
  readonly writer: () => ProblemWriter;
}

export function createServer(parts: ServerParts): FastifyAdapter {
  const instance = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && SANE_REQUEST_ID.test(given) ? given : newId();
    },
    routerOptions: {
      maxParamLength: 200,
      caseSensitive: true,
      ignoreTrailingSlash: false,
      ignoreDuplicateSlashes: false,
    },
    http: { maxHeaderSize: HEADER_LIMIT },
    clientErrorHandler: (error, socket) => refuseRaw(error, socket, parts),
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      setHeaders(request, reply, parts.secure());
      parts.filter().answer(error, request, reply);
    },
  });
  readBodies(instance);
  addHooks(instance, parts);
  return new FastifyAdapter(instance as never);
}

function readBodies(instance: FastifyInstance): void {
  instance.removeAllContentTypeParsers();
  const parse = (
    _request: FastifyRequest,
    bytes: Buffer,
    done: (error: Error | null, body?: unknown) => void,
  ): void => {
    try {
      done(null, parseStrictJson(bytes));
    } catch (error) {
      done(error as Error);
    }
  };
  instance.addContentTypeParser('application/json', { parseAs: 'buffer' }, parse);
  instance.addContentTypeParser('application/merge-patch+json', { parseAs: 'buffer' }, parse);
}

function addHooks(instance: FastifyInstance, parts: ServerParts): void {
  instance.decorateRequest('context', null);
  instance.decorateRequest('startedAt', 0);
  const http = parts.logs.of('http');

  instance.addHook('onRequest', (request, reply, done) => {
    request.startedAt = performance.now();
    setHeaders(request, reply, parts.secure());
    request.context = contextOf(request);
    if (request.is404) answerAbsence(instance, request, reply, done);
    else done();
  });

  instance.addHook('preParsing', (request, _reply, payload, done) => {
    const type = request.headers['content-type'];
    const isMergePatch = type?.toLowerCase().startsWith('application/merge-patch+json') ?? false;
    if (isMergePatch && request.method !== 'PATCH')
      done(Object.assign(new Error('Only PATCH reads merge patches'), { statusCode: 415 }));
    else done(null, payload);
  });

  // After the body was read: its events come from the socket and would lose the context.
  instance.addHook('preHandler', (request, _reply, done) => runInRequest(request.context!, done));

  instance.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    const milliseconds = performance.now() - request.startedAt;
    parts.metrics.observeRequest(request.method, route, reply.statusCode, milliseconds / 1000);
    http.info(
      {
        requestId: request.id,
        method: request.method,
        route,
        status: reply.statusCode,
        ms: Math.round(milliseconds * 100) / 100,
        userId: request.principal?.userId,
      },
      'answered',
    );
    done();
  });
}

function contextOf(request: FastifyRequest): RequestContext {
  const userAgent = request.headers['user-agent'];
  return {
    requestId: request.id,
    deadline: performance.now() + REQUEST_BUDGET,
    ip: request.ip,
    userAgent: userAgent === undefined ? null : userAgent.slice(0, 500),
    actorId: null,
  };
}

function setHeaders(request: FastifyRequest, reply: FastifyReply, secure: boolean): void {
  void reply.header('X-Request-Id', request.id);
  void reply.header('X-Content-Type-Options', 'nosniff');
  void reply.header('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
  void reply.header('Referrer-Policy', 'no-referrer');
  void reply.header('Cache-Control', 'private, no-cache');
  if (secure) void reply.header('Strict-Transport-Security', 'max-age=31536000');
}

/** A path that is known with other methods is a 405 that lists them; OPTIONS is answered with the list itself. */
function answerAbsence(
  instance: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  const path = request.url.split('?')[0]!;
  const known = METHODS.filter((method) => instance.findRoute({ method, url: path }) !== null);
  if (known.length === 0) {
    done(new RouteNotFound());
    return;
  }
  const allow = [...known, 'OPTIONS'].join(', ');
  if (request.method === 'OPTIONS') void reply.header('Allow', allow).code(204).send();
  else done(new MethodNotAllowed().withHeader('Allow', allow));
}

/** What is wrong before there is a request: no Fastify reply exists, so the answer is written on the socket. */
function refuseRaw(error: Error & { code?: string }, socket: Socket, parts: ServerParts): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? new HeadersTooLarge()
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? new RequestTimedOut()
        : new MalformedRequest();
  const requestId = randomUUID();
  const writer = parts.writer();
  const body = writer.text(writer.body(problemOf(problem), '', requestId));
  const { status } = problem.definition;
  parts.logs.of('http').info({ requestId, status, code: error.code }, 'refused');
  socket.end(
    `HTTP/1.1 ${status} ${problem.definition.code}\r\nContent-Type: application/problem+json\r\nX-Request-Id: ${requestId}\r\n` +
      `Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
