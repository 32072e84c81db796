import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import { FastifyAdapter } from '@nestjs/platform-fastify';
import { fastify } from 'fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import type { TrustedProxies } from '../config/network.js';
import type { Problem } from '../contract/problem.js';
import { newId } from '../crypto/tokens.js';
import { REQUEST_BUDGET } from '../database/impatient-client.js';
import type { Logs } from '../logging/logger.js';
import { runInRequest } from '../logging/request-context.js';
import type { RequestContext } from '../logging/request-context.js';
import type { Metrics } from '../telemetry/metrics.js';
import { clientAddress, trustOf } from './client-address.js';
import { isPreflight } from './cors.js';
import type { Cors } from './cors.js';
import { methodsAt, rememberRoutes } from './known-routes.js';
import type { ProblemFilter } from './problem.filter.js';
import type { ProblemWriter } from './problem-body.js';
import {
  HeadersTooLarge,
  MalformedRequest,
  MethodNotAllowed,
  PayloadTooLarge,
  RequestTimedOut,
  RouteNotFound,
  UnsupportedMediaType,
} from './problems.js';
import { HTTPS_ONLY, SAFE_HEADERS, setHeaders } from './security-headers.js';
import { endStreamsWith } from './sse.js';
import { handOverStreams, isSendingFile } from './streamed-body.js';
import { parseStrictJson } from './strict-json.js';

const BODY_LIMIT = 1024 * 1024;
/** A parser of XML takes longer over a byte than one of JSON does. */
const XML_BYTES = 256 * 1024;
const HEADER_LIMIT = 16 * 1024;
const NODE = { maxHeaderSize: HEADER_LIMIT, connectionsCheckingInterval: 1000 } as const;
const SANE_REQUEST_ID = /^[A-Za-z0-9._:-]{8,128}$/;
/** How long a refused client may take to read why before its socket is closed. Milliseconds. */
const LINGER = 500;

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
  readonly trustProxy: TrustedProxies;
  readonly cors: Cors;
  /** Counts a request before anything is done for it, and goes on with the refusal if there is one. */
  readonly limit: (request: FastifyRequest, reply: FastifyReply, next: (refusal?: Error) => void) => void;
  /** Whether a request that asks for another protocol gets it; else it is answered as any other (RFC 9110, 7.8). */
  readonly upgrades: (request: IncomingMessage) => boolean;
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
    trustProxy: trustOf(parts.trustProxy),
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
    // Node would refuse a request without Host by a bare 400; we do it in our own words.
    http: { ...NODE, requireHostHeader: false, shouldUpgradeCallback: parts.upgrades },
    clientErrorHandler: (error, socket) => refuseRaw(error, socket, parts),
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      setHeaders(request, reply, parts.secure());
      parts.cors.allow(request, reply);
      parts.limit(request, reply, (refusal) => parts.filter().answer(refusal ?? error, request, reply));
    },
  });
  answerForNode(instance, parts);
  rememberRoutes(instance);
  endStreamsWith(instance);
  parts.cors.vary(instance);
  readBodies(instance);
  addHooks(instance, parts);
  return new FastifyAdapter(instance as never);
}

/** What Node would answer without a problem, or without a word. */
function answerForNode({ server }: FastifyInstance, parts: ServerParts): void {
  // An expectation that nobody knows may be ignored (RFC 9110, 10.1.1); Node would answer a bare 417.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  // We are nobody's tunnel; Node would close the connection.
  server.on('connect', (_request, socket: Socket) => {
    socket.on('error', () => socket.destroy());
    refuseRaw(new Error('CONNECT'), socket, parts);
  });
}

export function readBodies(instance: FastifyInstance): void {
  type Done = (error: Error | null, body?: unknown) => void;
  type Read = (bytes: Uint8Array) => unknown;
  const by =
    (reader: (request: FastifyRequest) => Read | undefined) =>
    (request: FastifyRequest, bytes: Buffer, done: Done): void => {
      try {
        const read = isPlainUtf8(request) ? reader(request) : undefined;
        if (read) done(null, read(bytes));
        else done(new UnsupportedMediaType());
      } catch (error) {
        done(error as Error);
      }
    };
  instance.removeAllContentTypeParsers();
  const asBuffer = { parseAs: 'buffer' } as const;
  const ofPatch = ({ method }: FastifyRequest): Read | undefined => (method === 'PATCH' ? parseStrictJson : undefined);
  const ofRoute = ({ routeOptions }: FastifyRequest): Read | undefined => routeOptions.config?.readXml;
  instance.addContentTypeParser(
    'application/json',
    asBuffer,
    by(() => parseStrictJson),
  );
  instance.addContentTypeParser('application/merge-patch+json', asBuffer, by(ofPatch));
  instance.addContentTypeParser(['application/xml', 'text/xml'], { ...asBuffer, bodyLimit: XML_BYTES }, by(ofRoute));
  handOverStreams(instance, isPlainUtf8);
}

