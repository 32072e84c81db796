import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A permission that the program promises; the table only lets roles refer to it. */
@Entity('permissions')
export class PermissionRow {
  @PrimaryColumn('text', { collation: 'C' })
  name!: string;

  @Column('text')
  about!: string;
}
