import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** How many codes in a row were wrong, over all sessions and processes. */
@Entity('totp_tries')
export class TotpTries {
  @PrimaryColumn('uuid')
  @ForeignKey('User', { onDelete: 'CASCADE' })
  userId!: string;

  @Column('integer')
  tries!: number;

  @Column('timestamptz', { nullable: true })
  blockedUntil!: Date | null;
}
