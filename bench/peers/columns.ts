/** What every peer shows of a user, and what it writes of a new one: the same question to the same table. */
export const COLUMNS = `id, email, email_verified_at IS NOT NULL AS "emailVerified", name, username, phone, locale, timezone,
  external_id AS "externalId", metadata, app_metadata AS "appMetadata", created_at AS "createdAt",
  updated_at AS "updatedAt", last_sign_in_at AS "lastSignInAt", version`;
export const FIND = `SELECT ${COLUMNS} FROM roster.users WHERE id = $1`;
export const LIST = `SELECT ${COLUMNS} FROM roster.users WHERE deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT $1`;
export const CREATE = `INSERT INTO roster.users (id, email, email_key, name, name_key, locale, metadata, app_metadata, created_at, updated_at, version)
  VALUES ($1, $2, lower($2), $3, lower($3), 'en', '{}', '{}', now(), now(), 1) RETURNING ${COLUMNS}`;