/** Neither compressed, nor in another charset: what we read is UTF-8 (RFC 8259, 8.1). */
function isPlainUtf8({ headers }: FastifyRequest): boolean {
  const { 'content-encoding': coding = 'identity', 'content-type': type = '' } = headers;
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(type)?.[1] ?? 'utf-8';
  return coding.toLowerCase() === 'identity' && charset.toLowerCase() === 'utf-8';
}

function addHooks(instance: FastifyInstance, parts: ServerParts): void {
  instance.decorateRequest('context', null);
  instance.decorateRequest('startedAt', 0);
  instance.addHook('onRequest', (request, reply, done) => {
    request.startedAt = performance.now();
    parts.metrics.requestStarted();
    // Also emitted for a client that went away before its answer.
    reply.raw.once('close', parts.metrics.requestEnded);
    setHeaders(request, reply, parts.secure());
    const allowed = parts.cors.allow(request, reply);
    parts.limit(request, reply, (refusal) => {
      if (refusal) done(refusal);
      else if (allowed && isPreflight(request)) parts.cors.answerPreflight(reply);
      else if (request.is404) answerAbsence(instance, request, reply, done);
      else if (request.headers.host === undefined && request.raw.httpVersion === '1.1')
        done(new MalformedRequest('The header field Host is missing'));
      else done();
    });
  });

  // After the body was read: its events come from the socket and would lose the context.
  // The deadline begins here too: a slow sender has requestTimeout for the body, and PostgreSQL is not to pay for it.
  instance.addHook('preHandler', (request, _reply, done) => {
    request.context = contextOf(request);
    runInRequest(request.context, done);
  });
  tellOfAnswers(instance, parts);
}

/** One metric and one line of the log for each request. */
function tellOfAnswers(instance: FastifyInstance, parts: ServerParts): void {
  const { access } = parts.logs;
  instance.addHook('onResponse', (request, reply, done) => {
    const route = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
    const milliseconds = performance.now() - request.startedAt;
    parts.metrics.observeRequest(request.method, route, reply.statusCode, milliseconds / 1000);
    access.info(
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
    ip: clientAddress(request),
    userAgent: userAgent === undefined ? null : userAgent.slice(0, 500),
    actorId: null,
  };
}

/** A path that is known with other methods is a 405 that lists them; OPTIONS is answered with the list itself. */
export function answerAbsence(
  instance: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  const known = methodsAt(instance, request.url.split('?')[0]!);
  if (known.length === 0) {
    done(new RouteNotFound());
    return;
  }
  const allow = [...known, 'OPTIONS'].join(', ');
  if (request.method === 'OPTIONS') void reply.header('Allow', allow).code(204).send();
  else done(new MethodNotAllowed().withHeader('Allow', allow));
}

/** What is wrong before there is a request: no Fastify reply exists, so the answer is written on the socket. */
export function refuseRaw(
  error: Error & { code?: string },
  socket: Socket,
  parts: Pick<ServerParts, 'logs' | 'writer'> & { readonly secure?: () => boolean },
): void {
  // A file may take longer than other requests; who reads it watches over it.
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && isSendingFile(socket)) return;
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = rawProblem(error.code);
  const { status, code } = problem.definition;
  const requestId = newId();
  parts.logs.of('http').info({ requestId, status, code: error.code }, 'refused');
  const writer = parts.writer();
  const body = writer.text(writer.body(problem, '', requestId));
  const headers = {
    'X-Request-Id': requestId,
    ...SAFE_HEADERS,
    ...(parts.secure?.() ? HTTPS_ONLY : {}),
    'Cache-Control': 'no-store',
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  // Destroyed at once, the socket would be reset under the answer; left open, whoever never closes would keep it.
  socket.end(`HTTP/1.1 ${status} ${code}\r\n${lines.join('')}\r\n${body}`, () =>
    setTimeout(() => socket.destroy(), LINGER).unref(),
  );
}

/** By the codes of Node and its parser, llhttp. */
function rawProblem(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return new HeadersTooLarge();
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new RequestTimedOut();
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return new PayloadTooLarge();
  return new MalformedRequest();
}
