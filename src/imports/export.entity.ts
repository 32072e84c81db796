import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

export const EXPORT_STATES = ['queued', 'running', 'completed', 'cancelled', 'failed'] as const;
export type ExportState = (typeof EXPORT_STATES)[number];
export const EXPORT_FORMATS = ['csv', 'ndjson'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Users who are written into a file, a page at a time. */
@Entity('exports')
@Check('exports_state_check', "state IN ('queued', 'running', 'completed', 'cancelled', 'failed')")
@Check('exports_format_check', "format IN ('csv', 'ndjson')")
@Index('exports_created_at_idx', ['createdAt', 'id'])
@Index('exports_unfinished_idx', { synchronize: false })
export class Export {
  @PrimaryColumn('uuid')
  id!: string;

  @Column({ type: 'text', collation: 'C' })
  state!: ExportState;

  @Column('text')
  format!: ExportFormat;

  @Column({ type: 'text', nullable: true })
  filter!: string | null;

  /** Who asked for it; null for the operator of the machine. */
  @Column('uuid', { nullable: true })
  actorId!: string | null;

  /** For whom they acted, where they acted for another. */
  @Column('uuid', { nullable: true })
  onBehalfOf!: string | null;

  /** Written so far. */
  @Column('integer')
  rows!: number;

  /** About how many there are. */
  @Column('integer', { nullable: true })
  total!: number | null;

  @Column('bigint')
  bytes!: string;

  @Column('integer')
  chunks!: number;

  /** Where to go on; null at the beginning, and at the end. */
  @Column({ type: 'text', nullable: true })
  cursor!: string | null;

  /** Why it failed. */
  @Column({ type: 'text', nullable: true })
  problem!: string | null;

  /** The job that is at work on it, or was last. */
  @Column('uuid', { nullable: true })
  jobId!: string | null;

  @Column('timestamptz')
  createdAt!: Date;

  @Column('timestamptz')
  updatedAt!: Date;

  @Column('timestamptz', { nullable: true })
  finishedAt!: Date | null;

  /** Rises with every change that a reader can see. */
  @Column('integer')
  version!: number;
}
