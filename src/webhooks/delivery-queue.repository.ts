import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import { Database, statement } from '../platform/database/database.js';
import type { Attempt } from './outcome.js';
import type { DeliveryKind, DeliveryState, WebhookDelivery } from './webhook-delivery.entity.js';
import type { Webhook } from './webhook.entity.js';

/** A fact as a delivery tells it. */
export type ToldFact = Pick<WebhookDelivery, 'eventId' | 'eventType' | 'subject' | 'xid' | 'seq' | 'body'>;

/** A delivery that is ours to send, with what is known of its webhook. */
export type ClaimedDelivery = Pick<
  WebhookDelivery,
  'id' | 'webhookId' | 'kind' | 'eventId' | 'body' | 'attempts' | 'firstAttemptAt'
> &
  Pick<Webhook, 'url' | 'secret' | 'previousSecret' | 'previousSecretUntil'>;

/** How webhooks have done: a new one has not been tried, and so may be any of the others. */
export const STANDINGS = ['proven', 'new', 'slow', 'failing'] as const;
export type Standing = (typeof STANDINGS)[number];

/** Which URL of which webhook is left alone. */
export interface Resting {
  readonly webhookId: string;
  readonly url: string;
}

/** What one process may take now. */
export interface Claim {
  readonly standing: Standing;
  /** How many in all, and of one webhook. */
  readonly room: number;
  readonly roomOfEach: number;
  /** How many of a webhook are on their way already. */
  readonly busy: ReadonlyMap<string, number>;
  readonly resting: readonly Resting[];
  /** Who takes long: left out among the others. */
  readonly slow: readonly string[];
  /** Whose they are from now on, and for how long. Milliseconds. */
  readonly lease: string;
  readonly leasedFor: number;
}

/** What became of a try. */
export interface Result {
  readonly id: string;
  readonly webhookId: string;
  readonly kind: DeliveryKind;
  readonly lease: string;
  readonly attempt: Attempt;
  readonly state: DeliveryState;
  readonly next: Date;
}

/**
 * The time by which deliveries are due and leases end is PostgreSQL's, for processes have clocks of their own.
 * @param ahead the parameter for how far ours was put ahead of the machine's
 */
export const nowSql = (ahead: string): string => `(statement_timestamp() + CAST(${ahead} AS float8) * interval '1 ms')`;

const STANDING_SQL: Readonly<Record<Standing, string>> = {
  proven: 'w.failing_since IS NULL AND w.last_success_at IS NOT NULL AND w.id <> ALL ($8::uuid[])',
  new: 'w.failing_since IS NULL AND w.last_success_at IS NULL AND w.id <> ALL ($8::uuid[])',
  slow: 'w.failing_since IS NULL AND w.id = ANY ($8::uuid[])',
  failing: 'w.failing_since IS NOT NULL AND $8::uuid[] IS NOT NULL',
};

// In no order, so that none is always the first when there is no room for all. Of those that fail, who has failed for a minute
// comes before who has for a day, mostly: it may be back already.
const TURN_SQL: Readonly<Record<Standing, string>> = {
  proven: 'random()',
  new: 'random()',
  slow: 'random()',
  failing: `random() * extract(epoch FROM ${nowSql('$5')} - w.failing_since)`,
};

const dueSql = (condition: string): string => `SELECT d.id FROM roster.webhook_deliveries d
  WHERE d.webhook_id = c.id AND d.state = 'waiting' AND ${condition} AND d.next_attempt_at <= ${nowSql('$5')}
  ORDER BY d.next_attempt_at, d.id LIMIT c.room FOR UPDATE OF d SKIP LOCKED`;

