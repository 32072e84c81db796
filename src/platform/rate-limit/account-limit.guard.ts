import { domainToASCII } from 'node:url';

import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { clientAddress, prefixOf } from '../http/client-address.js';
import type { LimitClass } from '../http/rate-limit.js';
import type { Limit } from './limit.js';
import { RateLimits, limitClassOfRequest } from './rate-limits.js';

/** Names are no longer than addresses may be; what is longer is refused by its validator. */
const LONGEST = 320;

type Count = readonly [limit: Limit, subject: string];

/** Counts a request by its account: of whoever signed in, or the one that is named by somebody who tries to. */
@Injectable()
export class AccountLimitGuard implements CanActivate {
  constructor(private readonly limits: RateLimits) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (!this.limits.on) return true;
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const limitClass = limitClassOfRequest(request);
    const { principal } = request;
    if (!principal) return this.countAll(this.ofNamed(limitClass, request), request, reply);
    if (limitClass !== 'read' && limitClass !== 'write' && limitClass !== 'credentials') return true;
    const standing = this.limits.ofAccount[limitClass].count(principal.userId);
    if (standing instanceof Promise) return standing.then((known) => this.admit(known, request, reply));
    return this.admit(standing, request, reply);
  }

  private admit(...told: Parameters<RateLimits['tell']>): true {
    const refusal = this.limits.tell(...told);
    if (refusal) throw refusal;
    return true;
  }

  private countAll(counts: readonly Count[], request: FastifyRequest, reply: FastifyReply): boolean | Promise<boolean> {
    if (counts.length === 0) return true;
    // One after the other: what the first refuses must not count with the second.
    return counts.reduce(
      async (before, [limit, subject]) => (await before) && this.admit(await limit.count(subject), request, reply),
      Promise.resolve(true),
    );
  }

  /**
   * From one address an account can be tried less often than from all together, so that one attacker alone does not
   * use up what its owner needs.
   */
  private ofNamed(limitClass: LimitClass, request: FastifyRequest): Count[] {
    if (limitClass !== 'credentials' && limitClass !== 'registrations') return [];
    const name = nameIn(request.body);
    if (name === null) return [];
    const { fromAddress, fromAnywhere, registrations } = this.limits.ofNamed;
    if (limitClass === 'registrations') return [[registrations, name]];
    return [
      [fromAddress, `${name} ${prefixOf(clientAddress(request))}`],
      [fromAnywhere, name],
    ];
  }
}

/** The account that a body names. Whatever reads as the same name anywhere in Roster is the same here. */
function nameIn(body: unknown): string | null {
  const { identifier, email } = (body ?? {}) as { identifier?: unknown; email?: unknown };
  const given = identifier ?? email;
  if (typeof given !== 'string' || given.length > LONGEST) return null;
  const name = given.normalize('NFKC').trim().toLowerCase().normalize('NFKC');
  const at = name.lastIndexOf('@');
  return at < 0 ? name : `${name.slice(0, at)}@${domainToASCII(name.slice(at + 1)) || name.slice(at + 1)}`;
}
