import { Injectable } from '@nestjs/common';

import { cloudEventOf } from '../events/index.js';
import type { RecordedFact } from '../events/index.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { PublicUrl } from '../platform/http/public-url.js';
import { DeliveryQueueRepository } from './delivery-queue.repository.js';
import type { ToldFact } from './delivery-queue.repository.js';
import { Sender } from './sender.js';
import type { DeliveryKind } from './webhook-delivery.entity.js';

/** A fact, and whom it is told. */
export interface Telling {
  readonly webhookId: string;
  readonly told: ToldFact;
}

/** Owes deliveries, and wakes the senders once that is committed. */
@Injectable()
export class Dispatcher {
  constructor(
    private readonly db: Database,
    private readonly queue: DeliveryQueueRepository,
    private readonly publicUrl: PublicUrl,
    private readonly sender: Sender,
  ) {}

  /** A fact as webhooks are told of it: the same words in every delivery. */
  tell(fact: Omit<RecordedFact, 'private'>): ToldFact {
    const { id, type, subject, xid, seq } = fact;
    const body = JSON.stringify(cloudEventOf(fact, this.publicUrl.value));
    return { eventId: id, eventType: type, subject, xid, seq, body };
  }

  /** Part of the caller's transaction. What is owed already is not owed twice. @returns the ids of the deliveries */
  async owe(kind: DeliveryKind, tellings: readonly Telling[], replayId: string | null = null): Promise<string[]> {
    if (tellings.length === 0) return [];
    const deliveries = tellings.map(({ webhookId, told }) => ({ id: newId(), webhookId, ...told }));
    await this.queue.insert(kind, replayId, deliveries);
    this.db.afterCommit(() => this.sender.tell());
    return deliveries.map(({ id }) => id);
  }
}
