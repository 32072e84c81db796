import { Injectable } from '@nestjs/common';

import { Database, lookup, statement } from '../platform/database/database.js';
import { isCancelled } from '../platform/database/database-errors.js';
import { TURN } from '../platform/database/turn.js';
import type { PageStatement } from '../platform/http/lists/keyset.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import { Webhook } from './webhook.entity.js';
import type { WebhookRow } from './webhook.entity.js';

export const WEBHOOK_COLUMNS = `w.id, w.url, w.event_types AS "eventTypes", w.filter, w.description, w.ordered,
  w.previous_secret_until AS "previousSecretUntil", w.disabled_at AS "disabledAt", w.disabled_reason AS "disabledReason",
  w.failing_since AS "failingSince", w.last_success_at AS "lastSuccessAt", w.created_at AS "createdAt",
  w.created_by AS "createdBy", w.version`;

/** A webhook with what it signs by. */
export type SealedWebhook = Pick<Webhook, 'id' | 'secret' | 'previousSecret'>;

/** To which facts a webhook listens. */
export type Subscription = Pick<Webhook, 'id' | 'eventTypes' | 'filter' | 'since' | 'inFront'>;

const FIND = lookup(
  'webhooks_find',
  `SELECT ${WEBHOOK_COLUMNS} FROM roster.webhooks w WHERE w.id = $1 AND w.deleted_at IS NULL`,
);
const SUBSCRIPTIONS = statement(
  'webhooks_subscriptions',
  `SELECT id, event_types AS "eventTypes", filter, since, in_front AS "inFront"
   FROM roster.webhooks WHERE deleted_at IS NULL ORDER BY id`,
);
/** "WHKP": one planner at a time, whatever the number of processes. */
const PLANNER_LOCK = 0x57484b50;
const LOCK_PLAN = statement('webhooks_lock_plan', 'SELECT pg_try_advisory_xact_lock($1) AS locked');
/** "WHKM". */
const MAKER_LOCK = 0x57484b4d;
const IS_WELL = '(failing_since IS NULL AND last_success_at IS NOT NULL AND disabled_at IS NULL)';
const PLACE = statement(
  'webhooks_place',
  `UPDATE roster.webhooks SET in_front = NOT in_front
   WHERE id IN (SELECT id FROM roster.webhooks WHERE deleted_at IS NULL AND in_front <> ${IS_WELL} AND (in_front OR $1)
     FOR NO KEY UPDATE SKIP LOCKED)`,
);
const LOCK_ROWS = statement(
  'webhooks_lock_rows',
  'SELECT 1 FROM roster.webhooks WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE',
);
// What was well stays well: most successes write nothing.
const SUCCEEDED = statement(
  'webhooks_succeeded',
  `UPDATE roster.webhooks SET failing_since = NULL, last_failure_at = NULL, failed_hours = 0, last_success_at = CAST($2 AS timestamptz)
   WHERE id = ANY($1) AND (failing_since IS NOT NULL OR last_success_at IS NULL OR last_success_at <= CAST($2 AS timestamptz) - interval '1 minute')`,
);
const FAILED = statement(
  'webhooks_failed',
  `UPDATE roster.webhooks SET failing_since = coalesce(failing_since, CAST($2 AS timestamptz)), last_failure_at = CAST($2 AS timestamptz),
     failed_hours = failed_hours + 1
   WHERE id = ANY($1) AND (failing_since IS NULL OR last_failure_at <= CAST($2 AS timestamptz) - interval '1 hour')`,
);
// One failure and silence after it say little: tries have to have failed in three different hours.
const FAILING = statement(
  'webhooks_failing',
  `SELECT id FROM roster.webhooks WHERE id = ANY($1) AND failing_since <= $2 AND failed_hours >= 3
     AND disabled_at IS NULL AND deleted_at IS NULL`,
);

@Injectable()
export class WebhooksRepository {
  constructor(private readonly db: Database) {}

  find(id: string): Promise<WebhookRow | null> {
    return this.db.row(FIND, [id]);
  }

  /** The webhook, which nobody else can change until the transaction ends. */
  async lock(id: string): Promise<Webhook | null> {
    await this.db.row(TURN, [`webhooks/${id}`]);
    const webhook = await this.db.repository(Webhook).findOne({ where: { id }, lock: { mode: 'pessimistic_write' } });
    return webhook?.deletedAt === null ? webhook : null;
  }

