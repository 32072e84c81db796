import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import type { DataOf, EventType } from '../platform/contract/event.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { currentRequest } from '../platform/logging/request-context.js';
import { EventsRepository } from './events.repository.js';
import type { Fact } from './fact.js';
import { Facts } from './facts.service.js';

/** What a fact is about, and what only the audit may know of it. */
export interface Circumstances {
  /** `users/<id>`: the row that was locked before the change. */
  readonly subject?: string;
  /** The subject's version after the change, so that its facts have an order. */
  readonly version?: number;
  readonly before?: object;
  readonly after?: object;
  /** Why, in the words of whoever did it. */
  readonly reason?: string;
  /** Who did it, where the request does not know yet. */
  readonly actorId?: string;
}

const PENDING = Symbol('events');

@Injectable()
export class Events {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: EventsRepository,
    private readonly facts: Facts,
  ) {}

  /** Records a fact in the transaction of the change that it tells of: both are there after the commit, or neither. */
  record<const S extends EventType['shape']>(
    type: EventType<S>,
    data: DataOf<S>,
    circumstances: Circumstances = {},
  ): void {
    const pending = this.db.local(PENDING, () => this.gather());
    const { subject = null, version = null, actorId, ...told } = circumstances;
    const request = currentRequest();
    pending.push({
      id: newId(),
      type: type.type,
      subject,
      subjectVersion: version,
      data,
      private: {
        actorId: actorId ?? request?.actorId ?? null,
        onBehalfOf: request?.onBehalfOf ?? undefined,
        ip: request?.ip ?? null,
        userAgent: request?.userAgent ?? null,
        requestId: request?.requestId ?? null,
        // Whoever copies it may be of an older version, which does not know this kind of fact.
        outcome: type.outcome === 'success' ? undefined : type.outcome,
        ...told,
      },
      occurredAt: this.clock.now(),
    });
  }

  private gather(): Fact[] {
    const facts: Fact[] = [];
    this.db.beforeCommit(() => this.events.insertion(facts));
    this.db.afterCommit(() => this.facts.recorded());
    return facts;
  }
}
