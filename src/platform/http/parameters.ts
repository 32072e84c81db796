import { createParamDecorator } from '@nestjs/common';
import { ApiHeader, ApiParam } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';

import { ParameterInvalid, PreconditionFailed } from './problems.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

const idInPath = createParamDecorator((parameter: string, context): string => {
  const { params } = context.switchToHttp().getRequest<FastifyRequest<{ Params: Record<string, string> }>>();
  const id = params[parameter]!;
  if (!UUID.test(id))
    throw new ParameterInvalid(`The ${parameter} in the path must be a UUID`, [
      { parameter, code: 'id_invalid', detail: 'must be a UUID' },
    ]);
  return id.toLowerCase();
});

const describeId = (parameter: string, about: string): MethodDecorator =>
  ApiParam({
    name: parameter,
    description: about,
    schema: { type: 'string', format: 'uuid', example: '01a1fb89-a690-7530-90c7-ac334b01292e' },
  });

/** The `:id` of the path, or the id of that name: `@PathId('sessionId', 'The id of the session')`. */
export const PathId =
  (parameter = 'id', about = 'The id (UUIDv7)'): ParameterDecorator =>
  (target, name, index) => {
    idInPath(parameter)(target, name, index);
    describeId(parameter, about)(target, name!, Object.getOwnPropertyDescriptor(target, name!)!);
  };

/** The versions of which one has to be the present one; null where any will do. */
export type Versions = readonly number[] | null;

const ENTITY_TAG = /^"(\d{1,10})(?:\.[A-Za-z0-9,_-]{1,500})?"$/;
/** No version at all. */
const NEVER = -1;

const versionInIfMatch = createParamDecorator((_: unknown, context): Versions => {
  const header = context.switchToHttp().getRequest<FastifyRequest>().headers['if-match'];
  if (header === undefined || header === '*') return null;
  // A tag that we never gave cannot match anything.
  return header.split(',').map((tag) => Number(ENTITY_TAG.exec(tag.trim())?.[1] ?? NEVER));
});

const describeIfMatch = ApiHeader({
  name: 'If-Match',
  required: false,
  description:
    'The ETag of what you saw, or several: if it has changed since, nothing is done and the answer is 412 (RFC 9110, 13.1.1)',
  schema: { type: 'string', maxLength: 600 },
  example: '"3.json"',
});

/** The versions that the caller would have, by `If-Match`; null if they do not care. */
export const IfMatch = (): ParameterDecorator => (target, name, index) => {
  versionInIfMatch()(target, name, index);
  describeIfMatch(target, name!, Object.getOwnPropertyDescriptor(target, name!)!);
};

/** @throws PreconditionFailed unless this is the version that the caller saw */
export function refuseStale({ version }: { readonly version: number }, expected: Versions): void {
  if (expected !== null && !expected.includes(version)) throw new PreconditionFailed();
}
