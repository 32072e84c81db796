import type { OpenAPIObject } from '@nestjs/swagger';
import fastJson from 'fast-json-stringify';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';

import { isVersioned, operationsOf } from './document.js';
import type { DocumentedOperation } from './document.js';

type Serializer = (value: unknown) => string;

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

  of(component: string): Serializer {
    const known = this.made.get(component);
    if (known) return known;
    const schema = this.schemas[component];
    if (!schema) throw new Error(`The document has no component "${component}"`);
    const externals = Object.fromEntries(Object.entries(this.schemas).filter(([name]) => name !== component));
    const serializer = fastJson(schema as never, {
      schema: externals as never,
      ajv: { strict: false } as never,
    }) as Serializer;
    this.made.set(component, serializer);
    return serializer;
  }
}

/** An answer that the document does not know: a defect of ours, told as a 500 rather than sent. */
export class UndocumentedAnswer extends Error {}

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
  fastify.addHook('onRoute', (route: RouteOptions) => {
    const method = Array.isArray(route.method) ? route.method[0]! : route.method;
    const operation = operations.get(`${method === 'HEAD' ? 'GET' : method} ${route.url}`);
    if (!operation) return;
    const byStatus = serializersOf(operation, serializers);
    const versioned = new Set(
      Object.keys(operation.responses)
        .filter((status) => isVersioned(operation.responses[status], document))
        .map(Number),
    );
    route.preSerialization = (
      request: FastifyRequest,
      reply: FastifyReply,
      payload: unknown,
      done: (error: Error | null, payload?: unknown) => void,
    ) => {
      const serializer = byStatus.get(reply.statusCode);
      if (!serializer) {
        done(
          new UndocumentedAnswer(
            `${operation.operationId} answered ${reply.statusCode} with a body that the document does not know`,
          ),
        );
        return;
      }
      reply.serializer(serializer);
      describe(request, reply, payload as { id?: string; version?: number }, versioned);
      done(null, payload);
    };
  });
}

function routePath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

function serializersOf(operation: DocumentedOperation, serializers: Serializers): Map<number, Serializer> {
  const found = new Map<number, Serializer>();
  for (const [status, response] of Object.entries(operation.responses)) {
    const schema = Object.values(response.content ?? {})[0]?.schema as { $ref?: string } | undefined;
    const component = schema?.$ref?.split('/').at(-1);
    if (component && Number(status) < 400) found.set(Number(status), serializers.of(component));
  }
  return found;
}

/** The headers that every answer of its kind has: ETag of a version, Location of what was made, 304 (RFC 9110). */
function describe(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: { id?: string; version?: number },
  versioned: ReadonlySet<number>,
): void {
  void reply.type('application/json; charset=utf-8');
  if (reply.statusCode === 201 && payload.id)
    void reply.header('Location', `${request.url.split('?')[0]}/${payload.id}`);
  if (!versioned.has(reply.statusCode) || payload.version === undefined) return;
  const tag = `"${payload.version}.json"`;
  void reply.header('ETag', tag);
  const known = request.headers['if-none-match'];
  if (known === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return;
  if (known === '*' || known.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === tag)) {
    void reply.code(304);
    reply.serializer(() => '');
  }
}
