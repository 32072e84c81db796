import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

export type EndReason =
  | 'signed_out'
  | 'ended_elsewhere'
  | 'ended_by_administrator'
  | 'too_many'
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
@Index('sessions_acting_idx', { synchronize: false })
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

  /** What the user calls it: `Work laptop`. */
  @Column('text', { nullable: true })
  name!: string | null;

  /** When it was last refreshed, from where and by what. */
  @Column('timestamptz', { default: () => 'now()' })
  lastSeenAt!: Date;

  @Column('inet', { nullable: true })
  ip!: string | null;

  @Column('text', { nullable: true })
  userAgent!: string | null;

  /** Rises with every change that its owner makes; being seen is none. */
  @Column('integer', { default: 1 })
  version!: number;
}
