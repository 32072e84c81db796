import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { operationsOf } from '../../src/platform/http/document.js';
import type { DocumentedOperation } from '../../src/platform/http/documented.js';
import type { Schemas } from '../../src/platform/http/formats/schema.js';
import { xmlReader } from '../../src/platform/http/formats/xml-reader.js';
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
      const type = String(reply.getHeader('content-type') ?? '').split(';')[0]!;
      const isStream = payload instanceof Readable && request.method !== 'HEAD';
      const isList = operation?.responses['200']?.content?.['application/json'] !== undefined;
      const rows = operation && isStream && isList ? new Rows(operation, type, request, validators) : null;
      done(null, rows ? Readable.from(rows.watch(payload as Readable, broken), { objectMode: false }) : payload);
    },
  );
}

/** Headers that a client acts on: none is sent that the document does not tell of. */
const PROMISED = [
  'Retry-After',
  'Location',
  'ETag',
  'Content-Disposition',
  'Link',
  'Accept-Patch',
  'Accept-Post',
] as const;

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
  const strange = PROMISED.find((name) => reply.hasHeader(name) && !response.headers?.[name]);
  if (strange) return `${operation.operationId} does not document ${strange} for ${status}`;
  const type = String(reply.getHeader('content-type') ?? '').split(';')[0]!;
  if (!response.content)
    return payload === undefined || payload === '' || payload === null ? null : `${status} documents no body`;
  if (type === 'text/html' && response.content[type]) return null;
  if (payload === '' && reply.getHeader('preference-applied') === 'return=minimal') return null;
  const schema = response.content[type]?.schema as { $ref?: string } | undefined;
  if (!schema) return `${operation.operationId} does not document ${type} for ${status}`;
  if (reply.statusCode >= 400 && !operation.responses[status])
    return `${operation.operationId} answers ${status} only by its default`;
  // Pages are text; rows are looked at as they pass.
  if (!schema.$ref) return null;
  const value = validators.read(type, schema.$ref, String(payload));
  if (value === undefined) return request.method === 'HEAD' ? null : `${type} is empty`;
  const code = reply.statusCode >= 400 ? (value as { code: string }).code : null;
  const examples = response.content['application/problem+json']?.examples;
  if (code && examples && !(code in examples)) return `${operation.operationId} does not document the problem ${code}`;
  const sparse = (request.query as { fields?: string } | undefined)?.fields !== undefined;
  return validators.faultOf(schema.$ref.split('/').at(-1)!, sparse, value);
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
  if (!type.startsWith('application/problem+')) return `${request.method} fails with ${type}`;
  return validators.faultOf('Problem', false, validators.read(type, 'Problem', String(payload)));
}

/** A list that is streamed: what is wrong with it is known at its end. */
class Rows {
  private readonly item: string;

  constructor(
    private readonly operation: DocumentedOperation,
    private readonly type: string,
    private readonly request: FastifyRequest,
    private readonly validators: Validators,
  ) {
    const page = operation.responses['200']!.content!['application/json']!.schema as { $ref: string };
    this.item = validators.itemOf(page.$ref);
  }

  async *watch(rows: Readable, broken: string[]): AsyncGenerator<unknown> {
    let text = '';
    for await (const chunk of rows) {
      text += String(chunk);
      yield chunk;
    }
    const fault = this.type === 'text/csv' ? this.csvFault(text) : this.linesFault(text);
    if (fault) broken.push(`${this.request.url} as ${this.type}: ${fault} (${this.operation.operationId})`);
  }

  private csvFault(text: string): string | null {
    const columns = this.validators.membersOf(this.item);
    const header = text.slice(0, text.indexOf('\r\n')).split(',');
    const strange = header.filter((name) => !columns.includes(name));
    if (strange.length > 0) return `unknown columns ${strange.join(', ')}`;
    return this.sparse || header.length === columns.length ? null : 'columns are missing';
  }

  private linesFault(text: string): string | null {
    const lines = text.split('\n').slice(0, -1);
    return lines.reduce<string | null>(
      (fault, line) => fault ?? this.validators.faultOf(this.item, this.sparse, JSON.parse(line)),
      null,
    );
  }

  private get sparse(): boolean {
    return (this.request.query as { fields?: string }).fields !== undefined;
  }
}

const BASE = 'https://test.invalid/';

class Validators {
  /** By what is required: everything, or with `fields=` nothing. */
  private readonly ajvs = new Map<boolean, Ajv2020>();

  constructor(private readonly document: OpenAPIObject) {}

  /** The value of a body in any format; undefined if there is none. */
  read(type: string, reference: string, text: string): unknown {
    if (text === '') return undefined;
    if (!type.includes('xml')) return JSON.parse(text);
    return xmlReader(reference.split('/').at(-1)!, this.document.components!.schemas as Schemas)(Buffer.from(text));
  }

  /** The component of the rows of a page. */
  itemOf(page: string): string {
    const schemas = this.document.components!.schemas as Record<
      string,
      { properties: { data: { items: { $ref: string } } } }
    >;
    return schemas[page.split('/').at(-1)!]!.properties.data.items.$ref.split('/').at(-1)!;
  }

  membersOf(component: string): string[] {
    const { properties } = this.document.components!.schemas![component] as { properties: object };
    return Object.keys(properties);
  }

  faultOf(component: string, sparse: boolean, body: unknown): string | null {
    const validate = this.ajv(sparse).getSchema(`${BASE}#/components/schemas/${component}`);
    if (!validate) return `The document has no component "${component}"`;
    return validate(body) ? null : `${component}: ${JSON.stringify(validate.errors)}`;
  }

  /** One for all components: each is compiled when it is first met, with those that it names. */
  private ajv(sparse: boolean): Ajv2020 {
    const known = this.ajvs.get(sparse);
    if (known) return known;
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    formats.default(ajv);
    // RFC 6531, which ajv-formats does not have: its `email` knows neither letters beyond ASCII nor `localhost`.
    ajv.addFormat('idn-email', /^[^\s@]{1,64}@[^\s@]{1,255}$/u);
    const schemas = JSON.parse(JSON.stringify(this.document.components?.schemas)) as Record<string, Schema>;
    for (const schema of Object.values(schemas)) close(schema, sparse);
    ajv.addSchema({ $id: BASE, components: { schemas } });
    this.ajvs.set(sparse, ajv);
    return ajv;
  }
}

/** Unknown members fail; with `fields=` no member is required. */
function close(schema: Schema, sparse: boolean): void {
  if (schema['type'] !== 'object' || !schema['properties']) return;
  schema['additionalProperties'] ??= false;
  if (sparse) delete schema['required'];
}
