import { Injectable } from '@nestjs/common';

import { Database, lookup, statement } from '../platform/database/database.js';
import { TrustedDevice } from './trusted-device.entity.js';
import type { TrustedDeviceRow } from './trusted-device.entity.js';

const OF_USER = lookup(
  'trusted_devices_of_user',
  `SELECT id, user_id AS "userId", name, host(ip) AS ip, user_agent AS "userAgent", created_at AS "createdAt",
     expires_at AS "expiresAt", last_used_at AS "lastUsedAt"
   FROM roster.trusted_devices WHERE user_id = $1 AND expires_at > $2 ORDER BY created_at, id`,
);
const RECOGNISE = statement(
  'trusted_devices_recognise',
  `UPDATE roster.trusted_devices SET last_used_at = $3 WHERE token_hash = $1 AND user_id = $2 AND expires_at > $3
   RETURNING id`,
);

@Injectable()
export class TrustedDevicesRepository {
  constructor(private readonly db: Database) {}

  ofUser(userId: string, now: Date): Promise<TrustedDeviceRow[]> {
    return this.db.rows(OF_USER, [userId, now]);
  }

  async insert(device: TrustedDevice): Promise<void> {
    await this.db.repository(TrustedDevice).insert(device);
  }

  /** Whether this is the token of one of the user's devices; it was used now. */
  async recognise(tokenHash: Buffer, userId: string, now: Date): Promise<boolean> {
    return (await this.db.row(RECOGNISE, [tokenHash, userId, now])) !== null;
  }

  /** @returns false when the user has no such device */
  async delete(id: string, userId: string): Promise<boolean> {
    const deed = 'DELETE FROM roster.trusted_devices WHERE id = $1 AND user_id = $2';
    return (await this.db.change(deed, [id, userId])) === 1;
  }

  /** All but the newest. @returns their ids */
  async deleteOldestOf(userId: string, but: number): Promise<string[]> {
    const rows = await this.db.rows<{ id: string }>(
      `DELETE FROM roster.trusted_devices WHERE id IN
        (SELECT id FROM roster.trusted_devices WHERE user_id = $1 ORDER BY created_at DESC, id DESC OFFSET $2)
       RETURNING id`,
      [userId, but],
    );
    return rows.map(({ id }) => id);
  }

  deleteExpired(before: Date): Promise<number> {
    return this.db.changeAll(
      `DELETE FROM roster.trusted_devices WHERE id IN
        (SELECT id FROM roster.trusted_devices WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
      [before],
    );
  }
}
