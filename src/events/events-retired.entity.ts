import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ColumnType } from 'typeorm';

/** How far facts went, in the order of commits; one row, once some have. Only the function that removes them writes it. */
@Entity('events_retired')
export class EventsRetired {
  @PrimaryColumn('boolean')
  one!: boolean;

  @Column({ type: 'xid8' as ColumnType })
  xid!: string;

  @Column('bigint')
  seq!: string;
}
