import type { OpenAPIObject } from '@nestjs/swagger';
import fastJson from 'fast-json-stringify';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';

import { isVersioned, operationsOf } from './document.js';
import type { DocumentedOperation } from './document.js';
import { pageLinks } from './lists/links.js';

type Serializer = (value: unknown) => string;
type Done = (error: Error | null, payload?: unknown) => void;

declare module 'fastify' {
  interface FastifyReply {
    /** The body was written by a serializer of the document. */
    written: boolean;
  }
}

/** How an answer of one status is written, and as what. */
interface Representation {
  readonly serialize: Serializer;
  readonly type: string;
}

/**
 * One serializer for each component of the document. What a component does not name cannot leave: the serializer does
 * not know the field.
 */
export class Serializers {
  private readonly made = new Map<string, Serializer>();
  private readonly schemas: Record<string, object>;

  constructor(document: OpenAPIObject) {
    const components = (document.components?.schemas ?? {}) as Record<string, object>;
    // fast-json-stringify looks other schemas up by `$id`, so the references are written in its manner.
    const local = JSON.stringify(components)
      .replaceAll('#/components/schemas/', '')
      .replace(/"\$ref":"([^"#]+)"/g, '"$ref":"$1#"');
    this.schemas = Object.fromEntries(
      Object.entries(JSON.parse(local) as Record<string, object>).map(([name, schema]) => [
        name,
        { $id: name, ...schema },
      ]),
    );
  }

  /** @param sparse for answers to `fields=`: no member is required */
  of(component: string, sparse = false): Serializer {
    const key = `${component} ${sparse}`;
    const known = this.made.get(key);
    if (known) return known;
    const schemas = sparse ? withoutRequired(this.schemas) : this.schemas;
    const schema = schemas[component];
    if (!schema) throw new Error(`The document has no component "${component}"`);
    const externals = Object.fromEntries(Object.entries(schemas).filter(([name]) => name !== component));
    const serializer = fastJson(schema as never, {
      schema: externals as never,
      // International addresses, whose format ajv does not know: it is asked only which branch of a union a value is.
      ajv: { strict: false, formats: { 'idn-email': true } } as never,
    }) as Serializer;
    this.made.set(key, serializer);
    return serializer;
  }
}

function withoutRequired(schemas: Record<string, object>): Record<string, object> {
  return JSON.parse(JSON.stringify(schemas), (key: string, value: unknown) =>
    key === 'required' && Array.isArray(value) ? undefined : value,
  ) as Record<string, object>;
}

/** An answer that the document does not know: a defect of ours, told as a 500 rather than sent. */
class UndocumentedAnswer extends Error {}

/**
 * Gives each route, as it is registered, the serializers of its operation. An object may only leave with a status that
 * the operation documents, as JSON, through the serializer of its component.
 */
export function serializeByDocument(fastify: FastifyInstance, document: OpenAPIObject, serializers: Serializers): void {
  const operations = new Map(
    operationsOf(document).map(({ path, method, operation }) => [
      `${method.toUpperCase()} ${routePath(path)}`,
      operation,
    ]),
  );
  fastify.decorateReply('written', false);
  fastify.addHook('onRoute', (route: RouteOptions) => {
    const method = Array.isArray(route.method) ? route.method[0]! : route.method;
    const operation = operations.get(`${method === 'HEAD' ? 'GET' : method} ${route.url}`);
    if (!operation) return;
    const full = serializersOf(operation, serializers);
    const sparse = takesFields(operation) ? serializersOf(operation, serializers, true) : full;
    const versioned = new Set(
      Object.keys(operation.responses)
        .filter((status) => isVersioned(operation.responses[status], document))
        .map(Number),
    );
    route.onSend = [
      (_request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done) =>
        done(undocumented(operation, reply, payload), payload),
      ...[route.onSend ?? []].flat(),
    ];
    route.preSerialization = (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done) => {
      const asksForFields = (request.query as { fields?: string } | undefined)?.fields !== undefined;
      const representation = (asksForFields ? sparse : full).get(reply.statusCode);
      if (!representation) {
        done(new UndocumentedAnswer(`${operation.operationId} does not document a body for ${reply.statusCode}`));
        return;
      }
      reply.serializer(representation.serialize).type(representation.type);
      reply.written = true;
      describe(request, reply, payload as Described, versioned);
      done(null, payload);
    };
  });
}

/** What reached the wire without a serializer: an empty answer of a status that is documented, or a problem. */
function undocumented(
  operation: DocumentedOperation,
  reply: FastifyReply,
  payload: unknown,
): UndocumentedAnswer | null {
  const { statusCode } = reply;
  if (reply.written || statusCode === 304) return null;
  const empty = payload === undefined || payload === null || payload === '';
  const type = String(reply.getHeader('content-type') ?? '');
  if (empty ? operation.responses[statusCode] : statusCode >= 400 && type.startsWith(PROBLEM)) return null;
  return new UndocumentedAnswer(`${operation.operationId} does not document ${statusCode} with ${type || 'no body'}`);
}

function routePath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

function takesFields({ parameters = [] }: DocumentedOperation): boolean {
  return parameters.some(({ name }) => name === 'fields');
}

function serializersOf(
  operation: DocumentedOperation,
  serializers: Serializers,
  sparse = false,
): Map<number, Representation> {
  const found = new Map<number, Representation>();
  for (const [status, response] of Object.entries(operation.responses)) {
    // Problems have a way out of their own; a failure that is told in another manner (a probe's 503) is an answer.
    const [media, content] = Object.entries(response.content ?? {}).find(([name]) => name !== PROBLEM) ?? [];
    const component = (content?.schema as { $ref?: string } | undefined)?.$ref?.split('/').at(-1);
    if (!media || !component) continue;
    const type = media === 'application/json' ? `${media}; charset=utf-8` : media;
    found.set(Number(status), { serialize: serializers.of(component, sparse), type });
  }
  return found;
}

const PROBLEM = 'application/problem+json';

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
): void {
  const path = request.url.split('?')[0]!;
  if (reply.statusCode === 201 && payload.id) void reply.header('Location', `${path}/${payload.id}`);
  if (payload.page) link(request, reply, path, payload.page);
  if (versioned.has(reply.statusCode) && payload.version !== undefined)
    tag(request, reply, `"${payload.version}.json"`);
}

/** Where the pages beside this one are (RFC 8288). */
function link(request: FastifyRequest, reply: FastifyReply, path: string, page: NonNullable<Described['page']>): void {
  const cursors = { next: page.nextCursor, prev: page.prevCursor };
  const header = pageLinks(path, request.query as Record<string, string>, cursors);
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
