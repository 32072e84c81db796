import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** Some rows of a file as they were read; gone when they are done with. */
@Entity('import_chunks')
export class ImportChunk {
  @PrimaryColumn('uuid')
  @ForeignKey('Import', { onDelete: 'CASCADE' })
  importId!: string;

  /** The number of its first row. */
  @PrimaryColumn('integer')
  firstRow!: number;

  @Column('json')
  rows!: unknown;
}
