import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** The hash of a user's password, apart from the user: what shows people never reads it. */
@Entity('password_hashes')
export class PasswordHash {
  @PrimaryColumn('uuid')
  @ForeignKey('User', { onDelete: 'CASCADE' })
  userId!: string;

  /** argon2id as a PHC string. */
  @Column('text')
  hash!: string;

  @Column('timestamptz')
  changedAt!: Date;

  /** Since when it has to be changed before anything else: it was made by us, for one use. */
  @Column('timestamptz', { nullable: true })
  changeRequiredAt!: Date | null;
}