  async insert(webhook: Omit<Webhook, 'since'>): Promise<void> {
    await this.db.repository(Webhook).insert(webhook);
  }

  async update({ id, ...columns }: Partial<Webhook> & Pick<Webhook, 'id'>): Promise<void> {
    await this.db.repository(Webhook).update({ id }, columns);
  }

  /** How many there are, while nobody else makes one. */
  async lockCount(): Promise<number> {
    await this.db.row('SELECT pg_advisory_xact_lock($1)', [MAKER_LOCK]);
    const row = await this.db.row<{ count: number }>(
      'SELECT count(*)::int AS count FROM roster.webhooks WHERE deleted_at IS NULL',
    );
    return row!.count;
  }

  /** Whether nobody else plans until the transaction ends. In a statement of its own: the next one sees what they wrote. */
  async lockPlan(): Promise<boolean> {
    return (await this.db.row<{ locked: boolean }>(LOCK_PLAN, [PLANNER_LOCK]))!.locked;
  }

  subscriptions(): Promise<Subscription[]> {
    return this.db.rows(SUBSCRIPTIONS);
  }

  /** In front goes whoever took what it was last sent. Those that somebody else writes just now are left where they are. */
  async place(mayComeForward: boolean): Promise<void> {
    await this.db.change(PLACE, [mayComeForward]);
  }

  /** Nobody else writes them, nor puts a delivery behind another of theirs, until the transaction ends. */
  async lockRows(ids: readonly string[]): Promise<void> {
    await this.db.rows(LOCK_ROWS, [ids]);
  }

  async succeeded(ids: readonly string[], at: Date): Promise<void> {
    if (ids.length > 0) await this.db.change(SUCCEEDED, [ids, at]);
  }

  async failed(ids: readonly string[], at: Date): Promise<void> {
    if (ids.length > 0) await this.db.change(FAILED, [ids, at]);
  }

  /** Which of these have failed since then or longer, again and again. */
  async failingSince(ids: readonly string[], then: Date): Promise<string[]> {
    if (ids.length === 0) return [];
    return (await this.db.rows<{ id: string }>(FAILING, [ids, then])).map(({ id }) => id);
  }

  /** The next of all webhooks by their ids, with their secrets. */
  sealedAfter(last: string | null, most: number): Promise<SealedWebhook[]> {
    const text = `SELECT id, secret, previous_secret AS "previousSecret" FROM roster.webhooks
      WHERE deleted_at IS NULL AND ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2`;
    return this.db.rows(text, [last, most]);
  }

  /** Unless it is another one by now. */
  async reseal(id: string, column: 'secret' | 'previous_secret', before: Buffer, after: Buffer): Promise<void> {
    await this.db.change(`UPDATE roster.webhooks SET ${column} = $3 WHERE id = $1 AND ${column} = $2`, [
      id,
      before,
      after,
    ]);
  }

  /** What is enabled, with who has it told. */
  kept(): Promise<Pick<Webhook, 'id' | 'keeperId'>[]> {
    return this.db.rows(
      'SELECT id, keeper_id AS "keeperId" FROM roster.webhooks WHERE deleted_at IS NULL AND disabled_at IS NULL',
    );
  }

  /** Removes what was deleted and has no delivery any more. */
  prune(): Promise<number> {
    return this.db.changeAll(
      `DELETE FROM roster.webhooks WHERE id IN (SELECT w.id FROM roster.webhooks w WHERE w.deleted_at IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM roster.webhook_deliveries d WHERE d.webhook_id = w.id) LIMIT $1)`,
      [],
    );
  }

  /** One page; a question that no index serves is cut by the server. @throws FilterTooCostly */
  page({ text, parameters }: PageStatement): Promise<(WebhookRow & { sort_key: string | null })[]> {
    return unlessTooCostly(this.db.rows(text, parameters));
  }

  /** How many there are, counted no further than `most`. @throws FilterTooCostly */
  async count(where: string, parameters: readonly unknown[], most: number): Promise<number> {
    const text = `SELECT count(*)::int AS count FROM (SELECT 1 FROM roster.webhooks w WHERE ${where} LIMIT ${most}) counted`;
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
