import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A mail in the development outbox. */
@Entity('mail_messages')
export class MailMessage {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  recipient!: string;

  @Column('text')
  subject!: string;

  @Column('text')
  text!: string;

  @Column('text')
  html!: string;

  @Index('mail_messages_created_at_idx')
  @Column('timestamptz')
  createdAt!: Date;
}
