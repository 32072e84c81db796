import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ColumnType } from 'typeorm';

/** How far a reader of the facts has come; it moves in the transaction of what the reader made of them. */
@Entity('event_cursors')
export class EventCursor {
  @PrimaryColumn('text', { collation: 'C' })
  reader!: string;

  @Column({ type: 'xid8' as ColumnType })
  xid!: string;

  @Column('bigint')
  seq!: string;
}
