import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

export type ChallengePurpose = 'register' | 'sign_in' | 'verify';

/** What an authenticator has to sign: for one purpose, one person and one answer. */
@Entity('webauthn_challenges')
@Check('webauthn_challenges_purpose_check', "purpose IN ('register', 'sign_in', 'verify')")
export class WebAuthnChallenge {
  @PrimaryColumn('uuid')
  id!: string;

  /** Null for a sign-in without a name: the answer tells whose it is. */
  @Column('uuid', { nullable: true })
  @ForeignKey('User', { onDelete: 'CASCADE' })
  @Index('webauthn_challenges_user_id_idx')
  userId!: string | null;

  @Column('text')
  purpose!: ChallengePurpose;

  @Column('bytea')
  challenge!: Buffer;

  @Column('timestamptz')
  createdAt!: Date;

  @Column('timestamptz')
  @Index('webauthn_challenges_expires_at_idx')
  expiresAt!: Date;

  @Column('timestamptz', { nullable: true })
  usedAt!: Date | null;
}
