import type { FastifyReply, FastifyRequest } from 'fastify';

import { Problem } from '../contract/problem.js';
import type { FieldFault } from '../contract/problem.js';
import { isUnavailable } from '../database/database-errors.js';
import { XmlRefused } from './formats/xml-refused.js';
import { ListQueryInvalid } from './lists/list-query-invalid.js';
import { prefersXml, varyByAccept } from './negotiation/accept.js';
import { JsonRefused } from './strict-json.js';
import {
  HeadersTooLarge,
  InternalError,
  MalformedRequest,
  ParameterInvalid,
  PayloadTooLarge,
  RequestTimedOut,
  RouteNotFound,
  ServiceUnavailable,
  UnsupportedMediaType,
  UriTooLong,
} from './problems.js';

/** The one shape of every failure (RFC 9457). */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  code: string;
  detail?: string;
  instance: string;
  requestId: string;
  errors?: readonly FieldFault[];
}

const BY_FASTIFY_CODE: Record<string, (message: string) => Problem> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => new UnsupportedMediaType(),
  FST_ERR_CTP_BODY_TOO_LARGE: () => new PayloadTooLarge(),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => new MalformedRequest('The body is empty'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => new MalformedRequest('The body is not as long as Content-Length says'),
  FST_ERR_BAD_URL: () => new MalformedRequest('The URL cannot be decoded'),
  FST_ERR_MAX_PARAM_LENGTH: () => new UriTooLong(),
  FST_ERR_NOT_FOUND: () => new RouteNotFound(),
};

const BY_STATUS: Record<number, () => Problem> = {
  400: () => new MalformedRequest(),
  404: () => new RouteNotFound(),
  408: () => new RequestTimedOut(),
  413: () => new PayloadTooLarge(),
  414: () => new UriTooLong(),
  415: () => new UnsupportedMediaType(),
  431: () => new HeadersTooLarge(),
};

/** What a failure is to the caller. Whatever we did not foresee is a 500 that explains nothing. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof JsonRefused || error instanceof XmlRefused) return new MalformedRequest(error.message);
  if (error instanceof ListQueryInvalid) {
    const { parameter, code, detail } = error;
    return new ParameterInvalid(detail, [{ parameter, code, detail }]);
  }
  if (isUnavailable(error)) return new ServiceUnavailable().withHeader('Retry-After', '1');
  const { code, statusCode, status } = (error ?? {}) as { code?: string; statusCode?: number; status?: number };
  const known = code === undefined ? undefined : BY_FASTIFY_CODE[code];
  if (known) return known((error as Error).message);
  // Errors of Fastify and Nest that are about the request; ours to word, for theirs may quote it.
  return BY_STATUS[statusCode ?? status ?? 500]?.() ?? new InternalError();
}

const OFFERED: Readonly<Record<string, string>> = { POST: 'Accept-Post', PATCH: 'Accept-Patch' };

/** The header that tells what is taken where something else was sent. @param method in capitals */
export const offeredBy = (method: string): string => OFFERED[method] ?? 'Accept';

/** RFC 9110, 15.5.16; RFC 5789, 2.2; Linked Data Platform 1.0, 7.1 for Accept-Post. */
function tellWhatIsTaken(request: FastifyRequest, reply: FastifyReply): void {
  if (request.headers['content-encoding'] !== undefined) void reply.header('Accept-Encoding', 'identity');
  const { takes = [] } = request.routeOptions.config ?? {};
  if (takes.length > 0) void reply.header(offeredBy(request.method), takes.join(', '));
}

const asItIs = (text: string): string => text;

export class ProblemWriter {
  /**
   * @param publicUrl the base of `type`; explained at `<publicUrl>/problems/<code>`
   * @param serializeXml null where nobody is answered in XML
   */
  constructor(
    private readonly publicUrl: () => string,
    private readonly serialize: (body: ProblemBody) => string,
    private readonly serializeXml: ((body: ProblemBody) => string) | null = null,
  ) {}

  body(problem: Problem, path: string, requestId: string): ProblemBody {
    const { code, title, status } = problem.definition;
    const instance = path.split('?')[0]!.slice(0, 2000);
    const { detail, faults: errors } = problem;
    return { type: `${this.publicUrl()}/problems/${code}`, title, status, code, detail, instance, requestId, errors };
  }

  send(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
    const { status } = problem.definition;
    for (const [name, value] of Object.entries(problem.headers)) void reply.header(name, value);
    if (status === 415) tellWhatIsTaken(request, reply);
    varyByAccept(reply);
    void reply.header('Cache-Control', 'no-store');
    const body = this.body(problem, request.url, request.id);
    const xml = prefersXml(request.headers.accept) ? this.serializeXml : null;
    const text = xml ? xml(body) : this.text(body);
    const type = `application/problem+${xml ? 'xml' : 'json'}; charset=utf-8`;
    // The answer that failed may have left its serializer behind, which would be given this text.
    void reply.status(status).type(type).serializer(asItIs).send(text);
  }

  text(body: ProblemBody): string {
    return this.serialize(body);
  }
}
