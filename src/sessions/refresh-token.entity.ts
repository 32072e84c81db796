import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A refresh token, kept as its SHA-256. Used once; its successor can be had again for a short grace. */
@Entity('refresh_tokens')
@Index('refresh_tokens_successor_idx', { synchronize: false })
export class RefreshToken {
  @PrimaryColumn('bytea')
  hash!: Buffer;

  @Column('uuid')
  @ForeignKey('Session', { onDelete: 'CASCADE' })
  @Index('refresh_tokens_session_id_idx')
  sessionId!: string;

  @Column('timestamptz')
  createdAt!: Date;

  @Column('timestamptz')
  expiresAt!: Date;

  @Column('timestamptz', { nullable: true })
  usedAt!: Date | null;

  /** The token that came after, sealed under a key that only this token's holder can make; wiped after the grace. */
  @Column('bytea', { nullable: true })
  successor!: Buffer | null;
}
