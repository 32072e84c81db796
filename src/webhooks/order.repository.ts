import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import { Database } from '../platform/database/database.js';
import { nowSql } from './delivery-queue.repository.js';

/** Subjects in one statement. */
const SUBJECTS = 1000;

// From one subject to the next by the index, however many deliveries wait for the first of each.
const MEND = `WITH RECURSIVE head AS (
    (SELECT id, subject, next_attempt_at, 1 AS nth FROM roster.webhook_deliveries
     WHERE webhook_id = $1 AND state = 'waiting' AND kind IN ('event', 'replay') AND subject > $2
     ORDER BY subject, xid, seq, id LIMIT 1)
    UNION ALL
    SELECT further.*, head.nth + 1 FROM head CROSS JOIN LATERAL (
      SELECT id, subject, next_attempt_at FROM roster.webhook_deliveries
      WHERE webhook_id = $1 AND state = 'waiting' AND kind IN ('event', 'replay') AND subject > head.subject
      ORDER BY subject, xid, seq, id LIMIT 1) further
    WHERE head.nth < ${SUBJECTS}
  ), released AS (
    UPDATE roster.webhook_deliveries d SET next_attempt_at = ${nowSql('$3')} FROM head
    WHERE d.id = head.id AND d.next_attempt_at IS NULL
  )
  SELECT count(*)::int AS count, max(subject) AS last FROM head`;

/** Who waits for whom. */
@Injectable()
export class OrderRepository {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  /** The webhooks of which deliveries wait for earlier ones. */
  async webhooksWithLines(): Promise<string[]> {
    const rows = await this.db.rows<{ id: string }>(
      `SELECT w.id FROM roster.webhooks w WHERE w.deleted_at IS NULL AND EXISTS (SELECT 1 FROM roster.webhook_deliveries d
         WHERE d.webhook_id = w.id AND d.state = 'waiting' AND d.next_attempt_at IS NULL)`,
    );
    return rows.map(({ id }) => id);
  }

  /** Those that wait for nobody are due. Part of a transaction that has the row of the webhook. @returns where to go on */
  async mend(webhookId: string, after: string): Promise<string | null> {
    const row = await this.db.row<{ count: number; last: string }>(MEND, [webhookId, after, this.clock.ahead()]);
    return row!.count < SUBJECTS ? null : row!.last;
  }

  /** Nobody waits for anybody any more. */
  async dissolve(webhookId: string): Promise<void> {
    await this.db.changeAll(
      `UPDATE roster.webhook_deliveries SET next_attempt_at = ${nowSql('$2')} WHERE id IN (
         SELECT id FROM roster.webhook_deliveries WHERE webhook_id = $1 AND state = 'waiting' AND next_attempt_at IS NULL
         ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED)`,
      [webhookId, this.clock.ahead()],
    );
  }
}
