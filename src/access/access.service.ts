import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import { permissions } from '../platform/contract/permission.js';
import { Database } from '../platform/database/database.js';
import { AccessRepository } from './access.repository.js';
import { PrivilegeCeiling, RoleUnknown } from './access.contract.js';

@Injectable()
export class Access implements OnApplicationBootstrap {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly access: AccessRepository,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.db.transaction(() => this.access.install([...permissions.values()], this.clock.now()));
  }

  async permissionsOf(userId: string): Promise<ReadonlySet<string>> {
    return new Set(await this.access.permissionsOf(userId));
  }

  rolesOf(userId: string): Promise<string[]> {
    return this.access.rolesOf(userId);
  }

  /** The roles of somebody new, who has none yet. @throws RoleUnknown */
  async grantRoles(userId: string, roles: readonly string[]): Promise<void> {
    const granted = await this.access.grantRoles(userId, roles, this.clock.now());
    // Which of them there is not is looked up only for whoever has to be told.
    if (granted !== roles.length) await this.permissionsGivenBy(roles);
  }

  /** The user has exactly these roles afterwards. @throws RoleUnknown */
  async replaceRoles(userId: string, roles: readonly string[]): Promise<void> {
    await this.permissionsGivenBy(roles);
    await this.access.replaceRoles(userId, roles, this.clock.now());
  }

  /** @throws PrivilegeCeiling unless `own` covers everything that these roles give */
  async refuseAbove(own: ReadonlySet<string>, roles: readonly string[]): Promise<void> {
    for (const permission of await this.permissionsGivenBy(roles))
      if (!own.has(permission)) throw new PrivilegeCeiling();
  }

  /** @throws PrivilegeCeiling when the user may do something that `own` does not cover */
  async refuseOver(own: ReadonlySet<string>, userId: string): Promise<void> {
    for (const permission of await this.access.permissionsOf(userId))
      if (!own.has(permission)) throw new PrivilegeCeiling();
  }

  /** Who holds the role, and nobody can change that until the transaction ends. */
  async lockHolders(role: string): Promise<string[]> {
    await this.access.lockRole(role);
    return this.access.holdersOf(role);
  }

  private async permissionsGivenBy(roles: readonly string[]): Promise<Set<string>> {
    const found = await this.access.permissionsByRole(roles);
    const unknown = roles.filter((role) => !found.some((row) => row.role === role));
    if (unknown.length > 0) {
      throw new RoleUnknown(`There is no role ${unknown.map((role) => `"${role}"`).join(', ')}`, [
        { pointer: '/roles', code: 'role_unknown', detail: 'names a role that does not exist' },
      ]);
    }
    return new Set(found.flatMap((row) => row.permissions));
  }
}

/** The roles of the row `<user>` in a list, as SQL: an array of names in order. @param user a trusted SQL expression */
export function rolesOfSql(user: string): string {
  return `ARRAY(SELECT ur.role::text FROM roster.user_roles ur WHERE ur.user_id = ${user} ORDER BY ur.role)`;
}

/** Whether the row `<user>` holds a role, as SQL. Both are trusted SQL expressions. */
export function holdsSql(user: string, role: string): string {
  return `EXISTS (SELECT 1 FROM roster.user_roles ur WHERE ur.user_id = ${user} AND ur.role = ${role})`;
}
