import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** What was taken from a limit in one window; written by rate-limiter-flexible, whose names these are. */
@Entity('rate_limits')
export class RateLimitRow {
  @PrimaryColumn('character varying', { length: 255 })
  key!: string;

  @Column('integer')
  points!: number;

  /** Milliseconds since 1970 after which nobody asks for the row. */
  @Index('rate_limits_expire_idx')
  @Column('bigint', { nullable: true })
  expire!: string | null;
}
