import { Injectable } from '@nestjs/common';

import { Database } from '../platform/database/database.js';
import { Registration } from './registration.entity.js';

const TRY = `UPDATE roster.registrations SET tries_left = tries_left - 1
  WHERE id = $1 AND used_at IS NULL AND expires_at > $2 AND tries_left > 0
  RETURNING id, email, email_key AS "emailKey", name, locale, password_hash AS "passwordHash", code_hash AS "codeHash",
    tries_left AS "triesLeft", created_at AS "createdAt", expires_at AS "expiresAt", used_at AS "usedAt"`;

@Injectable()
export class RegistrationsRepository {
  constructor(private readonly db: Database) {}

  async insert(registration: Registration): Promise<void> {
    await this.db.repository(Registration).insert(registration);
  }

  /** Counts a try and locks the row in one statement; null when there is none left. */
  async try(id: string, now: Date): Promise<Registration | null> {
    return this.db.row(TRY, [id, now]);
  }

  async use(id: string, at: Date): Promise<void> {
    await this.db.repository(Registration).update({ id }, { usedAt: at });
  }

  deleteExpired(before: Date): Promise<number> {
    return this.db.changeAll(
      `DELETE FROM roster.registrations WHERE id IN
        (SELECT id FROM roster.registrations WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
      [before],
    );
  }
}
