import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

import type { JobState } from './job.js';

/** The record of a job. graphile-worker has a ticket for it, which says no more than its id and when to look at it. */
@Entity('jobs')
@Check('jobs_state_check', "state IN ('queued', 'running', 'succeeded', 'failed', 'dead', 'cancelled')")
@Index('jobs_created_at_idx', ['createdAt', 'id'])
@Index('jobs_name_idx', ['name', 'createdAt', 'id'])
@Index('jobs_unfinished_idx', { synchronize: false })
@Index('jobs_key_idx', { synchronize: false })
export class Job {
  @PrimaryColumn('uuid')
  id!: string;

  @Column({ type: 'text', collation: 'C' })
  name!: string;

  @Column({ type: 'text', collation: 'C', nullable: true })
  queue!: string | null;

  /** Of those that wait with it there is one. */
  @Column({ type: 'text', collation: 'C', nullable: true })
  key!: string | null;

  @Column('text')
  state!: JobState;

  /** Null once a secret one is no longer needed. */
  @Column('jsonb', { nullable: true })
  payload!: object | null;

  @Column('boolean')
  isSecret!: boolean;

  @Column('boolean')
  isLong!: boolean;

  /** How often it was begun: with the id it names one attempt, for ever. */
  @Column('integer')
  attempts!: number;

  /** Attempts that do not count: the process stopped, or died, or somebody asked for the job again. */
  @Column('integer')
  spared!: number;

  @Column('integer')
  maxAttempts!: number;

  /** How many processes died under it since it last came on; from the second on only if its handler had begun. */
  @Column('integer')
  crashes!: number;

  @Column('bigint', { nullable: true })
  progressDone!: string | null;

  @Column('bigint', { nullable: true })
  progressTotal!: string | null;

  @Column('jsonb', { nullable: true })
  result!: unknown;

  @Column('text', { nullable: true })
  lastError!: string | null;

  @Column('uuid', { nullable: true })
  actorId!: string | null;

  /** Which process has it; only while it runs. */
  @Column({ type: 'text', collation: 'C', nullable: true })
  worker!: string | null;

  @Column('timestamptz')
  createdAt!: Date;

  @Column('timestamptz')
  runAt!: Date;

  @Column('timestamptz', { nullable: true })
  startedAt!: Date | null;

  @Column('timestamptz', { nullable: true })
  finishedAt!: Date | null;

  @Column('timestamptz', { nullable: true })
  cancelRequestedAt!: Date | null;

  @Column('integer')
  version!: number;
}
