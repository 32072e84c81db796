import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

import type { KeyKind } from './api-key-secret.js';

/** A key by which a program proves that it acts for a user. Of its secret the SHA-256 is kept, and what is shown of it. */
@Entity('api_keys')
@Check('api_keys_kind_check', "kind IN ('personal', 'service')")
@Index('api_keys_user_id_idx', ['userId', 'id'])
@Index('api_keys_created_at_idx', ['createdAt', 'id'])
@Index('api_keys_name_idx', ['name', 'id'])
export class ApiKey {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid')
  @ForeignKey('User', { onDelete: 'CASCADE' })
  userId!: string;

  @Column('text')
  kind!: KeyKind;

  @Column({ type: 'text', collation: 'C' })
  name!: string;

  @Column('text')
  prefix!: string;

  @Index('api_keys_hash_idx', { unique: true })
  @Column('bytea')
  hash!: Buffer;

  /** Names of permissions, and `me` for the user's own account. */
  @Column('text', { array: true })
  scopes!: string[];

  @Column('timestamptz')
  createdAt!: Date;

  @Column('uuid')
  createdBy!: string;

  @Column('timestamptz', { nullable: true })
  expiresAt!: Date | null;

  /** To the minute. */
  @Column('timestamptz', { nullable: true })
  lastUsedAt!: Date | null;

  @Column('inet', { nullable: true })
  lastUsedIp!: string | null;

  @Column('timestamptz', { nullable: true })
  revokedAt!: Date | null;

  /** The key that came after it. */
  @Column('uuid', { nullable: true })
  replacedBy!: string | null;

  /** Until then it works beside the key that came after. */
  @Column('timestamptz', { nullable: true })
  overlapUntil!: Date | null;

  @Column('integer')
  version!: number;
}

/** A key as it is looked up: without its hash. */
export type KeyRow = Omit<ApiKey, 'hash'>;

/** Milliseconds since 1970 at which the key ends by itself. */
export function endOf({ expiresAt, overlapUntil }: Pick<ApiKey, 'expiresAt' | 'overlapUntil'>): number {
  return Math.min(expiresAt?.getTime() ?? NEVER, overlapUntil?.getTime() ?? NEVER);
}

const NEVER = Number.MAX_SAFE_INTEGER;
