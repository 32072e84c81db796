import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** How often somebody failed to prove that an account is theirs: from one source, and (the empty source) from all. */
@Entity('guesses')
export class GuessRow {
  /** HMAC of the user's id, or of a name that nobody has: the table tells nobody's names. */
  @PrimaryColumn('bytea')
  account!: Buffer;

  /** HMAC of the name that was typed and of where that was; empty for all together. */
  @PrimaryColumn('bytea')
  source!: Buffer;

  @Column('integer')
  failures!: number;

  @Index('guesses_last_at_idx')
  @Column('timestamptz')
  lastAt!: Date;

  @Column('timestamptz', { nullable: true })
  blockedUntil!: Date | null;

  /** Whether the last guess was refused unheard. */
  @Column('boolean')
  refused!: boolean;
}
