import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';

import type { Logs } from '../logging/logger.js';
import { isVersioned, operationsOf } from './document.js';
import type { DocumentedOperation } from './documented.js';
import { pageLinks } from './lists/links.js';
import { following } from './lists/listing.js';
import type { Listing } from './lists/listing.js';
import { Offers, varyBy, varyByAccept } from './negotiation/accept.js';
import { EVENT_STREAM, JSON_TYPE, XML } from './negotiation/media-types.js';
import { leaveOut, prefersMinimal } from './negotiation/prefer.js';
import { componentOf, representationsOf } from './representations.js';
import type { Serializers } from './serializers.js';
import { streamedRoute } from './streamed-body.js';

type Done = (error: Error | null, payload?: unknown) => void;

declare module 'fastify' {
  interface FastifyReply {
    /** The body was written by a serializer of the document. */
    written: boolean;
  }
  interface FastifyRequest {
    /** The media type in which it is answered. */
    format: string;
  }
  interface FastifyContextConfig {
    /** The media types of a body, as the document lists them. */
    readonly takes?: readonly string[];
    readonly readXml?: (bytes: Uint8Array) => unknown;
  }
}

/** An answer that the document does not know: a defect of ours, told as a 500 rather than sent. */
class UndocumentedAnswer extends Error {}

/** What is known of a route before anybody asks it. */
interface Route {
  readonly operation: DocumentedOperation;
  readonly offers: Offers;
  readonly representations: ReturnType<typeof representationsOf>;
  readonly versioned: ReadonlySet<number>;
  /** The answer of a change is what was changed, which not everybody wants. */
  readonly minimal: boolean;
}

/**
 * Gives each route, as it is registered, the readers and writers of its operation. An object may only leave with a
 * status and in a media type that the operation documents, through the serializer of its component.
 */
export function serializeByDocument(
  fastify: FastifyInstance,
  document: OpenAPIObject,
  serializers: Serializers,
  logs: Logs,
): void {
  const operations = new Map(
    operationsOf(document).map((each) => [`${each.method.toUpperCase()} ${routePath(each.path)}`, each.operation]),
  );
  const failed = (err: unknown, { id }: FastifyRequest): void =>
    logs.of('http').warn({ err, requestId: id }, 'A list broke off');
  fastify.decorateReply('written', false);
  fastify.decorateRequest('format', JSON_TYPE);
  fastify.addHook('onRoute', (options: RouteOptions) => {
    const method = Array.isArray(options.method) ? options.method[0]! : options.method;
    const operation = operations.get(`${method === 'HEAD' ? 'GET' : method} ${options.url}`);
    if (!operation) return;
    const route: Route = {
      operation,
      offers: new Offers(offersOf(operation)),
      representations: representationsOf(operation, document, serializers, failed),
      versioned: versionedStatuses(operation, document),
      minimal: takes(operation, 'Prefer'),
    };
    options.config = { ...options.config, ...bodiesOf(operation, serializers) } as typeof options.config;
    if (operation['x-streamed-body']) Object.assign(options, streamedRoute(options.config!.takes ?? []));
    if (route.offers.types.length > 1 || route.offers.types[0] === EVENT_STREAM)
      options.preHandler = [negotiate(route), ...[options.preHandler ?? []].flat()] as never;
    options.onSend = [guard(operation), ...[options.onSend ?? []].flat()];
    options.preSerialization = represent(route);
  });
}

function routePath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

function takes({ parameters = [] }: DocumentedOperation, parameter: string): boolean {
  return parameters.some(({ name }) => name === parameter);
}

/** The media types of the happy answer. */
function offersOf({ responses }: DocumentedOperation): string[] {
  const happy = Object.entries(responses).find(([status]) => status.startsWith('2'));
  return Object.keys(happy?.[1].content ?? {});
}

function versionedStatuses({ responses }: DocumentedOperation, document: OpenAPIObject): Set<number> {
  return new Set(
    Object.keys(responses)
      .filter((status) => isVersioned(responses[status], document))
      .map(Number),
  );
}

/** What the readers of bodies need to know of a route. */
function bodiesOf({ requestBody, responses }: DocumentedOperation, serializers: Serializers): object {
  const content = requestBody?.content ?? {};
  const component = componentOf(content[XML]);
  if (component === null) return { takes: Object.keys(content) };
  // An answer may be changed and sent back as it is.
  const answered = Object.values(responses).flatMap((response) => componentOf(response.content?.[XML]) ?? []);
  return { takes: Object.keys(content), readXml: serializers.xmlBody(component, answered) };
}

