import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { ColumnType } from 'typeorm';

/** A fact. The public part is a CloudEvent; the private part (who, from where, before and after) is never in a feed. */
@Entity('events')
@Index('events_order_idx', ['xid', 'seq'])
@Index('events_type_idx', ['type', 'xid', 'seq'])
@Index('events_subject_idx', ['subject', 'xid', 'seq'])
export class Event {
  @PrimaryColumn('uuid')
  id!: string;

  /** With `seq` the order of commits: rows below `pg_snapshot_xmin` are final (docs/architecture.md). */
  @Column({ type: 'xid8' as ColumnType, default: () => 'pg_current_xact_id()' })
  xid!: string;

  @Column({ type: 'bigint', default: () => "nextval('roster.events_seq')" })
  seq!: string;

  @Column({ type: 'text', collation: 'C' })
  type!: string;

  @Column({ type: 'text', collation: 'C', nullable: true })
  subject!: string | null;

  @Column('integer', { nullable: true })
  subjectVersion!: number | null;

  @Column('jsonb')
  data!: object;

  @Column('jsonb', { nullable: true })
  private!: object | null;

  @Column('timestamptz')
  occurredAt!: Date;
}
