import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A device on which its owner need not show a second factor for a while. */
@Entity('trusted_devices')
export class TrustedDevice {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid')
  @ForeignKey('User', { onDelete: 'CASCADE' })
  @Index('trusted_devices_user_id_idx')
  userId!: string;

  @Column('bytea')
  @Index('trusted_devices_token_hash_idx', { unique: true })
  tokenHash!: Buffer;

  @Column('text')
  name!: string;

  @Column('inet', { nullable: true })
  ip!: string | null;

  @Column('text', { nullable: true })
  userAgent!: string | null;

  @Column('timestamptz')
  createdAt!: Date;

  @Column('timestamptz')
  @Index('trusted_devices_expires_at_idx')
  expiresAt!: Date;

  @Column('timestamptz', { nullable: true })
  lastUsedAt!: Date | null;
}

/** A device as it is shown: without what it is recognised by. */
export type TrustedDeviceRow = Omit<TrustedDevice, 'tokenHash'>;
