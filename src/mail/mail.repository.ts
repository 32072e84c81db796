import { Injectable } from '@nestjs/common';

import { Database } from '../platform/database/database.js';
import type { MailMessage } from './mail-message.entity.js';

const COLUMNS = 'id, recipient, subject, text, html, created_at AS "createdAt"';

@Injectable()
export class MailRepository {
  constructor(private readonly db: Database) {}

  /** A job that runs twice leaves one mail. */
  async insertOnce(message: MailMessage): Promise<void> {
    await this.db.change(
      `INSERT INTO roster.mail_messages (id, recipient, subject, text, html, created_at)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`,
      [message.id, message.recipient, message.subject, message.text, message.html, message.createdAt],
    );
  }

  newest(limit: number): Promise<MailMessage[]> {
    return this.db.rows(`SELECT ${COLUMNS} FROM roster.mail_messages ORDER BY created_at DESC, id DESC LIMIT $1`, [
      limit,
    ]);
  }

  find(id: string): Promise<MailMessage | null> {
    return this.db.row(`SELECT ${COLUMNS} FROM roster.mail_messages WHERE id = $1`, [id]);
  }

  deleteBefore(moment: Date): Promise<number> {
    return this.db.changeAll(
      `DELETE FROM roster.mail_messages WHERE id IN
        (SELECT id FROM roster.mail_messages WHERE created_at < $1 ORDER BY created_at LIMIT $2)`,
      [moment],
    );
  }
}
