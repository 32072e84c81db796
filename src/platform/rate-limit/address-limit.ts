import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';

import { clientAddress, prefixOf } from '../http/client-address.js';
import { operationsOf } from '../http/document.js';
import { limitClassOf } from '../http/rate-limit.js';
import { limitClassOfRequest } from './rate-limits.js';
import type { RateLimits } from './rate-limits.js';

type Next = (refusal?: Error) => void;

/** Every route that is registered after this knows what it is counted as, by the document. */
export function classifyByDocument(fastify: FastifyInstance, document: OpenAPIObject): void {
  const classes = new Map(
    operationsOf(document).map(({ method, path, operation }) => [
      `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
      limitClassOf(operation, method),
    ]),
  );
  fastify.addHook('onRoute', (route: RouteOptions) => {
    const method = [route.method].flat()[0]!;
    const limitClass = classes.get(`${method === 'HEAD' ? 'GET' : method} ${route.url}`);
    if (limitClass) route.config = { ...route.config, limitClass };
  });
}

/** Counts a request by where it comes from, before anything else is done for it, whatever its path. */
export function limitAddress(limits: RateLimits, request: FastifyRequest, reply: FastifyReply, next: Next): void {
  const limitClass = limits.on ? limitClassOfRequest(request) : 'none';
  if (limitClass === 'none') {
    next();
    return;
  }
  const standing = limits.ofAddress[limitClass].count(prefixOf(clientAddress(request)));
  if (standing instanceof Promise)
    standing.then((known) => next(limits.tell(known, request, reply) ?? undefined), next);
  else next(limits.tell(standing, request, reply) ?? undefined);
}
