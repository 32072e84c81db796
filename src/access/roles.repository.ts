import { Injectable } from '@nestjs/common';

import { Database, lookup } from '../platform/database/database.js';
import { isCancelled, violatedUnique } from '../platform/database/database-errors.js';
import { TURN } from '../platform/database/turn.js';
import type { PageStatement } from '../platform/http/lists/keyset.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import { RoleTaken } from './access.contract.js';
import { Role } from './role.entity.js';

/** A role as it is shown. */
export interface RoleRow {
  readonly id: string;
  readonly name: string;
  readonly about: string;
  readonly builtIn: boolean;
  readonly mfaRequired: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly version: number;
  /** In order. */
  readonly permissions: string[];
}

export const ROLE_COLUMNS = `r.id, r.name, r.about, r.built_in AS "builtIn", r.mfa_required AS "mfaRequired",
  r.created_at AS "createdAt", r.updated_at AS "updatedAt", r.version,
  ARRAY(SELECT rp.permission::text FROM roster.role_permissions rp WHERE rp.role = r.name ORDER BY rp.permission) AS permissions`;

const FIND = lookup('roles_find', `SELECT ${ROLE_COLUMNS} FROM roster.roles r WHERE r.id = $1`);

@Injectable()
export class RolesRepository {
  constructor(private readonly db: Database) {}

  find(id: string): Promise<RoleRow | null> {
    return this.db.row(FIND, [id]);
  }

  /** The role, which nobody else can change, delete or give to anybody until the transaction ends. */
  async lock(id: string): Promise<Role | null> {
    await this.db.row(TURN, [`roles/${id}`]);
    return this.db.repository(Role).findOne({ where: { id }, lock: { mode: 'pessimistic_write' } });
  }

  /** @throws RoleTaken */
  async insert(role: Role): Promise<void> {
    try {
      await this.db.repository(Role).insert(role);
    } catch (error) {
      throw violatedUnique(error) === 'roles_pkey' ? taken() : error;
    }
  }

  async update({ id, about, mfaRequired, updatedAt, version }: Role): Promise<void> {
    await this.db.repository(Role).update({ id }, { about, mfaRequired, updatedAt, version });
  }

  async delete(id: string): Promise<void> {
    await this.db.repository(Role).delete({ id });
  }

  async isHeld(name: string): Promise<boolean> {
    return (await this.db.row('SELECT 1 FROM roster.user_roles WHERE role = $1 LIMIT 1', [name])) !== null;
  }

  /** The role gives exactly these afterwards. */
  async replacePermissions(name: string, permissions: readonly string[]): Promise<void> {
    await this.db.change('DELETE FROM roster.role_permissions WHERE role = $1 AND NOT permission = ANY($2)', [
      name,
      permissions,
    ]);
    await this.db.change(
      'INSERT INTO roster.role_permissions (role, permission) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING',
      [name, permissions],
    );
  }

  /** One page; a question that takes too long is cut by the server. @throws FilterTooCostly */
  page({ text, parameters }: PageStatement): Promise<(RoleRow & { sort_key: string | null })[]> {
    return unlessTooCostly(this.db.rows(text, parameters));
  }

  /** How many there are, counted no further than `most`. @throws FilterTooCostly */
  async count(where: string, parameters: readonly unknown[], most: number): Promise<number> {
    const text = `SELECT count(*)::int AS count FROM (SELECT 1 FROM roster.roles r WHERE ${where} LIMIT ${most}) counted`;
    return (await unlessTooCostly(this.db.row<{ count: number }>(text, [...parameters])))!.count;
  }
}

function taken(): RoleTaken {
  return new RoleTaken(undefined, [{ pointer: '/name', code: 'role_taken', detail: 'is already in use' }]);
}

async function unlessTooCostly<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    throw isCancelled(error) ? new FilterTooCostly() : error;
  }
}