/** Before anything is done: a change that nobody can be told of is not made. */
function negotiate({ offers }: Route) {
  return (request: FastifyRequest, reply: FastifyReply, done: Done): void => {
    const format = offers.choose(request.headers.accept);
    varyByAccept(reply);
    if (format === null) {
      done(offers.refusal());
      return;
    }
    request.format = format;
    done(null);
  };
}

function represent({ operation, offers, representations, versioned, minimal }: Route) {
  const [first = JSON_TYPE] = offers.types;
  const only = offers.types.length > 1 ? null : first;
  const isPublic = operation.security?.length === 0;
  return (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void => {
    const { statusCode } = reply;
    const found =
      representations.get(`${statusCode} ${only ?? request.format}`) ?? representations.get(`${statusCode} ${first}`);
    if (!found) {
      done(new UndocumentedAnswer(`${operation.operationId} does not document a body for ${statusCode}`));
      return;
    }
    reply.serializer((value: unknown) => found.write(value, request, reply) as string).type(found.type);
    reply.written = true;
    describe(request, reply, payload as Described, versioned, operation['x-made-under']);
    // Shared addresses, such as `/me` and lists, are not to be answered from what another person was told.
    if (!isPublic) varyBy(reply, 'Authorization');
    if (minimal && statusCode < 300 && prefersMinimal(request)) leaveOut(reply);
    done(null, payload);
  };
}

/** What reached the wire without a serializer: an empty answer of a status that is documented, or a problem. */
function guard(operation: DocumentedOperation) {
  return (_request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void => {
    const { statusCode } = reply;
    if (reply.written || statusCode === 304) {
      done(null, payload);
      return;
    }
    const empty = payload === undefined || payload === null || payload === '';
    const type = String(reply.getHeader('content-type') ?? '');
    const told = (statusCode >= 400 && type.startsWith(PROBLEM)) || isStreamOf(operation, statusCode, type);
    if (empty ? operation.responses[statusCode] : told) done(null, payload);
    else
      done(
        new UndocumentedAnswer(`${operation.operationId} does not document ${statusCode} with ${type || 'no body'}`),
      );
  };
}

const PROBLEM = 'application/problem+';

/** Texts are written as they come, by whoever tells of events or has kept a file. */
function isStreamOf({ responses }: DocumentedOperation, status: number, type: string): boolean {
  const media = responses[status]?.content?.[type.split(';')[0]!];
  return media !== undefined && componentOf(media) === null;
}

interface Described {
  readonly id?: string;
  readonly version?: number;
  readonly page?: { readonly nextCursor: string | null; readonly prevCursor: string | null };
}

/** The headers that every answer of its kind has: Location of what was made, Link of a page, ETag of a version. */
function describe(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: Described,
  versioned: ReadonlySet<number>,
  madeUnder = pathOf(request),
): void {
  const isMade = reply.statusCode === 201 || reply.statusCode === 202;
  if (isMade && payload.id) void reply.header('Location', `${madeUnder}/${payload.id}`);
  // What is streamed to its end has no page after it.
  if (payload.page && !following(payload as Listing)) link(request, reply, payload.page);
  if (versioned.has(reply.statusCode) && payload.version !== undefined)
    tag(
      request,
      reply,
      `"${payload.version}.${request.format === XML ? 'xml' : 'json'}${whose(request, reply, payload)}"`,
    );
}

/**
 * `/me` is another thing to each who asks, and a tag is to tell apart all that ever was at one address (RFC 9110,
 * 8.8.1): browsers revalidate across people, whatever Vary says, and would show one what the other saw.
 */
function whose({ url }: FastifyRequest, { statusCode }: FastifyReply, { id }: Described): string {
  // What was made is tagged as at its own address, which has the id.
  return id === undefined || statusCode === 201 || statusCode === 202 || url.includes(id) ? '' : `-${id.slice(-12)}`;
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?')[0]!;
}

/** Where the pages beside this one are (RFC 8288). */
function link(request: FastifyRequest, reply: FastifyReply, page: NonNullable<Described['page']>): void {
  const cursors = { next: page.nextCursor, prev: page.prevCursor };
  const header = pageLinks(pathOf(request), request.query as Record<string, string>, cursors);
  if (header !== null) void reply.header('Link', header);
}

/** The version as an entity tag; 304 for whoever has it already (RFC 9110, 13.1.2). */
function tag(request: FastifyRequest, reply: FastifyReply, entityTag: string): void {
  void reply.header('ETag', entityTag);
  const known = request.headers['if-none-match'];
  if (known === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return;
  if (known !== '*' && !known.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === entityTag))
    return;
  void reply.code(304);
  reply.serializer(() => '');
}
