import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** What became of one row of a file. It holds nothing of the row itself; written only under the lock of its import. */
@Entity('import_rows')
@Check('import_rows_status_check', "status IN ('created', 'updated', 'skipped', 'failed')")
@Index('import_rows_failed_idx', { synchronize: false })
export class ImportRow {
  @PrimaryColumn('uuid')
  importId!: string;

  /** Its place among the rows, from 1. */
  @PrimaryColumn('integer')
  number!: number;

  @Column('uuid')
  id!: string;

  /** Where in the file it begins. */
  @Column('integer')
  line!: number;

  @Column({ type: 'text', collation: 'C' })
  status!: string;

  @Column('uuid', { nullable: true })
  userId!: string | null;

  @Column({ type: 'text', collation: 'C', nullable: true })
  code!: string | null;

  @Column({ type: 'text', nullable: true })
  pointer!: string | null;

  @Column({ type: 'text', nullable: true })
  detail!: string | null;
}
