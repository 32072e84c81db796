import { Injectable } from '@nestjs/common';

import { Database, lookup } from '../../platform/database/database.js';
import { isCancelled } from '../../platform/database/database-errors.js';
import type { PageStatement } from '../../platform/http/lists/keyset.js';
import { FilterTooCostly } from '../../platform/http/problems.js';
import { ApiKey } from './api-key.entity.js';
import type { KeyRow } from './api-key.entity.js';

export const KEY_COLUMNS = `k.id, k.user_id AS "userId", k.kind, k.name, k.prefix, k.scopes, k.created_at AS "createdAt",
  k.created_by AS "createdBy", k.expires_at AS "expiresAt", k.last_used_at AS "lastUsedAt", k.last_used_ip AS "lastUsedIp",
  k.revoked_at AS "revokedAt", k.replaced_by AS "replacedBy", k.overlap_until AS "overlapUntil", k.version`;

const SELECT = `SELECT ${KEY_COLUMNS} FROM roster.api_keys k`;
const FIND = lookup('api_keys_find', `${SELECT} WHERE k.id = $1`);
const FIND_BY_HASH = lookup('api_keys_find_by_hash', `${SELECT} WHERE k.hash = $1`);

/** Keys that are shown at the moment `at`: neither revoked, nor replaced for good. Expired ones are: they may be missed. */
export const shownAt = (at: string): string =>
  `k.revoked_at IS NULL AND (k.overlap_until IS NULL OR k.overlap_until > ${at})`;

/** A use of a key. */
export interface KeyUse {
  readonly keyId: string;
  readonly at: Date;
  readonly ip: string | null;
}

@Injectable()
export class ApiKeysRepository {
  constructor(private readonly db: Database) {}

  find(id: string): Promise<KeyRow | null> {
    return this.db.row(FIND, [id]);
  }

  findByHash(hash: Buffer): Promise<KeyRow | null> {
    return this.db.row(FIND_BY_HASH, [hash]);
  }

  /** The newest first. */
  shownOf(userId: string, now: Date): Promise<KeyRow[]> {
    return this.db.rows(`${SELECT} WHERE k.user_id = $1 AND ${shownAt('$2')} ORDER BY k.id DESC`, [userId, now]);
  }

  async countLive(userId: string, now: Date): Promise<number> {
    const row = await this.db.row<{ count: number }>(
      `SELECT count(*)::int AS count FROM roster.api_keys k
       WHERE k.user_id = $1 AND ${shownAt('$2')} AND (k.expires_at IS NULL OR k.expires_at > $2)`,
      [userId, now],
    );
    return row!.count;
  }

  async insert(key: ApiKey): Promise<void> {
    await this.db.repository(ApiKey).insert(key);
  }

  async update({ id, name, revokedAt, replacedBy, overlapUntil, version }: KeyRow): Promise<void> {
    await this.db.repository(ApiKey).update({ id }, { name, revokedAt, replacedBy, overlapUntil, version });
  }

  /** Writes when keys were last used, of each at most once a minute over all processes. */
  async used(uses: readonly KeyUse[]): Promise<void> {
    // In the order of their ids, so that two processes never wait for each other.
    const sorted = [...uses].sort((one, other) => (one.keyId < other.keyId ? -1 : 1));
    await this.db.change(
      `UPDATE roster.api_keys k SET last_used_at = used.at, last_used_ip = used.ip
       FROM (SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::inet[]) AS u (id, at, ip) ORDER BY id) used
       WHERE k.id = used.id AND (k.last_used_at IS NULL OR k.last_used_at <= used.at - interval '1 minute')`,
      [sorted.map(({ keyId }) => keyId), sorted.map(({ at }) => at), sorted.map(({ ip }) => ip)],
    );
  }

  /** Removes those that were revoked, replaced for good or over before a moment. */
  prune(before: Date): Promise<number> {
    return this.db.changeAll(
      `DELETE FROM roster.api_keys WHERE id IN (SELECT id FROM roster.api_keys
         WHERE least(revoked_at, overlap_until, expires_at) < $1 LIMIT $2)`,
      [before],
    );
  }

  /** One page; a question that no index serves is cut by the server. @throws FilterTooCostly */
  page({ text, parameters }: PageStatement): Promise<(KeyRow & { sort_key: string | null })[]> {
    return unlessTooCostly(this.db.rows(text, parameters));
  }

  /** How many there are, counted no further than `most`. @throws FilterTooCostly */
  async count(where: string, parameters: readonly unknown[], most: number): Promise<number> {
    const text = `SELECT count(*)::int AS count FROM (SELECT 1 FROM roster.api_keys k WHERE ${where} LIMIT ${most}) counted`;
    return (await unlessTooCostly(this.db.row<{ count: number }>(text, [...parameters])))!.count;
  }
}

async function unlessTooCostly<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    throw isCancelled(error) ? new FilterTooCostly() : error;
  }
}
