import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** A piece of a file that was written: any process can send it. */
@Entity('export_chunks')
export class ExportChunk {
  @PrimaryColumn('uuid')
  @ForeignKey('Export', { onDelete: 'CASCADE' })
  exportId!: string;

  @PrimaryColumn('integer')
  number!: number;

  @Column('bytea')
  bytes!: Buffer;
}
