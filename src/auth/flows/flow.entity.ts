import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

export type FlowPurpose =
  | 'registration'
  | 'email_verification'
  | 'email_change'
  | 'email_revert'
  | 'password_reset'
  | 'magic_link'
  | 'invitation'
  | 'second_factor';

/**
 * Something that somebody began and that a one-time proof ends: the link of a mail, or its code together with the id of
 * the flow. Flows for addresses that nobody has are kept alike, with no proof that fits.
 */
@Entity('flows')
@Index('flows_live_idx', { synchronize: false })
@Index('flows_token_hash_idx', { synchronize: false })
@Index('flows_user_id_idx', { synchronize: false })
export class Flow {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  purpose!: FlowPurpose;

  @Column('uuid', { nullable: true })
  @ForeignKey('User', { onDelete: 'CASCADE' })
  userId!: string | null;

  @Column({ type: 'text', collation: 'C' })
  emailKey!: string;

  /** SHA-256 of the link's 256 bits; null for nobody. */
  @Column('bytea', { nullable: true })
  tokenHash!: Buffer | null;

  /** HMAC of the code: six digits are guessed in no time from a plain hash. */
  @Column('bytea', { nullable: true })
  codeHash!: Buffer | null;

  @Column('integer')
  triesLeft!: number;

  /** What the deed at the end needs to know. */
  @Column('jsonb')
  payload!: object;

  @Column('timestamptz')
  createdAt!: Date;

  @Column('timestamptz')
  codeExpiresAt!: Date;

  @Index('flows_expires_at_idx')
  @Column('timestamptz')
  expiresAt!: Date;

  @Column('timestamptz', { nullable: true })
  usedAt!: Date | null;

  /** When a newer one of its purpose took its place. */
  @Column('timestamptz', { nullable: true })
  supersededAt!: Date | null;
}
