import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { ColumnType } from 'typeorm';

/** Because it happened, because of a replay, because somebody asked for this one again, or to try the webhook. */
export const DELIVERY_KINDS = ['event', 'replay', 'redelivery', 'test'] as const;
export type DeliveryKind = (typeof DELIVERY_KINDS)[number];

/** `dead` is not tried any more. */
export const DELIVERY_STATES = ['waiting', 'delivered', 'dead'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** Why nobody took it; `refused` is an answer that is not 2xx, `not_sent` a fault of ours. */
export const DELIVERY_ERRORS = [
  'refused',
  'timed_out',
  'connection_failed',
  'tls_failed',
  'answer_invalid',
  'name_unknown',
  'address_refused',
  'not_sent',
] as const;
export type DeliveryError = (typeof DELIVERY_ERRORS)[number];

/** One try. */
export interface Try {
  readonly at: string;
  readonly status: number | null;
  readonly error: DeliveryError | null;
  readonly latencyMs: number;
}

/** One fact that one webhook is told, with what became of it. */
@Entity('webhook_deliveries')
@Check('webhook_deliveries_kind_check', "kind IN ('event', 'replay', 'redelivery', 'test')")
@Check('webhook_deliveries_state_check', "state IN ('waiting', 'delivered', 'dead')")
@Index('webhook_deliveries_webhook_id_idx', ['webhookId', 'createdAt', 'id'])
@Index('webhook_deliveries_once_idx', { synchronize: false })
@Index('webhook_deliveries_replay_idx', { synchronize: false })
@Index('webhook_deliveries_due_idx', { synchronize: false })
@Index('webhook_deliveries_replay_due_idx', { synchronize: false })
@Index('webhook_deliveries_blocked_idx', { synchronize: false })
@Index('webhook_deliveries_order_idx', { synchronize: false })
export class WebhookDelivery {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid')
  @ForeignKey('Webhook', { onDelete: 'CASCADE' })
  webhookId!: string;

  @Column('text')
  kind!: DeliveryKind;

  /** The replay that it is part of. */
  @Column('uuid', { nullable: true })
  replayId!: string | null;

  /** Goes out as `webhook-id`: the same in every try, replay and redelivery. */
  @Column('uuid')
  eventId!: string;

  @Column({ type: 'text', collation: 'C' })
  eventType!: string;

  @Column({ type: 'text', collation: 'C', nullable: true })
  subject!: string | null;

  /** With `seq` the place of the fact in the order of commits. */
  @Column({ type: 'xid8' as ColumnType })
  xid!: string;

  @Column('bigint')
  seq!: string;

  /** The same bytes in every try, whatever becomes of the fact. */
  @Column('text')
  body!: string;

  @Column('text')
  state!: DeliveryState;

  @Column('integer')
  attempts!: number;

  /** Of one that is being sent: when it is given to another process. Null while it waits for one before it. */
  @Column('timestamptz', { nullable: true })
  nextAttemptAt!: Date | null;

  /** Who sends it just now; nobody else may say what became of it. */
  @Column('uuid', { nullable: true })
  lease!: string | null;

  @Column('timestamptz', { nullable: true })
  firstAttemptAt!: Date | null;

  @Column('timestamptz', { nullable: true })
  lastAttemptAt!: Date | null;

  /** Where the last try went. */
  @Column('text', { nullable: true })
  sentTo!: string | null;

  @Column('integer', { nullable: true })
  status!: number | null;

  @Column('text', { nullable: true })
  error!: DeliveryError | null;

  @Column('integer', { nullable: true })
  latencyMs!: number | null;

  @Column('jsonb', { nullable: true })
  answerHeaders!: Record<string, string> | null;

  /** The first 4 KB. */
  @Column('text', { nullable: true })
  answerBody!: string | null;

  @Column('jsonb')
  tries!: Try[];

  @Column('timestamptz')
  createdAt!: Date;
}

/** A delivery as a list shows it. */
export type DeliveryRow = Pick<
  WebhookDelivery,
  | 'id'
  | 'webhookId'
  | 'kind'
  | 'replayId'
  | 'eventId'
  | 'eventType'
  | 'subject'
  | 'state'
  | 'attempts'
  | 'nextAttemptAt'
  | 'lastAttemptAt'
  | 'status'
  | 'error'
  | 'latencyMs'
  | 'createdAt'
>;

/** A delivery with all that went out and came back. */
export type DeliveryDetails = DeliveryRow &
  Pick<WebhookDelivery, 'body' | 'sentTo' | 'answerHeaders' | 'answerBody' | 'tries'>;
