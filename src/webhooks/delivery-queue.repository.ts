import { Injectable } from '@nestjs/common';

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

/** How webhooks have done: a new one has not been tried, and so may be any of the other two. */
export const STANDINGS = ['proven', 'new', 'failing'] as const;
export type Standing = (typeof STANDINGS)[number];

/** What one process may take now. */
export interface Claim {
  readonly standing: Standing;
  /** How many in all, and of one webhook. */
  readonly room: number;
  readonly roomOfEach: number;
  /** How many of a webhook are on their way already; as many as `roomOfEach` of those to leave alone. */
  readonly busy: ReadonlyMap<string, number>;
  /** Whose they are from now on, and until when. */
  readonly lease: string;
  readonly until: Date;
  readonly now: Date;
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

const STANDING_SQL: Readonly<Record<Standing, string>> = {
  proven: 'w.failing_since IS NULL AND w.last_success_at IS NOT NULL',
  new: 'w.failing_since IS NULL AND w.last_success_at IS NULL',
  failing: 'w.failing_since IS NOT NULL',
};

// In no order, so that none is always the first when there is no room for all. Of those that fail, who has failed for a minute
// comes before who has for a day, mostly: it may be back already.
const TURN_SQL: Readonly<Record<Standing, string>> = {
  proven: 'random()',
  new: 'random()',
  failing: 'random() * extract(epoch FROM CAST($5 AS timestamptz) - w.failing_since)',
};

const claimOf = (standing: Standing) =>
  statement(
    `webhooks_claim_${standing}`,
    `WITH candidate AS MATERIALIZED (
       SELECT w.id, w.ordered, $3 - coalesce(busy.used, 0) AS room
       FROM roster.webhooks w LEFT JOIN unnest($1::uuid[], $2::integer[]) AS busy (id, used) ON busy.id = w.id
       WHERE w.deleted_at IS NULL AND w.disabled_at IS NULL AND ${STANDING_SQL[standing]} AND coalesce(busy.used, 0) < $3
       ORDER BY ${TURN_SQL[standing]}
     ), due AS (
       SELECT d.id FROM candidate c CROSS JOIN LATERAL (
         SELECT d.id FROM roster.webhook_deliveries d
         WHERE d.webhook_id = c.id AND d.state = 'waiting' AND d.next_attempt_at <= $5
           AND (c.ordered = 'none' OR d.subject IS NULL OR NOT EXISTS (
             SELECT 1 FROM roster.webhook_deliveries earlier
             WHERE earlier.webhook_id = d.webhook_id AND earlier.subject = d.subject AND earlier.state = 'waiting'
               AND (earlier.xid, earlier.seq, earlier.id) < (d.xid, d.seq, d.id)))
         ORDER BY d.next_attempt_at, d.id LIMIT c.room FOR UPDATE OF d SKIP LOCKED
       ) d LIMIT $4
     )
     UPDATE roster.webhook_deliveries d SET lease = $6, next_attempt_at = $7
     FROM due, roster.webhooks w WHERE d.id = due.id AND w.id = d.webhook_id
     RETURNING d.id, d.webhook_id AS "webhookId", d.kind, d.event_id AS "eventId", d.body, d.attempts,
       d.first_attempt_at AS "firstAttemptAt", w.url, w.secret, w.previous_secret AS "previousSecret",
       w.previous_secret_until AS "previousSecretUntil"`,
  );
const CLAIM = { proven: claimOf('proven'), new: claimOf('new'), failing: claimOf('failing') };

const INSERT = statement(
  'webhook_deliveries_insert',
  `INSERT INTO roster.webhook_deliveries (id, webhook_id, kind, replay_id, event_id, event_type, subject, xid, seq, body,
     state, attempts, next_attempt_at, tries, created_at)
   SELECT owed.id, owed.webhook_id, $1, $2, fact.id, fact.type, fact.subject, fact.xid::xid8, fact.seq, fact.body,
     'waiting', 0, $3, '[]', $3
   FROM unnest($4::uuid[], $5::uuid[], $6::integer[]) AS owed (id, webhook_id, place)
   JOIN unnest($7::uuid[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::text[]) WITH ORDINALITY
     AS fact (id, type, subject, xid, seq, body, place) ON fact.place = owed.place
   ON CONFLICT DO NOTHING`,
);
// Nobody but who has the lease may say what became of it: another process may have it by now.
const RECORD = statement(
  'webhook_deliveries_record',
  `UPDATE roster.webhook_deliveries d SET state = r.state, attempts = d.attempts + 1, next_attempt_at = r.next, lease = NULL,
     first_attempt_at = coalesce(d.first_attempt_at, r.at), last_attempt_at = r.at, sent_to = r.url, status = r.status,
     error = r.error, latency_ms = r.latency, answer_headers = r.headers::jsonb, answer_body = r.body,
     tries = d.tries || jsonb_build_array(r.try::jsonb)
   FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::integer[], $8::text[],
     $9::integer[], $10::text[], $11::text[], $12::text[])
     AS r (id, lease, state, next, at, url, status, error, latency, headers, body, try)
   WHERE d.id = r.id AND d.lease = r.lease`,
);
const RELEASE = statement(
  'webhook_deliveries_release',
  'UPDATE roster.webhook_deliveries SET lease = NULL, next_attempt_at = $3 WHERE id = ANY($1) AND lease = $2',
);

/** What is owed to webhooks: put in by the planner, taken out and given back by the senders. */
@Injectable()
export class DeliveryQueueRepository {
  constructor(private readonly db: Database) {}

