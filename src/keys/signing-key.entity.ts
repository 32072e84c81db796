import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

export type KeyState = 'next' | 'active' | 'retired';

/** A key pair for access tokens (ES256). The private half is sealed, and gone once the key is retired. */
@Entity('signing_keys')
@Check('signing_keys_state_check', "state IN ('next', 'active', 'retired')")
@Index('signing_keys_active_idx', { synchronize: false })
@Index('signing_keys_next_idx', { synchronize: false })
export class SigningKey {
  @PrimaryColumn('text', { collation: 'C' })
  kid!: string;

  @Column('text')
  state!: KeyState;

  /** The public JWK (RFC 7517). */
  @Column('jsonb')
  publicKey!: Record<string, string>;

  @Column('bytea', { nullable: true })
  privateKey!: Buffer | null;

  @Column('timestamptz')
  createdAt!: Date;

  @Column('timestamptz', { nullable: true })
  activatedAt!: Date | null;

  @Column('timestamptz', { nullable: true })
  retiredAt!: Date | null;
}
