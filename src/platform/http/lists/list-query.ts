import { applyDecorators, createParamDecorator } from '@nestjs/common';
import { ApiProperty, ApiQuery, ApiSchema } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';

import { CSV, NDJSON } from '../negotiation/media-types.js';
import { ListQueryInvalid } from './list-query-invalid.js';

export const COUNTS = ['none', 'estimated', 'exact'] as const;
export type Count = (typeof COUNTS)[number];

/** Where an exact count stops. */
export const COUNTED_AT_MOST = 10_000;
const LIMIT_MOST = 200;
const LIMIT_DEFAULT = 20;
/** Rows of each page of a stream. */
const STREAMED_AT_ONCE = 1000;
const NAMES = ['limit', 'cursor', 'sort', 'filter', 'fields', 'count'] as const;

/** The parameters of a list as the client wrote them, with the numbers read. */
export interface ListQuery {
  readonly limit: number;
  readonly count: Count;
  readonly cursor?: string;
  readonly sort?: string;
  readonly filter?: string;
  readonly fields?: string;
  /** Every row is wanted, page by page, for no limit was given: only where rows are streamed (CSV, NDJSON). */
  readonly streamed: boolean;
}

export interface ListWords {
  readonly sortable: readonly string[];
  readonly filterable: readonly string[];
  readonly filterExample: string;
  readonly fieldsExample?: string;
  /** It has one order, and no other way to go. */
  readonly onlyAscending?: boolean;
}

/** @throws ListQueryInvalid */
function readListQuery(query: Readonly<Record<string, unknown>>, asRows: boolean): ListQuery {
  for (const [name, value] of Object.entries(query)) {
    const known = NAMES.find((candidate) => candidate === name);
    if (!known)
      throw new ListQueryInvalid(
        name.slice(0, 64),
        'parameter_unknown',
        `A list has no parameter of this name; it has ${NAMES.join(', ')}`,
        NAMES,
      );
    if (typeof value !== 'string') throw new ListQueryInvalid(known, 'given_twice', 'is given more than once');
  }
  const { limit, count, ...words } = query as Record<(typeof NAMES)[number], string | undefined>;
  const streamed = asRows && limit === undefined;
  return { ...words, streamed, limit: streamed ? STREAMED_AT_ONCE : limitOf(limit), count: countOf(count) };
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return LIMIT_DEFAULT;
  const limit = Number(text);
  if (!/^\d{1,3}$/.test(text) || limit < 1 || limit > LIMIT_MOST)
    throw new ListQueryInvalid('limit', 'limit_invalid', `must be a whole number from 1 to ${LIMIT_MOST}`);
  return limit;
}

function countOf(text: string | undefined): Count {
  const count = COUNTS.find((candidate) => candidate === (text ?? 'none'));
  if (!count) throw new ListQueryInvalid('count', 'count_invalid', `must be one of ${COUNTS.join(', ')}`, COUNTS);
  return count;
}

/** The query of a list, read and bounded. */
export const List = createParamDecorator((_: unknown, context): ListQuery => {
  const request = context.switchToHttp().getRequest<FastifyRequest<{ Querystring: Record<string, unknown> }>>();
  return readListQuery(request.query, request.format === CSV || request.format === NDJSON);
});

/** Documents the parameters of a list. */
export function ApiList(words: ListWords): MethodDecorator {
  const { sortable, filterable, filterExample, fieldsExample = 'id,email', onlyAscending = false } = words;
  const sorts = onlyAscending
    ? `Only ${sortable.join(', ')}, which is the order without it too`
    : `One of ${sortable.join(', ')}, with "-" before it for descending. A row that moves under its sort key may be seen twice.`;
  const text = (name: string, description: string, example: string, maxLength: number): MethodDecorator =>
    ApiQuery({ name, required: false, description, schema: { type: 'string', maxLength, example } });
  return applyDecorators(
    ApiQuery({
      name: 'limit',
      required: false,
      description: 'Rows of a page',
      schema: { type: 'integer', minimum: 1, maximum: LIMIT_MOST, default: LIMIT_DEFAULT, example: 20 },
    }),
    ApiQuery({
      name: 'cursor',
      required: false,
      description: 'A `nextCursor` or `prevCursor` of the same list, sort and filter',
      schema: { type: 'string', maxLength: 8192 },
    }),
    text('sort', sorts, `${onlyAscending ? '' : '-'}${sortable[0]}`, 50),
    text(
      'filter',
      `The grammar of SCIM (RFC 7644, 3.4.2.2) over ${filterable.join(', ')}; \`co\` from 3 characters`,
      filterExample,
      2000,
    ),
    text('fields', 'Only these members, by commas; `id` is always there', fieldsExample, 500),
    ApiQuery({
      name: 'count',
      required: false,
      description: `\`exact\` stops at ${COUNTED_AT_MOST} and says so by \`totalIsEstimate\``,
      schema: { type: 'string', enum: [...COUNTS], default: 'none', example: 'none' },
    }),
  );
}

@ApiSchema({ name: 'Page' })
export class PageResponse {
  @ApiProperty({
    type: 'integer',
    description: 'Rows that a page has at most',
    example: 20,
    minimum: 1,
    maximum: LIMIT_MOST,
  })
  limit!: number;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Give it as `cursor` for the page after this',
    example: null,
    maxLength: 8192,
  })
  nextCursor!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Give it as `cursor` for the page before this',
    example: null,
    maxLength: 8192,
  })
  prevCursor!: string | null;

  @ApiProperty({
    type: 'integer',
    required: false,
    description: 'How many there are in all, if `count` asked for it',
    example: 1,
    minimum: 0,
  })
  total?: number;

  @ApiProperty({ type: Boolean, required: false, description: 'The total was not counted to the end', example: false })
  totalIsEstimate?: boolean;
}
