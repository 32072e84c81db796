import { Injectable } from '@nestjs/common';

import { Access } from '../access/index.js';
import { Clock } from '../platform/clock/clock.js';
import type { Permission } from '../platform/contract/permission.js';
import type { Principal } from '../platform/http/principal.js';
import { UserNotFound, Users, statusOf } from '../users/index.js';
import type { Import } from './import.entity.js';
import { ImportUsers } from './imports.contract.js';

/** Whose permissions bound an import; null for the operator of the machine, whom nothing bounds. */
export type Actor = Pick<Principal, 'userId' | 'actorId' | 'permissions'> | null;

/** Who is behind an import or an export, at this moment: it may run long after it was sent. */
@Injectable()
export class ImportActors {
  constructor(
    private readonly clock: Clock,
    private readonly access: Access,
    private readonly users: Users,
  ) {}

  /**
   * Never more than they could do when they sent it.
   * @param needed what they have to be allowed still
   * @returns `gone` for whoever may not any more; whoever acted for another has to be there as well
   */
  async of(
    { actorId, onBehalfOf, permissions }: Pick<Import, 'actorId' | 'onBehalfOf' | 'permissions'>,
    needed: Permission = ImportUsers,
  ): Promise<Actor | 'gone'> {
    const userId = onBehalfOf ?? actorId;
    if (userId === null || permissions === null) return null;
    const acting = onBehalfOf === null ? null : actorId;
    const held = await this.access.permissionsOf(userId);
    const theirs = acting === null ? held : await this.access.permissionsOf(acting);
    const still = new Set(permissions.filter((permission) => held.has(permission) && theirs.has(permission)));
    const areActive = (await this.isActive(userId)) && (acting === null || (await this.isActive(acting)));
    return still.has(needed.name) && areActive ? { userId, actorId: acting, permissions: still } : 'gone';
  }

  private async isActive(userId: string): Promise<boolean> {
    try {
      return statusOf(await this.users.get(userId), this.clock.now()) === 'active';
    } catch (error) {
      // Deleted for good since then.
      if (error instanceof UserNotFound) return false;
      throw error;
    }
  }
}
