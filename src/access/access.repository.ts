import { Injectable } from '@nestjs/common';

import type { Permission } from '../platform/contract/permission.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database, lookup, statement } from '../platform/database/database.js';

/** A permission given directly. */
export interface GrantRow {
  readonly permission: string;
  readonly grantedAt: Date;
  readonly grantedBy: string | null;
  readonly expiresAt: Date | null;
  readonly reason: string | null;
}

/** A permission that somebody holds, and by what: a role, or a grant of their own. */
export type Holding =
  | { readonly kind: 'role'; readonly permission: string; readonly role: string }
  | ({ readonly kind: 'grant' } & GrantRow);

const LASTS = '(up.expires_at IS NULL OR up.expires_at > $2)';
const GRANT_COLUMNS = `up.permission, up.granted_at AS "grantedAt", up.granted_by AS "grantedBy", up.expires_at AS "expiresAt", up.reason`;

/** What a principal is built of, in one look. */
const RIGHTS_OF = lookup(
  'access_rights_of',
  `SELECT ARRAY(
       SELECT rp.permission::text FROM roster.user_roles ur JOIN roster.role_permissions rp ON rp.role = ur.role WHERE ur.user_id = $1
       UNION SELECT up.permission::text FROM roster.user_permissions up WHERE up.user_id = $1 AND ${LASTS}
     ) AS permissions,
     (SELECT min(up.expires_at) FROM roster.user_permissions up WHERE up.user_id = $1 AND up.expires_at > $2) AS until,
     EXISTS (SELECT 1 FROM roster.user_roles ur JOIN roster.roles r ON r.name = ur.role WHERE ur.user_id = $1 AND r.mfa_required)
       AS "mfaRequired"`,
);
const HOLDINGS_OF = statement(
  'access_holdings_of',
  `SELECT 'role' AS kind, rp.permission, ur.role, NULL::timestamptz AS "grantedAt", NULL::uuid AS "grantedBy",
     NULL::timestamptz AS "expiresAt", NULL AS reason
   FROM roster.user_roles ur JOIN roster.role_permissions rp ON rp.role = ur.role WHERE ur.user_id = $1
   UNION ALL SELECT 'grant', up.permission, NULL, up.granted_at, up.granted_by, up.expires_at, up.reason
   FROM roster.user_permissions up WHERE up.user_id = $1 AND ${LASTS}
   ORDER BY permission, role NULLS LAST`,
);
const ROLES_OF = lookup('access_roles_of', 'SELECT role FROM roster.user_roles WHERE user_id = $1 ORDER BY role');
// A role that is about to be deleted is waited for: then it is there no more, and the caller is told so.
const GRANT = statement(
  'access_grant',
  `INSERT INTO roster.user_roles (user_id, role, granted_at)
   SELECT $1, name, $3 FROM roster.roles WHERE name = ANY($2) FOR KEY SHARE ON CONFLICT DO NOTHING`,
);
const GRANT_TO_ALL = statement(
  'access_grant_to_all',
  `INSERT INTO roster.user_roles (user_id, role, granted_at)
   SELECT user_id, role, $3 FROM unnest($1::uuid[], $2::text[]) AS given (user_id, role) ON CONFLICT DO NOTHING`,
);
const BUILT_IN_LOCK = 0x524f4c45;
/** Names that an answer shows at most. */
const MOST_ROLES = 1000;

@Injectable()
export class AccessRepository {
  constructor(private readonly db: Database) {}

  /** What counts at a moment, and the next one at which something lapses. */
  async rightsOf(
    userId: string,
    at: Date,
  ): Promise<{ permissions: string[]; until: Date | null; mfaRequired: boolean }> {
    return (await this.db.row<{ permissions: string[]; until: Date | null; mfaRequired: boolean }>(RIGHTS_OF, [
      userId,
      at,
    ]))!;
  }

  /** In order of the permissions; roles before grants. */
  holdingsOf(userId: string, at: Date): Promise<Holding[]> {
    return this.db.rows(HOLDINGS_OF, [userId, at]);
  }

  /** Those that count at a moment, in order of the permissions. */
  grantsOf(userId: string, at: Date): Promise<GrantRow[]> {
    return this.db.rows(
      `SELECT ${GRANT_COLUMNS} FROM roster.user_permissions up WHERE up.user_id = $1 AND ${LASTS} ORDER BY up.permission`,
      [userId, at],
    );
  }

  /** The user has exactly these grants afterwards. */
  async replaceGrants(userId: string, grants: readonly GrantRow[]): Promise<void> {
    const names = grants.map(({ permission }) => permission);
    await this.db.change('DELETE FROM roster.user_permissions WHERE user_id = $1 AND NOT permission = ANY($2)', [
      userId,
      names,
    ]);
    await this.db.change(
      `INSERT INTO roster.user_permissions (user_id, permission, granted_at, granted_by, expires_at, reason)
       SELECT $1, given.* FROM unnest($2::text[], $3::timestamptz[], $4::uuid[], $5::timestamptz[], $6::text[]) AS given
       ON CONFLICT (user_id, permission) DO UPDATE SET granted_at = excluded.granted_at, granted_by = excluded.granted_by,
         expires_at = excluded.expires_at, reason = excluded.reason`,
      [
        userId,
        names,
        grants.map(({ grantedAt }) => grantedAt),
        grants.map(({ grantedBy }) => grantedBy),
        grants.map(({ expiresAt }) => expiresAt),
        grants.map(({ reason }) => reason),
      ],
    );
  }

