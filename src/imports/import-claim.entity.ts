import { Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** An address, a user name or an external id that a row of a dry run would have taken. */
@Entity('import_claims')
export class ImportClaim {
  @PrimaryColumn('uuid')
  @ForeignKey('Import', { onDelete: 'CASCADE' })
  importId!: string;

  @PrimaryColumn({ type: 'text', collation: 'C' })
  claim!: string;
}
