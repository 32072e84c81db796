import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

export const IMPORT_STATES = [
  'uploading',
  'incomplete',
  'queued',
  'running',
  'completed',
  'cancelled',
  'failed',
] as const;
export type ImportState = (typeof IMPORT_STATES)[number];

/** In the order in which a reader would ask. */
export const FORMATS = ['roster', 'auth0', 'keycloak', 'supabase', 'firebase'] as const;
export type FormatName = (typeof FORMATS)[number];

export const CONFLICT_RULES = ['skip', 'update', 'fail'] as const;
export type ConflictRule = (typeof CONFLICT_RULES)[number];

/** A file of users on its way in. */
@Entity('imports')
@Check(
  'imports_state_check',
  "state IN ('uploading', 'incomplete', 'queued', 'running', 'completed', 'cancelled', 'failed')",
)
@Check('imports_on_conflict_check', "on_conflict IN ('skip', 'update', 'fail')")
@Index('imports_created_at_idx', ['createdAt', 'id'])
@Index('imports_unfinished_idx', { synchronize: false })
export class Import {
  @PrimaryColumn('uuid')
  id!: string;

  @Column({ type: 'text', collation: 'C' })
  state!: ImportState;

  /** Null until it is recognised. */
  @Column({ type: 'text', nullable: true })
  format!: FormatName | null;

  @Column('text')
  onConflict!: ConflictRule;

  @Column('boolean')
  dryRun!: boolean;

  /** Who sent it; null for the operator of the machine. */
  @Column('uuid', { nullable: true })
  actorId!: string | null;

  /** For whom they acted, where they acted for another. */
  @Column('uuid', { nullable: true })
  onBehalfOf!: string | null;

  /** What they could do when they sent it, which bounds what is done in their name; null for the operator. */
  @Column('text', { array: true, nullable: true })
  permissions!: string[] | null;

  @Column('bigint')
  bytes!: string;

  /** In all: known once the file is read. */
  @Column('integer')
  rows!: number;

  /** How many of them are done with. */
  @Column('integer')
  position!: number;

  @Column('integer')
  created!: number;

  @Column('integer')
  updated!: number;

  @Column('integer')
  skipped!: number;

  @Column('integer')
  failed!: number;

  /** Why it failed as a whole. */
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
