import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';

import { problems } from '../contract/problem.js';
import { requirePolicies } from './declared-policies.js';
import type { DocumentedOperation, Media, Response } from './documented.js';
import { exampleOf, forgetNamedExamples, showNamedExamples } from './examples.js';
import type { Schema } from './examples.js';
import { exampleOfProblem } from './problem-examples.js';
import type { Schemas } from './formats/schema.js';
import { describeIdempotency, idempotencyProblemsOf } from './idempotency/describe.js';
import { EVENT_STREAM, describeMediaTypes, describeXml, showOtherFormats } from './negotiation/media-types.js';
import { PREFER } from './negotiation/prefer.js';
import { offeredBy } from './problem-body.js';
import { ProblemResponse } from './problem.response.js';
import { LIMIT_HEADERS, describeLimits, limitProblemsOf, referenceTo } from './rate-limit.js';
import { describeStreamedBody } from './streamed-body.js';

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;

export interface Tag {
  readonly name: string;
  readonly about: string;
}

/** The OpenAPI document, from the decorators and before the routes are registered: the serializers are made from it. */
export function buildDocument(app: INestApplication, version: string, tags: readonly Tag[]): OpenAPIObject {
  requirePolicies(app);
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.1')
    .setTitle('Roster')
    .setDescription(
      'Users, sign-in, sessions and roles. Every failure is a problem (RFC 9457) with a `code` that never changes; each code is explained at `/problems/{code}`.',
    )
    .setVersion(version)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('/', 'This server')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'The `accessToken` of `POST /api/v1/auth/login`',
    });
  for (const { name, about } of tags) builder.addTag(name, about);
  const document = SwaggerModule.createDocument(app, builder.build(), { extraModels: [ProblemResponse] });
  document.components = { ...document.components, headers: { ...LIMIT_HEADERS } };
  const components = (document.components?.schemas ?? {}) as Record<string, Schema>;
  for (const { operation, method, path } of operationsOf(document)) {
    complete(operation, method, path, document);
    showHappyExamples(operation, components);
  }
  forgetNamedExamples(components);
  describeXml(document);
  return document;
}

export function operationsOf(
  document: OpenAPIObject,
): { path: string; method: string; operation: DocumentedOperation }[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method] as DocumentedOperation | undefined;
      return operation ? [{ path, method, operation }] : [];
    }),
  );
}

function complete(operation: DocumentedOperation, method: string, path: string, document: OpenAPIObject): void {
  // Said, not left out: the document asks for a token nowhere by default.
  operation.security ??= [];
  describeMediaTypes(operation, method);
  describePreference(operation, method);
  for (const [status, response] of Object.entries(operation.responses)) describeHeaders(response, status, document);
  const { 200: shown, 204: minimal } = operation.responses;
  if (shown?.headers?.['ETag'] && minimal) minimal.headers = { ...minimal.headers, ETag: shown.headers['ETag'] };
  const codes = new Set([...codesOf(operation, method), ...(operation['x-problems'] ?? [])]);
  delete operation['x-problems'];
  describeStreamedBody(operation);
  for (const code of codes) addProblem(operation, code, path, document);
  const { 415: refused } = operation.responses;
  if (refused && operation.requestBody)
    refused.headers = { ...refused.headers, [offeredBy(method.toUpperCase())]: WHAT_IS_TAKEN };
  for (const status of operation['x-pages'] ?? []) operation.responses[status]!.content!['text/html'] = PAGE;
  delete operation['x-pages'];
  operation.responses['default'] = {
    description: 'Any other failure',
    content: { 'application/problem+json': { schema: PROBLEM }, 'application/problem+xml': { schema: PROBLEM } },
  };
  describeLimits(operation, method);
  describeIdempotency(operation, method);
}

/** What a good request and a good answer look like, put together from the examples of their members. */
function showHappyExamples(operation: DocumentedOperation, components: Record<string, Schema>): void {
  const show = ([type, media]: [string, Media], request: boolean): void => {
    if (!type.endsWith('json') || !media.schema || showNamedExamples(media, type, components)) return;
    if (!media.examples) media.example ??= exampleOf(media.schema, components, { request });
  };
  const { content: body = {} } = operation.requestBody ?? {};
  for (const media of Object.entries(body)) show(media, true);
  showOtherFormats(body, components as Schemas);
  for (const [status, { content = {} }] of Object.entries(operation.responses)) {
    if (!status.startsWith('2')) continue;
    for (const media of Object.entries(content)) show(media, false);
    showOtherFormats(content, components as Schemas);
  }
}

/** The same for people (platform/pages). */
const PAGE: Media = { schema: { type: 'string' }, example: '<!doctype html>' };
const PROBLEM = { $ref: '#/components/schemas/Problem' };

