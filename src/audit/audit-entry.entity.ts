import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

import type { Outcome } from '../platform/contract/event.js';

/** A fact, copied into the chain: whatever is in here is covered by its hash. Personal values lie in `AuditDetails`. */
@Entity('audit_entries')
@Index('audit_entries_seq_idx', ['seq', 'id'])
@Index('audit_entries_type_idx', ['type', 'seq', 'id'])
@Index('audit_entries_subject_idx', ['subject', 'seq', 'id'])
@Index('audit_entries_actor_id_idx', ['actorId', 'seq', 'id'])
@Index('audit_entries_on_behalf_of_idx', { synchronize: false })
@Index('audit_entries_request_id_idx', ['requestId', 'seq', 'id'])
@Index('audit_entries_occurred_at_idx', ['occurredAt', 'seq'])
@Index('audit_entries_refused_idx', { synchronize: false })
@Index('audit_entries_user_id_idx', { synchronize: false })
export class AuditEntry {
  /** The id of the fact. */
  @PrimaryColumn('uuid')
  id!: string;

  /** The place in the chain: from 1, without gaps. */
  @Column('bigint')
  seq!: string;

  @Column({ type: 'timestamptz', precision: 3 })
  occurredAt!: Date;

  @Column({ type: 'text', collation: 'C' })
  type!: string;

  @Column({ type: 'text', collation: 'C', nullable: true })
  subject!: string | null;

  @Column('integer', { nullable: true })
  subjectVersion!: number | null;

  @Column('jsonb')
  data!: object;

  @Column({ type: 'text', collation: 'C', nullable: true })
  actorId!: string | null;

  @Column({ type: 'text', collation: 'C', nullable: true })
  onBehalfOf!: string | null;

  @Column({ type: 'text', collation: 'C', nullable: true })
  requestId!: string | null;

  @Column({ type: 'text', collation: 'C' })
  outcome!: Outcome;

  @Column('bytea')
  detailsDigest!: Buffer;

  @Column('bytea')
  previousHash!: Buffer;

  @Column('bytea')
  hash!: Buffer;
}
