import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('roles')
export class Role {
  @PrimaryColumn('text', { collation: 'C' })
  name!: string;

  @Column('text')
  about!: string;

  @Column('boolean')
  builtIn!: boolean;

  @Column('timestamptz')
  createdAt!: Date;
}
