import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

export type EndReason =
  | 'signed_out'
  | 'password_changed'
  | 'suspended'
  | 'deleted'
  | 'deletion_scheduled'
  | 'refresh_reused'
  | 'email_reverted'
  | 'stepped_up'
  | 'factors_reset';

/** One sign-in, and the family of its refresh tokens. Partitioned by the month in its id. */
@Entity('sessions')
@Index('sessions_open_idx', { synchronize: false })
@Index('sessions_user_id_idx', ['userId', 'id'])
export class Session {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid')
  @ForeignKey('User', { onDelete: 'CASCADE' })
  userId!: string;

  /** Who acts for the user in this session; null for the user themselves. */
  @Column('uuid', { nullable: true })
  actorId!: string | null;

  /** How they proved who they are (RFC 8176): `pwd`, or `cli` for whoever sits at the server. */
  @Column('text', { array: true })
  amr!: string[];

  @Column('timestamptz')
  authenticatedAt!: Date;

  @Column('timestamptz')
  expiresAt!: Date;

  @Column('timestamptz', { nullable: true })
  endedAt!: Date | null;

  @Column('text', { nullable: true })
  endedBecause!: EndReason | null;

  @Column('inet', { nullable: true })
  ip!: string | null;

  @Column('text', { nullable: true })
  userAgent!: string | null;
}
