import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What an installation settled at its first start. */
@Entity('settings')
export class Setting {
  @PrimaryColumn('text', { collation: 'C' })
  name!: string;

  @Column('text')
  value!: string;

  @Column('timestamptz', { default: () => 'now()' })
  createdAt!: Date;
}
