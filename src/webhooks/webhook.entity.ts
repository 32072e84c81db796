import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { ColumnType } from 'typeorm';

/** Whether the next fact about a subject waits for the one before it. */
export const ORDERS = ['none', 'subject'] as const;
export type Order = (typeof ORDERS)[number];

export const WEBHOOK_STATES = ['enabled', 'disabled'] as const;
export type WebhookState = (typeof WEBHOOK_STATES)[number];

/** `failing`: nobody took anything for days; `gone`: the server said so itself (410); `keeper_gone`: see below. */
export const DISABLED_REASONS = ['by_hand', 'failing', 'gone', 'keeper_gone'] as const;
export type DisabledReason = (typeof DISABLED_REASONS)[number];

/** Somebody else's server that is told of facts. */
@Entity('webhooks')
@Check('webhooks_ordered_check', "ordered IN ('none', 'subject')")
@Check('webhooks_disabled_reason_check', "disabled_reason IN ('by_hand', 'failing', 'gone', 'keeper_gone')")
@Index('webhooks_created_at_idx', ['createdAt', 'id'])
export class Webhook {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  url!: string;

  /** Names of kinds of facts; `user.*` is all that begin so, `*` all. */
  @Column('text', { array: true })
  eventTypes!: string[];

  @Column('text', { nullable: true })
  filter!: string | null;

  @Column('text', { nullable: true })
  description!: string | null;

  @Column('text')
  ordered!: Order;

  /** Sealed. */
  @Column('bytea')
  secret!: Buffer;

  /** Sealed; signs beside the present one until its time is over. */
  @Column('bytea', { nullable: true })
  previousSecret!: Buffer | null;

  @Column('timestamptz', { nullable: true })
  previousSecretUntil!: Date | null;

  @Column('timestamptz', { nullable: true })
  disabledAt!: Date | null;

  @Column('text', { nullable: true })
  disabledReason!: DisabledReason | null;

  /** The first failure since something was taken. */
  @Column('timestamptz', { nullable: true })
  failingSince!: Date | null;

  /** To the hour. */
  @Column('timestamptz', { nullable: true })
  lastFailureAt!: Date | null;

  /** Since the first failure: how many hours had one. */
  @Column('integer', { default: 0 })
  failedHours!: number;

  /** To the minute. */
  @Column('timestamptz', { nullable: true })
  lastSuccessAt!: Date | null;

  /** Facts of transactions before it are not for this webhook: it was not there yet. */
  @Column({ type: 'xid8' as ColumnType, default: () => 'pg_snapshot_xmin(pg_current_snapshot())' })
  since!: string;

  /** Whether the planner tells it of facts before it tells the crowd. */
  @Column('boolean', { default: false })
  inFront!: boolean;

  @Column('timestamptz')
  createdAt!: Date;

  @Column('uuid')
  createdBy!: string;

  /** Who made it, or last enabled it or sent it elsewhere: as long as they may, facts are sent. */
  @Column('uuid')
  keeperId!: string;

  /** From then on nobody sees it; the row goes when its deliveries are gone. */
  @Column('timestamptz', { nullable: true })
  deletedAt!: Date | null;

  /** Rises with every change by somebody, or of the state. */
  @Column('integer')
  version!: number;
}

/** A webhook as it is shown. */
export type WebhookRow = Omit<
  Webhook,
  'secret' | 'previousSecret' | 'keeperId' | 'lastFailureAt' | 'failedHours' | 'since' | 'inFront' | 'deletedAt'
>;
