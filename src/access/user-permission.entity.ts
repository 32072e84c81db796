import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A permission that somebody was given directly. One that has expired counts for nothing, whether or not it is still here. */
@Entity('user_permissions')
export class UserPermission {
  @PrimaryColumn('uuid')
  @ForeignKey('User', { onDelete: 'CASCADE' })
  userId!: string;

  @PrimaryColumn('text', { collation: 'C' })
  @ForeignKey('PermissionRow', { onDelete: 'CASCADE' })
  @Index('user_permissions_permission_idx')
  permission!: string;

  @Column('timestamptz')
  grantedAt!: Date;

  /** Only the id: who gave it may be gone before it is. */
  @Column('uuid', { nullable: true })
  grantedBy!: string | null;

  @Column('timestamptz', { nullable: true })
  expiresAt!: Date | null;

  @Column('text', { nullable: true })
  reason!: string | null;
}
