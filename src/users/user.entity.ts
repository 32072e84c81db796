import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

import { normalEmail, normalName, normalUsername } from './normal-forms.js';

export const USER_STATUSES = ['active', 'invited', 'suspended', 'deleted'] as const;
export type UserStatus = (typeof USER_STATUSES)[number];

/** What `metadata` and `appMetadata` may each take, written as JSON. */
export const METADATA_BYTES = 16 * 1024;

/** What people and administrators write about a user. */
export interface Profile {
  email: string;
  name: string;
  username: string | null;
  phone: string | null;
  locale: string;
  timezone: string | null;
  externalId: string | null;
  metadata: object;
  appMetadata: object;
}

@Entity('users')
@Index('users_email_key_idx', { synchronize: false })
@Index('users_username_key_idx', { synchronize: false })
@Index('users_external_id_idx', { synchronize: false })
@Index('users_created_at_idx', ['createdAt', 'id'])
@Index('users_email_key_id_idx', ['emailKey', 'id'])
@Index('users_name_key_idx', ['nameKey', 'id'])
@Index('users_username_sort_idx', ['usernameKey', 'id'])
@Index('users_last_sign_in_at_idx', ['lastSignInAt', 'id'])
@Index('users_suspended_at_idx', { synchronize: false })
@Index('users_deleted_at_idx', { synchronize: false })
@Index('users_deletion_due_at_idx', { synchronize: false })
@Index('users_invited_idx', { synchronize: false })
@Index('users_email_key_trgm_idx', { synchronize: false })
@Index('users_name_key_trgm_idx', { synchronize: false })
@Index('users_username_key_trgm_idx', { synchronize: false })
export class User implements Profile {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  email!: string;

  @Column({ type: 'text', collation: 'C' })
  emailKey!: string;

  @Column('timestamptz', { nullable: true })
  emailVerifiedAt!: Date | null;

  @Column('text')
  name!: string;

  @Column({ type: 'text', collation: 'C' })
  nameKey!: string;

  @Column({ type: 'text', nullable: true })
  username!: string | null;

  @Column({ type: 'text', collation: 'C', nullable: true })
  usernameKey!: string | null;

  @Column({ type: 'text', nullable: true })
  phone!: string | null;

  @Column('text')
  locale!: string;

  @Column({ type: 'text', nullable: true })
  timezone!: string | null;

  @Column({ type: 'text', collation: 'C', nullable: true })
  externalId!: string | null;

  @Column('jsonb')
  metadata!: object;

  @Column('jsonb')
  appMetadata!: object;

  @Column('timestamptz', { nullable: true })
  activatedAt!: Date | null;

  @Column('timestamptz', { nullable: true })
  suspendedAt!: Date | null;

  @Column('timestamptz', { nullable: true })
  suspendedUntil!: Date | null;

  @Column({ type: 'text', nullable: true })
  suspensionReason!: string | null;

  @Column('timestamptz', { nullable: true })
  deletedAt!: Date | null;

  /** When the account is deleted, which its owner asked for; null for those that stay. */
  @Column('timestamptz', { nullable: true })
  deletionDueAt!: Date | null;

  @Column('timestamptz')
  createdAt!: Date;

  @Column('timestamptz')
  updatedAt!: Date;

  @Column('timestamptz', { nullable: true })
  lastSignInAt!: Date | null;

  /** Rises with every change that a reader can see; a sign-in is none. */
  @Column('integer')
  version!: number;

  /** Takes over the members that are given; an address that is really another one is no longer verified. */
  edit(change: Partial<Profile>): void {
    const emailKey = change.email === undefined ? this.emailKey : normalEmail(change.email);
    if (emailKey !== this.emailKey) this.emailVerifiedAt = null;
    Object.assign(this, change);
    this.emailKey = emailKey;
    this.nameKey = normalName(this.name);
    this.usernameKey = this.username === null ? null : normalUsername(this.username);
  }

  /** A suspension that goes on keeps its beginning. */
  suspend(at: Date, reason: string, until: Date | null): void {
    if (!isSuspended(this, at)) this.suspendedAt = at;
    this.suspensionReason = reason;
    this.suspendedUntil = until;
  }

  reinstate(): void {
    this.suspendedAt = null;
    this.suspendedUntil = null;
    this.suspensionReason = null;
  }

  /** Whoever is restored later was asked for: nothing is due then. */
  delete(at: Date): void {
    this.deletedAt = at;
    this.deletionDueAt = null;
  }

  /** Brings up to date what time alone has changed, before anything else changes. */
  settle(now: Date): void {
    this.version = versionOf(this, now);
    if (isSuspensionOver(this, now)) this.reinstate();
  }

  touch(at: Date): void {
    this.updatedAt = at;
    this.version += 1;
  }
}

/** Why a suspension, and until when; null: until it is lifted. */
export interface SuspensionTerms {
  readonly reason: string;
  readonly until: Date | null;
}

/** A user as they are shown: the columns and the roles, without the keys of searches. */
export interface UserRow {
  id: string;
  email: string;
  emailVerifiedAt: Date | null;
  name: string;
  username: string | null;
  phone: string | null;
  locale: string;
  timezone: string | null;
  externalId: string | null;
  metadata: object;
  appMetadata: object;
  activatedAt: Date | null;
  suspendedAt: Date | null;
  suspendedUntil: Date | null;
  suspensionReason: string | null;
  deletedAt: Date | null;
  deletionDueAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
  lastSignInAt: Date | null;
  version: number;
  roles: string[];
}

type Moments = Pick<User, 'activatedAt' | 'suspendedAt' | 'suspendedUntil' | 'deletedAt'>;

/** A suspension with an end is over by itself. */
function isSuspended(user: Moments, now: Date): boolean {
  return user.suspendedAt !== null && !isSuspensionOver(user, now);
}

function isSuspensionOver({ suspendedUntil }: Moments, now: Date): boolean {
  return suspendedUntil !== null && suspendedUntil <= now;
}

export function statusOf(user: Moments, now: Date): UserStatus {
  if (user.deletedAt) return 'deleted';
  if (isSuspended(user, now)) return 'suspended';
  return user.activatedAt ? 'active' : 'invited';
}

/**
 * The version that is shown and compared. Nobody writes the row when a suspension ends by itself, yet the user looks
 * different from then on: that counts as one change, or an ETag would stand for two states.
 */
export function versionOf(user: Moments & Pick<User, 'version'>, now: Date): number {
  return user.version + (isSuspensionOver(user, now) ? 1 : 0);
}
