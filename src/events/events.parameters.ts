import { applyDecorators, createParamDecorator } from '@nestjs/common';
import { ApiHeader, ApiQuery } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';

import { ListQueryInvalid } from '../platform/http/lists/list-query-invalid.js';
import type { Following } from './event-feeds.service.js';

const NAMES = ['after', 'filter'];
const LAST = '01a1fb89-a690-7530-90c7-ac334b01292f';

/** What a stream is to tell, and from where on. A browser that comes again says so by its header, with the same URL. */
export const Follow = createParamDecorator((_: unknown, context): Following => {
  const request = context.switchToHttp().getRequest<FastifyRequest<{ Querystring: Record<string, unknown> }>>();
  for (const [name, value] of Object.entries(request.query)) {
    if (!NAMES.includes(name))
      throw new ListQueryInvalid(name.slice(0, 64), 'parameter_unknown', `There is only ${NAMES.join(' and ')}`, NAMES);
    if (typeof value !== 'string') throw new ListQueryInvalid(name, 'given_twice', 'is given more than once');
  }
  const { after, filter } = request.query as { after?: string; filter?: string };
  // An empty one says nothing: a client that has had no event yet may send it so.
  const last = request.headers['last-event-id'];
  return { after: (last && String(last)) || after || null, filter };
});

/** Documents them. */
export const ApiFollow = (filterExample: string): MethodDecorator =>
  applyDecorators(
    ApiHeader({
      name: 'Last-Event-ID',
      required: false,
      description:
        'The id of the event that was read last: what came after it is sent first. Browsers send it by themselves',
      schema: { type: 'string', maxLength: 4096 },
      example: LAST,
    }),
    ApiQuery({
      name: 'after',
      required: false,
      description: 'The same for a first request; or a cursor of the list, with the same filter',
      schema: { type: 'string', maxLength: 4096, example: LAST },
    }),
    ApiQuery({
      name: 'filter',
      required: false,
      description: 'As in the list: the grammar of SCIM (RFC 7644, 3.4.2.2) over type, subject, time',
      schema: { type: 'string', maxLength: 2000, example: filterExample },
    }),
  );
