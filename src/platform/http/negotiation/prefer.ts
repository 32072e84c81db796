import type { FastifyReply, FastifyRequest } from 'fastify';

/** For every POST, PUT and PATCH that would answer with what it changed. */
export const PREFER = {
  name: 'Prefer',
  in: 'header',
  required: false,
  description: '`return=minimal` leaves the representation out of the answer (RFC 7240, 4.2)',
  schema: { type: 'string', maxLength: 200, example: 'return=representation' },
};

const MINIMAL = /(?:^|[,;]\s*)return\s*=\s*"?minimal"?\s*(?:[,;]|$)/i;

export function prefersMinimal({ headers: { prefer } }: FastifyRequest): boolean {
  return prefer !== undefined && MINIMAL.test([prefer].flat().join(', '));
}

/** Leaves the body out; what is told by headers stays. A 200 without a body is a 204. */
export function leaveOut(reply: FastifyReply): void {
  if (reply.statusCode === 200) void reply.code(204);
  void reply.header('Preference-Applied', 'return=minimal').removeHeader('Content-Type');
  reply.serializer(() => '');
}
