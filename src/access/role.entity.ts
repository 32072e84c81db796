import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Permissions under a name. The name is the key by which users, filters and facts know the role: it never changes. */
@Entity('roles')
@Index('roles_id_idx', ['id'], { unique: true })
@Index('roles_name_idx', ['name', 'id'])
@Index('roles_created_at_idx', ['createdAt', 'id'])
export class Role {
  @PrimaryColumn('text', { collation: 'C' })
  name!: string;

  @Column('uuid', { default: () => 'roster.new_id()' })
  id!: string;

  @Column('text')
  about!: string;

  @Column('boolean')
  builtIn!: boolean;

  /** Whoever holds the role signs in with a second factor. */
  @Column('boolean', { default: false })
  mfaRequired!: boolean;

  @Column('timestamptz')
  createdAt!: Date;

  @Column('timestamptz', { default: () => 'now()' })
  updatedAt!: Date;

  /** Rises with every change that a reader can see. */
  @Column('integer', { default: 1 })
  version!: number;

  touch(at: Date): void {
    this.updatedAt = at;
    this.version += 1;
  }
}
