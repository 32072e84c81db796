import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The answer that a request was given, under the hash of who asked what with which key. */
@Entity('idempotency_keys')
export class IdempotencyKeyRow {
  @PrimaryColumn('bytea')
  id!: Buffer;

  /** SHA-256 of the path, the query and the body. */
  @Column('bytea')
  fingerprint!: Buffer;

  /** What the handler returned, as JSON, sealed. */
  @Column('bytea')
  answer!: Buffer;

  @Index('idempotency_keys_expires_at_idx')
  @Column('timestamptz')
  expiresAt!: Date;
}
