import { ApiExtension } from '@nestjs/swagger';

import { defineProblem } from '../contract/problem.js';

/**
 * What a request is counted as. `registrations` mail something to the address that they name; `codes` take what was
 * mailed, a link or its six digits; `none` is for probes alone.
 */
export type LimitClass = 'read' | 'write' | 'credentials' | 'registrations' | 'codes' | 'none';

const EXTENSION = 'x-rate-limit';

/**
 * Counts a route as something else than its method says: GET and HEAD are `read`, whatever else is `write`, and a POST
 * that anybody may call is `credentials`, for it most likely takes a secret that can be guessed.
 */
export const RateLimit = (limitClass: LimitClass): MethodDecorator => ApiExtension(EXTENSION, limitClass);

export class RateLimited extends defineProblem('rate_limited', 429, 'Too many requests', {
  cause: 'This address, or this account, sent more requests of this kind than the `RateLimit-Policy` header allows.',
  mend: 'Wait as many seconds as `Retry-After` says, then go on more slowly.',
}) {}

interface Limited {
  responses: Record<string, { headers?: Record<string, object> }>;
  'x-permission'?: string;
  'x-rate-limit'?: LimitClass;
}

export function limitClassOf(operation: Limited, method: string): LimitClass {
  if (operation[EXTENSION]) return operation[EXTENSION];
  if (method === 'post' && operation['x-permission'] === 'public') return 'credentials';
  return classOfMethod(method.toUpperCase());
}

/** For what is not in the document: pages, and paths that lead nowhere. */
export function classOfMethod(method: string): LimitClass {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' ? 'read' : 'write';
}

/** The problems that follow from being counted. */
export function limitProblemsOf(operation: Limited, method: string): string[] {
  return limitClassOf(operation, method) === 'none' ? [] : [RateLimited.definition.code];
}

/** For `components.headers` of the document. */
export const LIMIT_HEADERS = {
  RateLimit: {
    description:
      'What is left of the tightest limit (draft-ietf-httpapi-ratelimit-headers): `r` requests, for `t` seconds',
    schema: { type: 'string' as const, examples: ['"read";r=5999;t=42'] },
  },
  'RateLimit-Policy': {
    description: 'That limit (draft-ietf-httpapi-ratelimit-headers): `q` requests in `w` seconds',
    schema: { type: 'string' as const, examples: ['"read";q=6000;w=60'] },
  },
  'Retry-After': {
    description: 'Seconds to wait (RFC 9110, 10.2.3)',
    schema: { type: 'string' as const, examples: ['42'] },
  },
};

export const referenceTo = (name: keyof typeof LIMIT_HEADERS): object => ({ $ref: `#/components/headers/${name}` });

/** Says of each answer of an operation what it tells of its limit; called when all its answers are there. */
export function describeLimits(operation: Limited, method: string): void {
  operation[EXTENSION] = limitClassOf(operation, method);
  if (operation[EXTENSION] === 'none') return;
  for (const response of Object.values(operation.responses))
    response.headers = {
      ...response.headers,
      RateLimit: referenceTo('RateLimit'),
      'RateLimit-Policy': referenceTo('RateLimit-Policy'),
    };
}
