/**
 * SQL that makes many users at once: `$1` of them, whose names begin with `$2`. Every 3rd has a user name, every 2nd an
 * external id, every 4th signed in (some at the same moment), every 7th is only invited; all have the role `user`.
 */
export const PLANT_USERS = `
  WITH planted AS (
    INSERT INTO roster.users (id, email, email_key, name, name_key, username, username_key, external_id, locale, metadata,
      app_metadata, activated_at, created_at, updated_at, last_sign_in_at, version)
    SELECT gen_random_uuid(), $2 || n || '@Example.com', $2 || n || '@example.com', $2 || ' ' || md5(n::text), $2 || ' ' || md5(n::text),
      CASE WHEN n % 3 = 0 THEN $2 || '.' || n END, CASE WHEN n % 3 = 0 THEN $2 || '.' || n END,
      CASE WHEN n % 2 = 0 THEN $2 || '-' || n END, 'en', '{}', '{}',
      CASE WHEN n % 7 > 0 THEN timestamptz '2026-01-01' END,
      timestamptz '2026-01-01' + n / 3 * interval '1.000001 seconds', timestamptz '2026-01-01',
      CASE WHEN n % 4 = 0 THEN timestamptz '2026-02-01' + n / 10 * interval '1 minute' END, 1
    FROM generate_series(1, $1::integer) n
    RETURNING id)
  INSERT INTO roster.user_roles (user_id, role, granted_at) SELECT id, 'user', now() FROM planted`;
