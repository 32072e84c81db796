import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** Who has which role. */
@Entity('user_roles')
@Index('user_roles_role_idx', ['role', 'userId'])
export class UserRole {
  @PrimaryColumn('uuid')
  @ForeignKey('User', { onDelete: 'CASCADE' })
  userId!: string;

  @PrimaryColumn('text', { collation: 'C' })
  @ForeignKey('Role', { onDelete: 'CASCADE' })
  role!: string;

  @Column('timestamptz')
  grantedAt!: Date;
}
