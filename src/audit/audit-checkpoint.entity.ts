import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What the chain was at a moment, signed: whoever changes an entry before it cannot make it again. */
@Entity('audit_checkpoints')
export class AuditCheckpoint {
  @PrimaryColumn('bigint')
  seq!: string;

  @Column('bytea')
  hash!: Buffer;

  @Column({ type: 'text', collation: 'C' })
  kid!: string;

  @Column('bytea')
  signature!: Buffer;

  @Column({ type: 'timestamptz', precision: 3 })
  createdAt!: Date;
}
