import { domainToASCII } from 'node:url';

import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { clientAddress, prefixOf } from '../http/client-address.js';
import type { LimitClass } from '../http/rate-limit.js';
import type { Limit, Standing } from './limit.js';
import { RateLimits, limitClassOfRequest } from './rate-limits.js';

/** Names are no longer than addresses may be; what is longer is refused by its validator. */
const LONGEST = 320;

/** So many mails to one address somebody may ask for whatever others asked for: a stranger must not use them up. */
const ALWAYS = 2;

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
    if (!principal)
      return limitClass === 'registrations'
        ? this.countMail(request, reply)
        : this.countAll(this.ofNamed(limitClass, request), request, reply);
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

  /**
   * What one source asks for is bounded tightly; what all ask for, only for those who have asked already: so a crowd
   * cannot flood an address for long, and nobody takes its mails away from its owner.
   */
  private async countMail(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const name = nameIn(request.body);
    if (name === null) return true;
    const { mailsFromAddress, mailsFromAnywhere } = this.limits.ofNamed;
    const here = await mailsFromAddress.count(`${name} ${prefixOf(clientAddress(request))}`);
    this.admit(here, request, reply);
    const everywhere = await mailsFromAnywhere.count(name);
    return isAmongFirst(here) || this.admit(everywhere, request, reply);
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
    const address = prefixOf(clientAddress(request));
    if (limitClass === 'codes') return hasCode(request.body) ? [[this.limits.ofCodes, address]] : [];
    const name = limitClass === 'credentials' ? nameIn(request.body) : null;
    if (name === null) return [];
    const { fromAddress, fromAnywhere } = this.limits.ofNamed;
    return [
      [fromAddress, `${name} ${address}`],
      [fromAnywhere, name],
    ];
  }
}

function isAmongFirst({ policy, remaining }: Standing): boolean {
  return policy.points - remaining <= ALWAYS;
}

function hasCode(body: unknown): boolean {
  return (body as { code?: unknown } | null | undefined)?.code !== undefined;
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
