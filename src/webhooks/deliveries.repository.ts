import { Injectable } from '@nestjs/common';

import { Database, lookup } from '../platform/database/database.js';
import { isCancelled } from '../platform/database/database-errors.js';
import type { PageStatement } from '../platform/http/lists/keyset.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import type { ToldFact } from './delivery-queue.repository.js';
import type { DeliveryDetails, DeliveryRow } from './webhook-delivery.entity.js';

export const DELIVERY_COLUMNS = `d.id, d.webhook_id AS "webhookId", d.kind, d.replay_id AS "replayId",
  d.event_id AS "eventId", d.event_type AS "eventType", d.subject, d.state, d.attempts,
  d.next_attempt_at AS "nextAttemptAt", d.last_attempt_at AS "lastAttemptAt", d.status, d.error,
  d.latency_ms AS "latencyMs", d.created_at AS "createdAt"`;

const SEEN = 'roster.webhook_deliveries d JOIN roster.webhooks w ON w.id = d.webhook_id AND w.deleted_at IS NULL';
const FIND = lookup(
  'webhook_deliveries_find',
  `SELECT ${DELIVERY_COLUMNS}, d.body, d.sent_to AS "sentTo", d.answer_headers AS "answerHeaders",
     d.answer_body AS "answerBody", d.tries FROM ${SEEN} WHERE d.id = $1`,
);
const FIND_TOLD = lookup(
  'webhook_deliveries_find_told',
  `SELECT d.webhook_id AS "webhookId", d.event_id AS "eventId", d.event_type AS "eventType", d.subject, d.xid, d.seq, d.body
   FROM ${SEEN} WHERE d.id = $1`,
);

/** The log of deliveries. */
@Injectable()
export class DeliveriesRepository {
  constructor(private readonly db: Database) {}

  find(id: string): Promise<DeliveryDetails | null> {
    return this.db.row(FIND, [id]);
  }

  findTold(id: string): Promise<(ToldFact & Pick<DeliveryRow, 'webhookId'>) | null> {
    return this.db.row(FIND_TOLD, [id]);
  }

  /** Whatever became of them: what was not taken by then never will be. And all of those webhooks that were deleted. */
  async prune(before: Date): Promise<number> {
    const removed = await this.db.changeAll(
      `DELETE FROM roster.webhook_deliveries WHERE id IN (SELECT d.id FROM roster.webhooks w
         CROSS JOIN LATERAL (SELECT id FROM roster.webhook_deliveries WHERE webhook_id = w.id AND created_at < $1 LIMIT $2) d LIMIT $2)`,
      [before],
    );
    const orphaned = await this.db.changeAll(
      `DELETE FROM roster.webhook_deliveries WHERE id IN (SELECT d.id FROM roster.webhooks w
         JOIN roster.webhook_deliveries d ON d.webhook_id = w.id WHERE w.deleted_at IS NOT NULL LIMIT $1)`,
      [],
    );
    return removed + orphaned;
  }

  /** One page; a question that no index serves is cut by the server. @throws FilterTooCostly */
  page({ text, parameters }: PageStatement): Promise<(DeliveryRow & { sort_key: string | null })[]> {
    return unlessTooCostly(this.db.rows(text, parameters));
  }

  /** How many there are, counted no further than `most`. @throws FilterTooCostly */
  async count(where: string, parameters: readonly unknown[], most: number): Promise<number> {
    const text = `SELECT count(*)::int AS count FROM (SELECT 1 FROM roster.webhook_deliveries d WHERE ${where} LIMIT ${most}) counted`;
    return (await unlessTooCostly(this.db.row<{ count: number }>(text, [...parameters])))!.count;
  }
}

async function unlessTooCostly<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    throw isCancelled(error) ? new FilterTooCostly() : error;
  }
}
