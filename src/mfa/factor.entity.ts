import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

export const FACTOR_KINDS = ['totp', 'passkey'] as const;
export type FactorKind = (typeof FACTOR_KINDS)[number];

/** An authenticator app or a passkey. It proves nothing before it is confirmed. */
@Entity('factors')
@Check('factors_kind_check', "kind IN ('totp', 'passkey')")
export class Factor {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid')
  @ForeignKey('User', { onDelete: 'CASCADE' })
  @Index('factors_user_id_idx')
  userId!: string;

  @Column('text')
  kind!: FactorKind;

  @Column('text')
  name!: string;

  /** Of an app: what its codes are made of, sealed. */
  @Column('bytea', { nullable: true })
  secret!: Buffer | null;

  /** Of an app: the step of 30 seconds whose code was the last to be taken; no code of it or before is taken again. */
  @Column('bigint', { nullable: true })
  lastStep!: string | null;

  /** Of a passkey, and so are all that follow. */
  @Column('bytea', { nullable: true })
  @Index('factors_credential_id_idx', { unique: true })
  credentialId!: Buffer | null;

  /** As COSE writes keys (RFC 9052). */
  @Column('bytea', { nullable: true })
  publicKey!: Buffer | null;

  @Column('bigint', { nullable: true })
  counter!: string | null;

  @Column('text', { array: true, nullable: true })
  transports!: string[] | null;

  @Column('boolean', { nullable: true })
  backedUp!: boolean | null;

  /** The model of the authenticator, where it says so. */
  @Column('uuid', { nullable: true })
  aaguid!: string | null;

  @Column('timestamptz')
  createdAt!: Date;

  @Column('timestamptz', { nullable: true })
  confirmedAt!: Date | null;

  @Column('timestamptz', { nullable: true })
  lastUsedAt!: Date | null;

  /** Rises with every change that its owner makes; being used is none. */
  @Column('integer')
  version!: number;
}

/** A factor as it is shown: nothing that proves anything. */
export type FactorRow = Pick<
  Factor,
  | 'id'
  | 'userId'
  | 'kind'
  | 'name'
  | 'transports'
  | 'backedUp'
  | 'aaguid'
  | 'createdAt'
  | 'confirmedAt'
  | 'lastUsedAt'
  | 'version'
>;