// What happens now comes before what is told once more. What waits for the one before it has no time, and is not looked at.
const claimOf = (standing: Standing) =>
  statement(
    `webhooks_claim_${standing}`,
    `WITH candidate AS MATERIALIZED (
       SELECT w.id, $3 - coalesce(busy.used, 0) AS room
       FROM roster.webhooks w LEFT JOIN unnest($1::uuid[], $2::integer[]) AS busy (id, used) ON busy.id = w.id
       WHERE w.deleted_at IS NULL AND w.disabled_at IS NULL AND ${STANDING_SQL[standing]} AND coalesce(busy.used, 0) < $3
         AND NOT EXISTS (SELECT 1 FROM unnest($9::uuid[], $10::text[]) AS rests (id, url) WHERE rests.id = w.id AND rests.url = w.url)
       ORDER BY ${TURN_SQL[standing]}
     ), due AS (
       SELECT d.id FROM candidate c CROSS JOIN LATERAL (
         SELECT id FROM (${dueSql("d.kind <> 'replay'")}) first UNION ALL SELECT id FROM (${dueSql("d.kind = 'replay'")}) then_again
         LIMIT c.room
       ) d LIMIT $4
     )
     UPDATE roster.webhook_deliveries d SET lease = $6, next_attempt_at = ${nowSql('$5')} + CAST($7 AS float8) * interval '1 ms'
     FROM due, roster.webhooks w WHERE d.id = due.id AND w.id = d.webhook_id
     RETURNING d.id, d.webhook_id AS "webhookId", d.kind, d.event_id AS "eventId", d.body, d.attempts,
       d.first_attempt_at AS "firstAttemptAt", w.url, w.secret, w.previous_secret AS "previousSecret",
       w.previous_secret_until AS "previousSecretUntil"`,
  );
const CLAIM = { proven: claimOf('proven'), new: claimOf('new'), slow: claimOf('slow'), failing: claimOf('failing') };

/** Deliveries that stand in the order of their subject: what somebody asked for by hand is sent at once. */
const IN_LINE = "kind IN ('event', 'replay')";
// Of those who keep an order nobody may write down that the first of a subject is done while others are put behind it.
const LOCK_ORDERED = statement(
  'webhooks_lock_ordered',
  "SELECT 1 FROM roster.webhooks WHERE id = ANY($1) AND ordered = 'subject' ORDER BY id FOR SHARE",
);
// What somebody waits for comes before all that is due.
const INSERT = statement(
  'webhook_deliveries_insert',
  `INSERT INTO roster.webhook_deliveries (id, webhook_id, kind, replay_id, event_id, event_type, subject, xid, seq, body,
     state, attempts, next_attempt_at, tries, created_at)
   SELECT owed.id, owed.webhook_id, $1, $2, fact.id, fact.type, fact.subject, fact.xid::xid8, fact.seq, fact.body,
     'waiting', 0,
     CASE WHEN $1 = 'test' THEN to_timestamp(0) WHEN $1 = 'redelivery' THEN to_timestamp(1)
       WHEN w.ordered = 'none' OR fact.subject IS NULL THEN ${nowSql('$13')}
       WHEN row_number() OVER (PARTITION BY owed.webhook_id, fact.subject ORDER BY fact.xid::xid8, fact.seq, owed.id) > 1 THEN NULL
       WHEN EXISTS (SELECT 1 FROM roster.webhook_deliveries earlier WHERE earlier.webhook_id = owed.webhook_id
         AND earlier.subject = fact.subject AND earlier.state = 'waiting' AND earlier.${IN_LINE}
         AND (earlier.xid, earlier.seq) <= (fact.xid::xid8, fact.seq)) THEN NULL
       ELSE ${nowSql('$13')} END,
     '[]', $3
   FROM unnest($4::uuid[], $5::uuid[], $6::integer[]) AS owed (id, webhook_id, place)
   JOIN unnest($7::uuid[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::text[]) WITH ORDINALITY
     AS fact (id, type, subject, xid, seq, body, place) ON fact.place = owed.place
   JOIN roster.webhooks w ON w.id = owed.webhook_id
   WHERE NOT ($1 = 'event' AND EXISTS (SELECT 1 FROM roster.webhook_deliveries there
       WHERE there.kind = 'event' AND there.webhook_id = owed.webhook_id AND there.event_id = fact.id))
     AND NOT ($1 = 'replay' AND EXISTS (SELECT 1 FROM roster.webhook_deliveries there
       WHERE there.kind = 'replay' AND there.replay_id = $2 AND there.event_id = fact.id))
   ON CONFLICT DO NOTHING`,
);
// Nobody but who has the lease may say what became of it: another process may have it by now.
const RECORD = statement(
  'webhook_deliveries_record',
  `UPDATE roster.webhook_deliveries d SET state = r.state, attempts = d.attempts + 1, lease = NULL,
     next_attempt_at = ${nowSql('$13')} + r.wait * interval '1 ms',
     first_attempt_at = coalesce(d.first_attempt_at, r.at), last_attempt_at = r.at, sent_to = r.url, status = r.status,
     error = r.error, latency_ms = r.latency, answer_headers = r.headers::jsonb, answer_body = r.body,
     tries = d.tries || jsonb_build_array(r.try::jsonb)
   FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::float8[], $5::timestamptz[], $6::text[], $7::integer[], $8::text[],
     $9::integer[], $10::text[], $11::text[], $12::text[])
     AS r (id, lease, state, wait, at, url, status, error, latency, headers, body, try)
   WHERE d.id = r.id AND d.lease = r.lease`,
);
// The first that waits of each subject: of all others it knows that they wait for it.
const RELEASE_NEXT = statement(
  'webhook_deliveries_release_next',
  `UPDATE roster.webhook_deliveries d SET next_attempt_at = ${nowSql('$2')}
   FROM (SELECT DISTINCT webhook_id, subject FROM roster.webhook_deliveries
     WHERE id = ANY($1) AND state <> 'waiting' AND ${IN_LINE} AND subject IS NOT NULL) done
   CROSS JOIN LATERAL (SELECT n.id FROM roster.webhook_deliveries n
     WHERE n.webhook_id = done.webhook_id AND n.subject = done.subject AND n.state = 'waiting' AND n.${IN_LINE}
     ORDER BY n.xid, n.seq, n.id LIMIT 1) next
   WHERE d.id = next.id AND d.next_attempt_at IS NULL`,
);
const RELEASE = statement(
  'webhook_deliveries_release',
  `UPDATE roster.webhook_deliveries SET lease = NULL, next_attempt_at = ${nowSql('$3')} WHERE id = ANY($1) AND lease = $2`,
);

