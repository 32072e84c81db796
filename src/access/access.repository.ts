import { Injectable } from '@nestjs/common';

import type { Permission } from '../platform/contract/permission.js';
import { Database, lookup, statement } from '../platform/database/database.js';

const PERMISSIONS_OF = lookup(
  'access_permissions_of',
  `SELECT DISTINCT rp.permission FROM roster.user_roles ur JOIN roster.role_permissions rp ON rp.role = ur.role WHERE ur.user_id = $1`,
);
const ROLES_OF = lookup('access_roles_of', 'SELECT role FROM roster.user_roles WHERE user_id = $1 ORDER BY role');
const GRANT = statement(
  'access_grant',
  'INSERT INTO roster.user_roles (user_id, role, granted_at) SELECT $1, name, $3 FROM roster.roles WHERE name = ANY($2)',
);
const BUILT_IN_LOCK = 0x524f4c45;

@Injectable()
export class AccessRepository {
  constructor(private readonly db: Database) {}

  async permissionsOf(userId: string): Promise<string[]> {
    return (await this.db.rows<{ permission: string }>(PERMISSIONS_OF, [userId])).map((row) => row.permission);
  }

  async rolesOf(userId: string): Promise<string[]> {
    return (await this.db.rows<{ role: string }>(ROLES_OF, [userId])).map((row) => row.role);
  }

  /** Each role of the list that exists, with its permissions. */
  permissionsByRole(roles: readonly string[]): Promise<{ role: string; permissions: string[] }[]> {
    return this.db.rows(
      `SELECT r.name AS role, coalesce(array_agg(rp.permission) FILTER (WHERE rp.permission IS NOT NULL), '{}') AS permissions
       FROM roster.roles r LEFT JOIN roster.role_permissions rp ON rp.role = r.name WHERE r.name = ANY($1) GROUP BY r.name`,
      [roles],
    );
  }

  /** @returns how many of these roles there are; each is theirs now. For a user who has none yet. */
  grantRoles(userId: string, roles: readonly string[], at: Date): Promise<number> {
    return this.db.change(GRANT, [userId, roles, at]);
  }

  async replaceRoles(userId: string, roles: readonly string[], at: Date): Promise<void> {
    await this.db.change('DELETE FROM roster.user_roles WHERE user_id = $1 AND NOT role = ANY($2)', [userId, roles]);
    await this.db.change(
      'INSERT INTO roster.user_roles (user_id, role, granted_at) SELECT $1, unnest($2::text[]), $3 ON CONFLICT DO NOTHING',
      [userId, roles, at],
    );
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
    await this.db.row('SELECT pg_advisory_xact_lock($1)', [BUILT_IN_LOCK]);
    await this.db.change(
      `INSERT INTO roster.roles (name, about, built_in, created_at)
       VALUES ('admin', 'May do everything', true, $1), ('user', 'Whoever has an account', true, $1) ON CONFLICT DO NOTHING`,
      [at],
    );
    await this.db.change(
      'INSERT INTO roster.permissions (name, about) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (name) DO UPDATE SET about = excluded.about',
      [promised.map((permission) => permission.name), promised.map((permission) => permission.about)],
    );
    await this.db.change(
      "INSERT INTO roster.role_permissions (role, permission) SELECT 'admin', unnest($1::text[]) ON CONFLICT DO NOTHING",
      [promised.map((permission) => permission.name)],
    );
  }
}
