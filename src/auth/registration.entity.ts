import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** An account that somebody asked for; a user only once the address is confirmed. */
@Entity('registrations')
@Index('registrations_email_key_idx', { synchronize: false })
export class Registration {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  email!: string;

  @Column({ type: 'text', collation: 'C' })
  emailKey!: string;

  @Column('text')
  name!: string;

  @Column('text')
  locale!: string;

  @Column('text')
  passwordHash!: string;

  /** Null when the address has an account already: then no code is right. */
  @Column('bytea', { nullable: true })
  codeHash!: Buffer | null;

  @Column('integer')
  triesLeft!: number;

  @Column('timestamptz')
  createdAt!: Date;

  @Index('registrations_expires_at_idx')
  @Column('timestamptz')
  expiresAt!: Date;

  @Column('timestamptz', { nullable: true })
  usedAt!: Date | null;
}
