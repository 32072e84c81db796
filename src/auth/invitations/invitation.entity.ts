import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

export const INVITATION_STATUSES = ['pending', 'accepted', 'revoked', 'expired'] as const;
export type InvitationStatus = (typeof INVITATION_STATUSES)[number];

/** One mail of an invitation, and how long its proofs are good. */
export interface InvitationLetter {
  readonly flowId: string;
  readonly sentAt: Date;
  readonly expiresAt: Date;
}

/** Whom a letter went to, and what the account was worth then. */
export interface Invitee {
  readonly email: string;
  readonly emailKey: string;
  readonly roles: string[];
}

/** Somebody was asked to take over an account that was made for them. Of those of one user at most one is open. */
@Entity('invitations')
@Index('invitations_created_at_idx', ['createdAt', 'id'])
@Index('invitations_email_key_idx', ['emailKey', 'id'])
@Index('invitations_email_key_trgm_idx', { synchronize: false })
@Index('invitations_open_idx', { synchronize: false })
@Index('invitations_open_user_id_idx', { synchronize: false })
@Index('invitations_accepted_at_idx', { synchronize: false })
@Index('invitations_revoked_at_idx', { synchronize: false })
export class Invitation implements Invitee, InvitationLetter {
  @PrimaryColumn('uuid')
  id!: string;

  @Index('invitations_user_id_idx')
  @Column('uuid')
  @ForeignKey('User', { onDelete: 'CASCADE' })
  userId!: string;

  /** Where the newest mail went. */
  @Column('text')
  email!: string;

  @Column({ type: 'text', collation: 'C' })
  emailKey!: string;

  /** Those of the user when the newest mail was sent. */
  @Column('text', { array: true })
  roles!: string[];

  @Column('uuid', { nullable: true })
  invitedBy!: string | null;

  @Column('timestamptz')
  createdAt!: Date;

  @Column('timestamptz')
  sentAt!: Date;

  @Column('timestamptz')
  expiresAt!: Date;

  @Column('timestamptz', { nullable: true })
  acceptedAt!: Date | null;

  @Column('timestamptz', { nullable: true })
  revokedAt!: Date | null;

  /** The newest one: it alone is good. */
  @Index('invitations_flow_id_idx', { unique: true })
  @Column('uuid')
  flowId!: string;

  /** Rises with every change that a reader can see. */
  @Column('integer')
  version!: number;

  resend({ email, emailKey, roles }: Invitee, { flowId, sentAt, expiresAt }: InvitationLetter): void {
    Object.assign(this, { email, emailKey, roles, flowId, sentAt, expiresAt });
    this.version += 1;
  }

  accept(at: Date): void {
    this.acceptedAt = at;
    this.version += 1;
  }

  revoke(at: Date): void {
    this.revokedAt = at;
    this.version += 1;
  }

  /** Brings up to date what time alone has changed, before anything else changes. */
  settle(now: Date): void {
    this.version = versionOf(this, now);
  }
}

/** An invitation as it is shown. */
export type InvitationRow = Omit<Invitation, 'emailKey' | 'resend' | 'accept' | 'revoke' | 'settle'>;

type Moments = Pick<Invitation, 'acceptedAt' | 'revokedAt' | 'expiresAt'>;

export function invitationStatusOf({ acceptedAt, revokedAt, expiresAt }: Moments, now: Date): InvitationStatus {
  if (acceptedAt) return 'accepted';
  if (revokedAt) return 'revoked';
  return expiresAt <= now ? 'expired' : 'pending';
}

/** Nobody writes the row when an invitation expires, yet it looks different from then on: that counts as one change. */
export function versionOf(invitation: Moments & Pick<Invitation, 'version'>, now: Date): number {
  return invitation.version + (invitationStatusOf(invitation, now) === 'expired' ? 1 : 0);
}
