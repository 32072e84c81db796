import { Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

@Entity('role_permissions')
export class RolePermission {
  @PrimaryColumn('text', { collation: 'C' })
  @ForeignKey('Role', { onDelete: 'CASCADE' })
  role!: string;

  @PrimaryColumn('text', { collation: 'C' })
  @ForeignKey('PermissionRow', { onDelete: 'CASCADE' })
  @Index('role_permissions_permission_idx')
  permission!: string;
}
