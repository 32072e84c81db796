import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A process that runs jobs, as long as it gives a sign of life. */
@Entity('job_workers')
export class JobWorker {
  /** The id of its pool in graphile-worker, under which it locks. */
  @PrimaryColumn({ type: 'text', collation: 'C' })
  id!: string;

  @Column('text')
  host!: string;

  @Column('integer')
  pid!: number;

  /** The jobs that it knows how to do. */
  @Column({ type: 'text', collation: 'C', array: true })
  kinds!: string[];

  @Column('timestamptz')
  startedAt!: Date;

  @Column('timestamptz')
  beatAt!: Date;
}
