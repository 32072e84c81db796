import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** The hash of a user's password, apart from the user: what shows people never reads it. */
@Entity('password_hashes')
@Index('password_hashes_keyed_idx', { synchronize: false })
export class PasswordHash {
  @PrimaryColumn('uuid')
  @ForeignKey('User', { onDelete: 'CASCADE' })
  userId!: string;

  /** argon2id as a PHC string; until the first sign-in, the hash of whoever the user was imported from. */
  @Column('text')
  hash!: string;

  @Column('timestamptz')
  changedAt!: Date;

  /** Since when it has to be changed before anything else: it was made by us, for one use. */
  @Column('timestamptz', { nullable: true })
  changeRequiredAt!: Date | null;
}
