import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Where the chain begins since old entries were let go, signed: whoever removes others cannot make one. */
@Entity('audit_retirements')
export class AuditRetirement {
  /** Of the last entry that went. */
  @PrimaryColumn('bigint')
  seq!: string;

  @Column('bytea')
  hash!: Buffer;

  /** When the checkpoint at that entry was signed. */
  @Column({ type: 'timestamptz', precision: 3 })
  signedAt!: Date;

  /** A new key vouches for what the one before it signed. */
  @PrimaryColumn('text', { collation: 'C' })
  kid!: string;

  @Column('bytea')
  signature!: Buffer;

  @Column({ type: 'timestamptz', precision: 3 })
  createdAt!: Date;
}