  /** Of one kind; what is there already stays as it is. */
  async insert(
    kind: DeliveryKind,
    replayId: string | null,
    now: Date,
    deliveries: readonly (ToldFact & Pick<WebhookDelivery, 'id' | 'webhookId'>)[],
  ): Promise<void> {
    const facts = [...new Map(deliveries.map((delivery) => [delivery.eventId, delivery])).values()];
    const places = new Map(facts.map(({ eventId }, at) => [eventId, at + 1]));
    await this.db.change(INSERT, [
      kind,
      replayId,
      now,
      deliveries.map(({ id }) => id),
      deliveries.map(({ webhookId }) => webhookId),
      deliveries.map(({ eventId }) => places.get(eventId)),
      facts.map(({ eventId }) => eventId),
      facts.map(({ eventType }) => eventType),
      facts.map(({ subject }) => subject),
      facts.map(({ xid }) => xid),
      facts.map(({ seq }) => seq),
      facts.map(({ body }) => body),
    ]);
  }

  claim({ standing, room, roomOfEach, busy, lease, until, now }: Claim): Promise<ClaimedDelivery[]> {
    const ids = [...busy.keys()];
    return this.db.rows(CLAIM[standing], [ids, [...busy.values()], roomOfEach, room, now, lease, until]);
  }

  async record(results: readonly Result[]): Promise<void> {
    const each = <T>(pick: (result: Result) => T): T[] => results.map(pick);
    const tried = <T>(pick: (attempt: Attempt) => T): T[] => results.map(({ attempt }) => pick(attempt));
    await this.db.change(RECORD, [
      each(({ id }) => id),
      each(({ lease }) => lease),
      each(({ state }) => state),
      each(({ next }) => next),
      tried(({ at }) => at),
      tried(({ url }) => url),
      tried(({ status }) => status),
      tried(({ error }) => error),
      tried(({ latencyMs }) => latencyMs),
      tried(({ headers }) => headers && JSON.stringify(headers)),
      tried(({ body }) => body),
      tried(({ at, status, error, latencyMs }) => JSON.stringify({ at, status, error, latencyMs })),
    ]);
  }

  /** Given back untried: somebody else may send them. */
  async release(ids: readonly string[], lease: string, now: Date): Promise<void> {
    await this.db.change(RELEASE, [ids, lease, now]);
  }
}