/** The problems that follow from what an operation takes and who may call it. */
function codesOf(operation: DocumentedOperation, method: string): string[] {
  const policy = operation['x-permission'];
  const takes = (name: string): boolean => operation.parameters?.some((parameter) => parameter.name === name) ?? false;
  const needsToken = policy !== 'public';
  return [
    ...(needsToken
      ? [
          'token_missing',
          'token_invalid',
          'token_expired',
          'token_revoked',
          'password_change_required',
          'second_factor_required',
          'scope_insufficient',
        ]
      : []),
    ...(needsToken && policy !== 'authenticated' ? ['permission_denied'] : []),
    // Whatever is asked for may come with a cookie, in the place of a header.
    ...(needsToken && method !== 'get' ? ['csrf_refused'] : []),
    ...((operation['x-max-age'] ?? operation['x-max-age-for']) ? ['reauthentication_required'] : []),
    ...(operation['x-in-person'] ? ['permission_denied'] : []),
    ...(operation.parameters?.some(
      ({ in: place, name, schema }) =>
        place === 'query' || name === 'If-Match' || (place === 'path' && schema?.format === 'uuid'),
    )
      ? ['parameter_invalid']
      : []),
    ...(takes('If-Match') ? ['precondition_failed'] : []),
    'malformed_request',
    ...(operation.requestBody ? ['validation_failed'] : []),
    // A body is read before it is known to be superfluous.
    ...(method === 'get' ? [] : ['payload_too_large', 'unsupported_media_type']),
    ...(isNegotiated(operation) ? ['not_acceptable'] : []),
    ...(method === 'get' && policy === 'public' ? [] : ['service_unavailable']),
    ...limitProblemsOf(operation, method),
    ...idempotencyProblemsOf(operation, method),
  ];
}

/** There is more than one kind of happy answer, or one that not everybody can read. */
function isNegotiated({ responses }: DocumentedOperation): boolean {
  return Object.entries(responses).some(
    ([status, { content = {} }]) =>
      status.startsWith('2') && (Object.keys(content).length > 1 || EVENT_STREAM in content),
  );
}

const MINIMAL: Response = { description: 'Done; to whoever prefers `return=minimal`' };

/** Whoever changes something may do without being shown it; answers of public operations are what they are for. */
function describePreference(operation: DocumentedOperation, method: string): void {
  const shown = operation.responses['200'] ?? operation.responses['201'];
  if (method === 'get' || operation['x-permission'] === 'public' || !shown?.content) return;
  (operation.parameters ??= []).push(PREFER);
  if (operation.responses['200']) operation.responses['204'] ??= { ...MINIMAL };
}

function addProblem(operation: DocumentedOperation, code: string, path: string, document: OpenAPIObject): void {
  const definition = problems.get(code);
  if (!definition) throw new Error(`${operation.operationId} documents the unknown problem "${code}"`);
  const response = (operation.responses[definition.status] ??= { description: '' });
  (response.content ??= {})['application/problem+xml'] ??= { schema: PROBLEM };
  const media = ((response.content ??= {})['application/problem+json'] ??= { schema: PROBLEM, examples: {} });
  response.description = response.description ? `${response.description} · ${definition.title}` : definition.title;
  if (definition.mend.includes('`Retry-After`'))
    response.headers = { ...response.headers, 'Retry-After': referenceTo('Retry-After') };
  media.examples![code] = {
    summary: definition.title,
    value: exampleOfProblem(
      definition,
      { instance: path },
      operation,
      document.components?.schemas as Record<string, Schema>,
    ),
  };
}

const WHAT_IS_TAKEN = { description: 'The media types that are taken', schema: { type: 'string' } };

/** ETag on what has a version, Location on what was made, Link on pages, Content-Disposition on files. */
function describeHeaders(response: Response, status: string, document: OpenAPIObject): void {
  response.headers = {
    'X-Request-Id': { description: 'Under this id the log tells more', schema: { type: 'string' } },
  };
  const tellsWhere = componentHas('id', response, document) || componentHas('jobId', response, document);
  if (status === '201' || (status === '202' && tellsWhere))
    response.headers['Location'] = {
      description: 'Where it is now',
      schema: { type: 'string', format: 'uri-reference' },
    };
  if (isVersioned(response, document))
    response.headers['ETag'] = {
      description: 'Its version (RFC 9110, 8.8.3), for If-Match',
      schema: { type: 'string' },
    };
  if (componentHas('page', response, document))
    response.headers['Link'] = {
      description: 'Where the next page and the one before are (RFC 8288)',
      schema: { type: 'string' },
    };
  if (response.content?.['text/csv'])
    response.headers['Content-Disposition'] = {
      description: 'How a file of it is named (RFC 6266)',
      schema: { type: 'string' },
    };
}

export function isVersioned(
  response: { content?: Record<string, Media> } | undefined,
  document: OpenAPIObject,
): boolean {
  return componentHas('version', response, document);
}

function componentHas(
  member: string,
  response: { content?: Record<string, Media> } | undefined,
  document: OpenAPIObject,
): boolean {
  const reference = (response?.content?.['application/json']?.schema as { $ref?: string } | undefined)?.$ref;
  const name = reference?.split('/').at(-1) ?? '';
  const schema = document.components?.schemas?.[name] as { properties?: Record<string, unknown> } | undefined;
  return schema?.properties?.[member] !== undefined;
}
