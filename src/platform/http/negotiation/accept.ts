import type { FastifyReply } from 'fastify';
import Negotiator from 'negotiator';

import { defineProblem } from '../../contract/problem.js';

export class NotAcceptable extends defineProblem('not_acceptable', 406, 'No answer of the kind that is asked for', {
  cause: 'The `Accept` header names no media type that this route can answer.',
  mend: 'Ask for one of the media types in `detail`, or leave `Accept` out.',
}) {}

/** How many different headers are remembered: clients send few, attackers many. */
const REMEMBERED = 100;

/** What a route can answer, the first unless something else is asked for. */
export class Offers {
  private readonly chosen = new Map<string, string | null>();

  constructor(readonly types: readonly string[]) {}

  /** The offer that `Accept` prefers (RFC 9110, 12.5.1); null if it takes none. */
  choose(accept: string | undefined): string | null {
    if (accept === undefined || accept === '*/*' || accept === '') return this.types[0]!;
    const known = this.chosen.get(accept);
    if (known !== undefined) return known;
    const choice = preferred(accept, this.types);
    if (this.chosen.size < REMEMBERED) this.chosen.set(accept, choice);
    return choice;
  }

  refusal(): NotAcceptable {
    return new NotAcceptable(`This route answers ${this.types.join(', ')}`);
  }
}

const PROBLEMS = ['application/problem+json', 'application/json', 'application/problem+xml', 'application/xml'];

/** Whether a problem is told in XML: a failure never becomes another one because of how it is asked for. */
export function prefersXml(accept: string | undefined): boolean {
  return accept !== undefined && accept.includes('xml') && (preferred(accept, PROBLEMS)?.endsWith('xml') ?? false);
}

/** Whoever caches the answer has to know that it depends on Accept. */
export function varyByAccept(reply: FastifyReply): void {
  varyBy(reply, 'Accept');
}

/** @param field the request header that the answer depends on (RFC 9110, 12.5.5) */
export function varyBy(reply: FastifyReply, field: string): void {
  const others = reply.getHeader('Vary');
  if (others === undefined) void reply.header('Vary', field);
  else if (!String(others).split(', ').includes(field)) void reply.header('Vary', `${String(others)}, ${field}`);
}

/** Any but the weight. */
const PARAMETER = /;\s*(?!q\s*=)[^;,"]*(?:"[^"]*")?/gi;

function preferred(accept: string, types: readonly string[]): string | null {
  // text/xml is the old name of application/xml (RFC 7303, 9.2). Our types have no parameters: `charset` and the like
  // would make a type of its own of what many clients write for JSON.
  const headers = { accept: accept.replaceAll('text/xml', 'application/xml').replace(PARAMETER, '') };
  return new Negotiator({ headers }).mediaType([...types]) ?? null;
}
