import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** A way in for whoever lost their factors, kept as its SHA-256. */
@Entity('recovery_codes')
export class RecoveryCode {
  @PrimaryColumn('uuid')
  @ForeignKey('User', { onDelete: 'CASCADE' })
  userId!: string;

  @PrimaryColumn('bytea')
  hash!: Buffer;

  @Column('timestamptz')
  createdAt!: Date;

  @Column('timestamptz', { nullable: true })
  usedAt!: Date | null;
}
