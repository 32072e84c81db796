import { applyDecorators, createParamDecorator } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';

import { ParameterInvalid } from '../platform/http/problems.js';
import type { ChainRange } from './audit.service.js';

const PLACE = /^[1-9]\d{0,14}$/;
const GREATEST = 999_999_999_999_999;

/** The places in the chain that `from` and `to` name. */
export const Range = createParamDecorator((_: unknown, context): ChainRange => {
  const { query } = context.switchToHttp().getRequest<FastifyRequest<{ Querystring: Record<string, unknown> }>>();
  return { from: placeOf('from', query), to: placeOf('to', query) };
});

/** Documents them. */
export const ApiRange = (): MethodDecorator =>
  applyDecorators(
    documented('from', 'The first entry to verify, by its `seq`', 1),
    documented('to', 'The last entry to verify, by its `seq`', 500),
  );

function documented(name: string, description: string, example: number): MethodDecorator {
  const schema = { type: 'integer', minimum: 1, maximum: GREATEST, example } as const;
  return ApiQuery({ name, required: false, description, schema });
}

function placeOf(parameter: string, query: Readonly<Record<string, unknown>>): number | null {
  const text = query[parameter];
  if (text === undefined) return null;
  if (typeof text === 'string' && PLACE.test(text)) return Number(text);
  const fault = { parameter, code: 'seq_invalid', detail: 'must be a whole number from 1' };
  throw new ParameterInvalid(`The parameter ${parameter} is not valid`, [fault]);
}
