import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';

import { Database, statement } from '../platform/database/database.js';
import { TURNS } from '../platform/database/turn.js';
import { User } from './user.entity.js';
import { unlessTaken } from './users.repository.js';

const WRITTEN = `id uuid, email text, "emailKey" text, "emailVerifiedAt" timestamptz, name text, "nameKey" text, username text,
  "usernameKey" text, phone text, locale text, timezone text, "externalId" text, metadata jsonb, "appMetadata" jsonb,
  "activatedAt" timestamptz, "suspendedAt" timestamptz, "suspendedUntil" timestamptz, "suspensionReason" text,
  "createdAt" timestamptz, "updatedAt" timestamptz, version integer`;
const SELECTED = `id, email, "emailKey", "emailVerifiedAt", name, "nameKey", username, "usernameKey", phone, locale, timezone,
  "externalId", metadata, "appMetadata", "activatedAt", "suspendedAt", "suspensionReason", "createdAt", "updatedAt", version`;
// One JSON text: twenty arrays cost three times the CPU to write, and more to read (measured).
const INSERT_ALL = statement(
  'users_insert_all',
  `INSERT INTO roster.users (id, email, email_key, email_verified_at, name, name_key, username, username_key, phone, locale,
     timezone, external_id, metadata, app_metadata, activated_at, suspended_at, suspension_reason, created_at, updated_at, version)
   SELECT ${SELECTED} FROM json_to_recordset($1::json) AS given (${WRITTEN})
   ON CONFLICT DO NOTHING RETURNING id`,
);
const UPDATE_ALL = statement(
  'users_update_all',
  `UPDATE roster.users u SET email = g.email, email_key = g."emailKey", email_verified_at = g."emailVerifiedAt", name = g.name,
     name_key = g."nameKey", username = g.username, username_key = g."usernameKey", phone = g.phone, locale = g.locale,
     timezone = g.timezone, external_id = g."externalId", metadata = g.metadata, app_metadata = g."appMetadata",
     activated_at = g."activatedAt", suspended_at = g."suspendedAt", suspended_until = g."suspendedUntil",
     suspension_reason = g."suspensionReason", updated_at = g."updatedAt", version = g.version
   FROM json_to_recordset($1::json) AS g (${WRITTEN}) WHERE u.id = g.id`,
);
const HAVING = statement(
  'users_having',
  `SELECT id, email_key AS "emailKey", username_key AS "usernameKey", external_id AS "externalId" FROM roster.users
   WHERE deleted_at IS NULL AND (email_key = ANY($1) OR username_key = ANY($2) OR external_id = ANY($3))`,
);

/** By what nobody is taken for somebody else. */
export interface UserKeys {
  readonly emailKey: string;
  readonly usernameKey: string | null;
  readonly externalId: string | null;
}

/** Many users in each statement. */
@Injectable()
export class UsersInBulkRepository {
  constructor(private readonly db: Database) {}

  /**
   * Adds those of whom nobody has an address, a user name or an external id yet. In the order of their addresses, so that
   * two who add the same people wait for each other, and not each for the other.
   * @returns the ids of those
   */
  async insertAll(users: readonly User[]): Promise<ReadonlySet<string>> {
    const ordered = users.toSorted((one, other) => (one.emailKey < other.emailKey ? -1 : 1));
    const rows = await this.db.rows<{ id: string }>(INSERT_ALL, [JSON.stringify(ordered)]);
    return new Set(rows.map(({ id }) => id));
  }

  /** Whoever has one of these, deleted ones aside. */
  having(keys: readonly UserKeys[]): Promise<(UserKeys & { id: string })[]> {
    return this.db.rows(HAVING, [
      keys.map(({ emailKey }) => emailKey),
      keys.flatMap(({ usernameKey }) => usernameKey ?? []),
      keys.flatMap(({ externalId }) => externalId ?? []),
    ]);
  }

  /** Waits until nobody else changes them; asked for before anything is written (platform/database/turn.ts). */
  async takeTurns(ids: readonly string[]): Promise<void> {
    await this.db.rows(TURNS, [ids.map((id) => `users/${id}`)]);
  }

  /** Nobody else can change them until the transaction ends; in one order, so that two who do this never wait for each other. */
  lockAll(ids: readonly string[]): Promise<User[]> {
    return this.db
      .repository(User)
      .find({ where: { id: In([...ids]) }, order: { id: 'ASC' }, lock: { mode: 'pessimistic_write' } });
  }

  /** @throws EmailTaken, UsernameTaken, ExternalIdTaken */
  async updateAll(users: readonly User[]): Promise<void> {
    await unlessTaken(this.db.change(UPDATE_ALL, [JSON.stringify(users)]));
  }
}
