import { Injectable } from '@nestjs/common';

import { Access } from '../access/index.js';
import { Bearers } from '../auth/index.js';
import type { Question } from '../platform/contract/question.js';
import { OWN_ACCOUNT } from '../platform/http/policy.js';
import type { Principal } from '../platform/http/principal.js';
import { RateLimited } from '../platform/http/rate-limit.js';
import { ValidationPipe } from '../platform/http/validation.pipe.js';
import { currentRequest } from '../platform/logging/request-context.js';
import { RateLimits } from '../platform/rate-limit/rate-limits.js';

/** How denials name this way of asking. */
const METHOD = 'NATS';

/** Stands before every question, as the guards do before every route: who asks, how often, whether they may, and what. */
@Injectable()
export class QuestionsDesk {
  private readonly validation = new ValidationPipe();

  constructor(
    private readonly bearers: Bearers,
    private readonly limits: RateLimits,
    private readonly access: Access,
  ) {}

  /** @throws TokenMissing and what else `Bearers` throws, RateLimited, ScopeInsufficient, PermissionDenied */
  async admit({ name, permission }: Question, authorization: string | undefined): Promise<Principal> {
    const principal = await this.bearers.recognise(this.bearers.shownIn({ authorization }), null);
    const context = currentRequest()!;
    context.actorId = principal.actorId ?? principal.userId;
    if (principal.actorId !== null) context.onBehalfOf = principal.userId;
    await this.count(principal);
    await this.access.demand(principal, [permission?.name ?? OWN_ACCOUNT], { method: METHOD, route: name });
    return principal;
  }

  /** @throws ValidationFailed */
  validate({ asks }: Question, value: unknown): unknown {
    return this.validation.transform(value, { type: 'body', metatype: asks });
  }

  /** With what the account reads over HTTP. @throws RateLimited */
  private async count({ userId }: Principal): Promise<void> {
    if (!this.limits.on) return;
    const { allowed, reset } = await this.limits.ofAccount.read.count(userId);
    if (!allowed) throw new RateLimited().withHeader('Retry-After', String(reset));
  }
}
