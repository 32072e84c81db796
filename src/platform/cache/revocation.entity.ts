import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Something that was taken away; every process reads these rows. */
@Entity('revocations')
export class Revocation {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  kind!: string;

  @Column('text')
  subject!: string;

  @Index('revocations_revoked_at_idx')
  @Column('timestamptz')
  revokedAt!: Date;
}
