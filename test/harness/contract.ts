import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { operationsOf } from '../../src/platform/http/document.js';
import type { DocumentedOperation } from '../../src/platform/http/document.js';
import { run } from './database.js';

type Schema = Record<string, unknown>;

/** What an answer did that its operation does not document; each fails the test that caused it. */
export class ContractBroken extends Error {}

/**
 * Compares every answer with the document: its status, its media type, and its body, in which an unknown member fails.
 * Whatever does not match becomes a 500, and is remembered in `broken`.
 */
export function watchContract(fastify: FastifyInstance, document: OpenAPIObject, broken: string[]): void {
  const operations = new Map(
    operationsOf(document).map((each) => [
      `${each.method.toUpperCase()} ${each.path.replace(/\{(\w+)\}/g, ':$1')}`,
      each.operation,
    ]),
  );
  const validators = new Validators(document);
  const seen = new Set<string>();
  fastify.addHook(
    'onSend',
    (
      request: FastifyRequest,
      reply: FastifyReply,
      payload: unknown,
      done: (error?: Error | null, payload?: unknown) => void,
    ) => {
      const method = request.method === 'HEAD' ? 'GET' : request.method;
      const operation = operations.get(`${method} ${request.routeOptions.url}`);
      const fault = operation
        ? faultOf(operation, request, reply, payload, validators)
        : undocumented(request, reply, payload, validators);
      if (fault) {
        broken.push(`${request.method} ${request.url}: ${fault}`);
        done(new ContractBroken(fault));
        return;
      }
      if (operation && reply.statusCode < 300 && !seen.has(operation.operationId)) {
        seen.add(operation.operationId);
        appendFileSync(join(run.folder, `operations-${process.env['JEST_WORKER_ID']}`), `${operation.operationId}\n`);
      }
      done(null, payload);
    },
  );
}

function faultOf(
  operation: DocumentedOperation,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  validators: Validators,
): string | null {
  const status = String(reply.statusCode);
  if (status === '304') return null;
  const response =
    operation.responses[status] ?? (reply.statusCode >= 400 ? operation.responses['default'] : undefined);
  if (!response) return `${operation.operationId} does not document ${status}`;
  const type = String(reply.getHeader('content-type') ?? '').split(';')[0]!;
  if (!response.content)
    return payload === undefined || payload === '' || payload === null ? null : `${status} documents no body`;
  const schema = response.content[type]?.schema as { $ref?: string } | undefined;
  if (!schema) return `${operation.operationId} does not document ${type} for ${status}`;
  if (reply.statusCode >= 400 && !operation.responses[status])
    return `${operation.operationId} answers ${status} only by its default`;
  const code = reply.statusCode >= 400 ? (JSON.parse(String(payload)) as { code: string }).code : null;
  const examples = response.content[type]?.examples;
  if (code && examples && !(code in examples)) return `${operation.operationId} does not document the problem ${code}`;
  const sparse = (request.query as { fields?: string } | undefined)?.fields !== undefined;
  return validators.faultOf(schema.$ref!.split('/').at(-1)!, sparse, JSON.parse(String(payload)));
}

/** Outside the document only problems, pages and files leave. */
function undocumented(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  validators: Validators,
): string | null {
  if (reply.statusCode < 400) return null;
  const type = String(reply.getHeader('content-type') ?? '');
  if (!type.startsWith('application/problem+json')) return `${request.method} fails with ${type}`;
  return validators.faultOf('Problem', false, JSON.parse(String(payload)));
}

class Validators {
  private readonly made = new Map<string, ValidateFunction>();

  constructor(private readonly document: OpenAPIObject) {}

  faultOf(component: string, sparse: boolean, body: unknown): string | null {
    const key = `${component} ${sparse}`;
    let validate = this.made.get(key);
    if (!validate) {
      const ajv = new Ajv2020({ strict: false, allErrors: true });
      formats.default(ajv);
      // RFC 6531, which ajv-formats does not have: its `email` knows neither letters beyond ASCII nor `localhost`.
      ajv.addFormat('idn-email', /^[^\s@]{1,64}@[^\s@]{1,255}$/u);
      const schemas = JSON.parse(JSON.stringify(this.document.components?.schemas)) as Record<string, Schema>;
      for (const schema of Object.values(schemas)) close(schema, sparse);
      validate = ajv.compile({
        $id: 'https://test.invalid/',
        $ref: `#/components/schemas/${component}`,
        components: { schemas },
      });
      this.made.set(key, validate);
    }
    return validate(body) ? null : `${component}: ${JSON.stringify(validate.errors)}`;
  }
}

/** Unknown members fail; with `fields=` no member is required. */
function close(schema: Schema, sparse: boolean): void {
  if (schema['type'] !== 'object' || !schema['properties']) return;
  schema['additionalProperties'] ??= false;
  if (sparse) delete schema['required'];
}
