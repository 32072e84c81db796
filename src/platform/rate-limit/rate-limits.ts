import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Counter } from 'prom-client';

import { Clock } from '../clock/clock.js';
import { Config } from '../config/config.js';
import type { Quota } from '../config/network.js';
import { RateLimited, classOfMethod } from '../http/rate-limit.js';
import type { LimitClass } from '../http/rate-limit.js';
import { Metrics } from '../telemetry/metrics.js';
import { Limit } from './limit.js';
import type { Policy, Standing } from './limit.js';
import { SharedCount } from './shared-count.js';

declare module 'fastify' {
  interface FastifyRequest {
    standing: Standing | null;
  }
  interface FastifyContextConfig {
    limitClass?: LimitClass;
  }
}

type Counted = Exclude<LimitClass, 'none'>;

/** Codes and mails that are asked for are counted over so many windows of credentials. */
const LONG = 60;
const DAY = 86_400;

/** Every limit, and what an answer tells of them. docs/decisions/0008-rate-limits.md has the reasons of the numbers. */
@Injectable()
export class RateLimits {
  readonly on: boolean;
  readonly ofAddress: Readonly<Record<Counted, Limit>>;
  readonly ofAccount: Readonly<Record<'read' | 'write' | 'credentials', Limit>>;
  /** Of an account that is only named in the request, by what is asked of it. */
  readonly ofNamed: Readonly<Record<'fromAnywhere' | 'fromAddress' | 'mailsFromAnywhere' | 'mailsFromAddress', Limit>>;
  /** Of an address that tries mailed codes: a link, which nobody can guess, is a credential like another. */
  readonly ofCodes: Limit;
  private readonly headers = new Map<Policy, { readonly policy: string; readonly item: string }>();
  private readonly refused: Counter<'policy' | 'by'>;

  constructor(
    private readonly clock: Clock,
    config: Config,
    private readonly shared: SharedCount,
    metrics: Metrics,
  ) {
    const { RATE_LIMITS, RATE_LIMIT_READ: read, RATE_LIMIT_WRITE: write, RATE_LIMIT_CREDENTIALS: some } = config.values;
    this.on = RATE_LIMITS === 'on';
    const credentials = this.limit('credentials', 'address', some);
    const long = { points: some.points, seconds: Math.min(LONG * some.seconds, DAY) };
    this.ofAddress = {
      read: this.limit('read', 'address', read),
      write: this.limit('write', 'address', write),
      credentials,
      registrations: credentials,
      codes: credentials,
    };
    this.ofCodes = this.limit('codes', 'address', long);
    this.ofAccount = {
      read: this.limit('read', 'account', read),
      write: this.limit('write', 'account', write),
      credentials: this.limit('credentials', 'account-at-address', partOf(some, 6)),
    };
    this.ofNamed = {
      fromAnywhere: this.limit('credentials', 'account', partOf(some, 2)),
      fromAddress: this.limit('credentials', 'account-at-address', partOf(some, 6)),
      mailsFromAnywhere: this.limit('registrations', 'account', partOf(long, 2)),
      mailsFromAddress: this.limit('registrations', 'account-at-address', partOf(long, 10)),
    };
    metrics.gauge('rate_limit_subjects', 'Addresses and accounts whose counts are remembered', () => this.subjects());
    this.refused = metrics.counter('rate_limited_requests_total', 'Requests refused, by the limit', ['policy', 'by']);
  }

  /** @returns the refusal, if this is one; the answer tells of the tightest of the limits that it was counted by */
  tell(standing: Standing, request: FastifyRequest, reply: FastifyReply): Error | null {
    const { policy, remaining, reset, allowed } = standing;
    if (!request.standing || remaining < request.standing.remaining) {
      request.standing = standing;
      const text = this.headers.get(policy)!;
      void reply.header('RateLimit-Policy', text.policy).header('RateLimit', `${text.item};r=${remaining};t=${reset}`);
    }
    if (allowed) return null;
    this.refused.inc({ policy: policy.name, by: policy.by });
    return new RateLimited().withHeader('Retry-After', String(reset));
  }

  prune(): Promise<number> {
    return this.shared.prune(this.clock.millis());
  }

  private subjects(): number {
    const limits = new Set(
      [this.ofAddress, this.ofAccount, this.ofNamed, [this.ofCodes]].flatMap((some) => Object.values<Limit>(some)),
    );
    return [...limits].reduce((sum, limit) => sum + limit.subjects, 0);
  }

  private limit(name: string, by: Policy['by'], { points, seconds }: Quota): Limit {
    const policy: Policy = Object.freeze({ name, by, points, seconds });
    this.headers.set(policy, { policy: `"${name}";q=${points};w=${seconds}`, item: `"${name}"` });
    return new Limit(policy, this.clock, this.shared.take);
  }
}

function partOf({ points, seconds }: Quota, part: number): Quota {
  return { points: Math.max(1, Math.floor(points / part)), seconds };
}

export function limitClassOfRequest(request: FastifyRequest): LimitClass {
  return (request.is404 ? undefined : request.routeOptions.config.limitClass) ?? classOfMethod(request.method);
}
