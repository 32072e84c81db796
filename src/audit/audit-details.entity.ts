import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** What is personal about an entry: address, browser, reason, before and after. Its row may be erased. */
@Entity('audit_details')
@Index('audit_details_ip_idx', { synchronize: false })
export class AuditDetails {
  @PrimaryColumn('uuid')
  entryId!: string;

  /** Without it nobody can find the details by trying them against their digest. */
  @Column('bytea')
  salt!: Buffer;

  @Column('jsonb')
  details!: object;
}