/** What is owed to webhooks: put in by the planner, taken out and given back by the senders. */
@Injectable()
export class DeliveryQueueRepository {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  /** Of one kind; what is there already stays as it is. Part of the caller's transaction. */
  async insert(
    kind: DeliveryKind,
    replayId: string | null,
    deliveries: readonly (ToldFact & Pick<WebhookDelivery, 'id' | 'webhookId'>)[],
  ): Promise<void> {
    const facts = [...new Map(deliveries.map((delivery) => [delivery.eventId, delivery])).values()];
    const places = new Map(facts.map(({ eventId }, at) => [eventId, at + 1]));
    const webhookIds = deliveries.map(({ webhookId }) => webhookId);
    await this.db.rows(LOCK_ORDERED, [[...new Set(webhookIds)]]);
    await this.db.change(INSERT, [
      kind,
      replayId,
      this.clock.now(),
      deliveries.map(({ id }) => id),
      webhookIds,
      deliveries.map(({ eventId }) => places.get(eventId)),
      facts.map(({ eventId }) => eventId),
      facts.map(({ eventType }) => eventType),
      facts.map(({ subject }) => subject),
      facts.map(({ xid }) => xid),
      facts.map(({ seq }) => seq),
      facts.map(({ body }) => body),
      this.clock.ahead(),
    ]);
  }

  claim({ standing, room, roomOfEach, busy, slow, resting, lease, leasedFor }: Claim): Promise<ClaimedDelivery[]> {
    return this.db.rows(CLAIM[standing], [
      ...[[...busy.keys()], [...busy.values()], roomOfEach, room, this.clock.ahead(), lease, leasedFor, slow],
      resting.map(({ webhookId }) => webhookId),
      resting.map(({ url }) => url),
    ]);
  }

  /** Also lets those by that waited for them. Part of a transaction that has the rows of their webhooks. */
  async record(results: readonly Result[]): Promise<void> {
    const each = <T>(pick: (result: Result) => T): T[] => results.map(pick);
    const tried = <T>(pick: (attempt: Attempt) => T): T[] => results.map(({ attempt }) => pick(attempt));
    const [now, ahead] = [this.clock.millis(), this.clock.ahead()];
    const ids = each(({ id }) => id);
    await this.db.change(RECORD, [
      ids,
      each(({ lease }) => lease),
      each(({ state }) => state),
      each(({ next }) => next.getTime() - now),
      tried(({ at }) => at),
      tried(({ url }) => url),
      tried(({ status }) => status),
      tried(({ error }) => error),
      tried(({ latencyMs }) => latencyMs),
      tried(({ headers }) => headers && JSON.stringify(headers)),
      tried(({ body }) => body),
      tried(({ at, status, error, latencyMs }) => JSON.stringify({ at, status, error, latencyMs })),
      ahead,
    ]);
    if (results.some(({ state }) => state !== 'waiting')) await this.db.change(RELEASE_NEXT, [ids, ahead]);
  }

  /** Given back untried: somebody else may send them. */
  async release(ids: readonly string[], lease: string): Promise<void> {
    await this.db.change(RELEASE, [ids, lease, this.clock.ahead()]);
  }
}