  async rolesOf(userId: string): Promise<string[]> {
    return (await this.db.rows<{ role: string }>(ROLES_OF, [userId])).map((row) => row.role);
  }

  /** The roles that give a permission, in order. */
  async rolesGiving(permission: string): Promise<string[]> {
    const rows = await this.db.rows<{ role: string }>(
      `SELECT role FROM roster.role_permissions WHERE permission = $1 ORDER BY role LIMIT ${MOST_ROLES}`,
      [permission],
    );
    return rows.map((row) => row.role);
  }

  /** Each role of the list that exists, with its permissions; none can be deleted until the transaction ends. */
  permissionsByRole(roles: readonly string[]): Promise<{ role: string; permissions: string[] }[]> {
    return this.db.rows(
      `SELECT r.name AS role, ARRAY(SELECT rp.permission::text FROM roster.role_permissions rp WHERE rp.role = r.name) AS permissions
       FROM roster.roles r WHERE r.name = ANY($1) ORDER BY r.name FOR KEY SHARE OF r`,
      [roles],
    );
  }

  /** @returns how many of these roles there are; each is theirs now. For a user who has none yet. */
  grantRoles(userId: string, roles: readonly string[], at: Date): Promise<number> {
    return this.db.change(GRANT, [userId, roles, at]);
  }

  /** Each user is given the role beside them. */
  async grantToAll(userIds: readonly string[], roles: readonly string[], at: Date): Promise<void> {
    await this.db.change(GRANT_TO_ALL, [userIds, roles, at]);
  }

  rolesOfAll(userIds: readonly string[]): Promise<{ userId: string; roles: string[] }[]> {
    return this.db.rows(
      `SELECT user_id AS "userId", array_agg(role::text ORDER BY role) AS roles FROM roster.user_roles
       WHERE user_id = ANY($1) GROUP BY user_id`,
      [userIds],
    );
  }

  /** Those of these users who hold a permission, at a moment, that is not among `own`, or hold it beyond its end there. */
  async beyond(own: ReadonlyMap<string, Date | null>, userIds: readonly string[], at: Date): Promise<string[]> {
    const rows = await this.db.rows<{ userId: string }>(
      `SELECT DISTINCT user_id AS "userId" FROM (
         SELECT ur.user_id, rp.permission, NULL::timestamptz AS until FROM roster.user_roles ur
           JOIN roster.role_permissions rp ON rp.role = ur.role WHERE ur.user_id = ANY($1)
         UNION ALL SELECT up.user_id, up.permission, up.expires_at FROM roster.user_permissions up
           WHERE up.user_id = ANY($1) AND ${LASTS}
       ) held LEFT JOIN unnest($3::text[], $4::timestamptz[]) AS own (permission, until) ON own.permission = held.permission
       WHERE own.permission IS NULL OR coalesce(held.until, 'infinity') > coalesce(own.until, 'infinity')`,
      [userIds, at, [...own.keys()], [...own.values()]],
    );
    return rows.map(({ userId }) => userId);
  }

  async replaceRoles(userId: string, roles: readonly string[], at: Date): Promise<void> {
    await this.db.change('DELETE FROM roster.user_roles WHERE user_id = $1 AND NOT role = ANY($2)', [userId, roles]);
    await this.db.change(GRANT, [userId, roles, at]);
  }

  /** Whoever changes the holders of a role waits here for each other; grants of it by others (KEY SHARE) do not. */
  async lockRole(role: string): Promise<void> {
    await this.db.row('SELECT 1 FROM roster.roles WHERE name = $1 FOR NO KEY UPDATE', [role]);
  }

  async holdersOf(role: string): Promise<string[]> {
    return (
      await this.db.rows<{ user_id: string }>(
        'SELECT user_id FROM roster.user_roles WHERE role = $1 ORDER BY user_id',
        [role],
      )
    ).map((row) => row.user_id);
  }

  /** Brings the built-in roles and the promised permissions into the database; `admin` holds every one. */
  async install(promised: readonly Permission[], at: Date): Promise<void> {
    const names = promised.map((permission) => permission.name);
    await this.db.row('SELECT pg_advisory_xact_lock($1)', [BUILT_IN_LOCK]);
    await this.db.change(
      `INSERT INTO roster.roles (id, name, about, built_in, created_at, updated_at)
       VALUES ($2, 'admin', 'May do everything', true, $1, $1), ($3, 'user', 'Whoever has an account', true, $1, $1)
       ON CONFLICT DO NOTHING`,
      [at, newId(), newId()],
    );
    await this.db.change(
      'INSERT INTO roster.permissions (name, about) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (name) DO UPDATE SET about = excluded.about',
      [names, promised.map((permission) => permission.about)],
    );
    // A role that was there before looks different when a new version of the program promises more.
    await this.db.change(
      `WITH added AS (
         INSERT INTO roster.role_permissions (role, permission) SELECT 'admin', unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING role
       )
       UPDATE roster.roles SET version = version + 1, updated_at = $2
       WHERE name IN (SELECT role FROM added) AND created_at <> $2`,
      [names, at],
    );
  }
}
