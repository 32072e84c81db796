import { Injectable } from '@nestjs/common';

import { Access } from '../access/index.js';
import { Events } from '../events/index.js';
import { Revocations } from '../platform/cache/revocations.js';
import { Clock } from '../platform/clock/clock.js';
import { Database } from '../platform/database/database.js';
import type { Principal } from '../platform/http/principal.js';
import { Sessions } from '../sessions/index.js';
import type { User } from './user.entity.js';
import {
  LastAdministrator,
  UserDeleted,
  UserNotDeleted,
  UserNotFound,
  UserReinstated,
  UserRestored,
  UserRolesChanged,
  UserSuspended,
} from './users.contract.js';
import { UsersRepository } from './users.repository.js';
import type { UserRow } from './users.repository.js';
import { Users } from './users.service.js';

/** Whether an account may be used, and as what: suspension, deletion, restoration, roles. */
@Injectable()
export class UserStatusService {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly users: Users,
    private readonly repository: UsersRepository,
    private readonly access: Access,
    private readonly sessions: Sessions,
    private readonly revocations: Revocations,
  ) {}

  /** Ends every session at once: a suspended user must not finish what they had open. */
  suspend(id: string, reason: string, until: Date | null, expected: number | null, actor: Principal): Promise<UserRow> {
    return this.change(id, expected, actor, async (user) => {
      await this.refuseLastAdministrator(user);
      user.suspend(this.clock.now(), reason, until);
      await this.store(user);
      this.events.record(UserSuspended, { userId: id, until }, { ...this.about(user), reason });
      await this.lockOut(id, 'suspended');
    });
  }

  reinstate(id: string, expected: number | null, actor: Principal): Promise<UserRow> {
    return this.change(id, expected, actor, async (user) => {
      if (!user.suspendedAt) return;
      user.reinstate();
      await this.store(user);
      this.events.record(UserReinstated, { userId: id }, this.about(user));
    });
  }

  /** The row stays for a while; the address is free again at once. */
  async delete(id: string, expected: number | null, actor: Principal): Promise<void> {
    await this.db.transaction(async () => {
      const user = await this.users.lock(id, expected);
      await this.access.refuseOver(actor.permissions, id);
      await this.remove(user);
    });
  }

  async deleteOwn(id: string, expected: number | null): Promise<void> {
    await this.db.transaction(async () => this.remove(await this.users.lock(id, expected)));
  }

  /** @throws UserNotDeleted, EmailTaken when somebody else has the address by now */
  restore(id: string, actor: Principal): Promise<UserRow> {
    return this.db.transaction(async () => {
      const user = await this.repository.lock(id);
      if (!user) throw new UserNotFound();
      if (!user.deletedAt) throw new UserNotDeleted();
      await this.access.refuseOver(actor.permissions, id);
      user.deletedAt = null;
      await this.store(user);
      this.events.record(UserRestored, { userId: id }, this.about(user));
      return this.users.get(id);
    });
  }

  /** The user has exactly these roles afterwards. Nobody gives what they do not hold. */
  assignRoles(id: string, roles: readonly string[], expected: number | null, actor: Principal): Promise<UserRow> {
    return this.change(id, expected, actor, async (user) => {
      await this.access.refuseAbove(actor.permissions, roles);
      const before = await this.access.rolesOf(id);
      if (before.length === roles.length && before.every((role) => roles.includes(role))) return;
      if (before.includes('admin') && !roles.includes('admin')) await this.refuseLastAdministrator(user);
      await this.access.replaceRoles(id, roles);
      await this.store(user);
      const sorted = [...roles].sort();
      this.events.record(
        UserRolesChanged,
        { userId: id, roles: sorted },
        { ...this.about(user), before: { roles: before }, after: { roles: sorted } },
      );
      await this.revocations.revoke('user', [id]);
    });
  }

  private change(
    id: string,
    expected: number | null,
    actor: Principal,
    deed: (user: User) => Promise<void>,
  ): Promise<UserRow> {
    return this.db.transaction(async () => {
      const user = await this.users.lock(id, expected);
      await this.access.refuseOver(actor.permissions, id);
      await deed(user);
      return this.users.get(id);
    });
  }

  private async remove(user: User): Promise<void> {
    await this.refuseLastAdministrator(user);
    user.deletedAt = this.clock.now();
    await this.store(user);
    this.events.record(UserDeleted, { userId: user.id }, this.about(user));
    await this.lockOut(user.id, 'deleted');
  }

  private async store(user: User): Promise<void> {
    user.touch(this.clock.now());
    await this.repository.update(user);
  }

  private async lockOut(id: string, reason: 'suspended' | 'deleted'): Promise<void> {
    await this.sessions.endAllOf(id, reason);
    await this.revocations.revoke('user', [id]);
  }

  /** The holders are locked, so of two who are removed at the same time the second sees that the first is gone. */
  private async refuseLastAdministrator(user: User): Promise<void> {
    const holders = await this.access.lockHolders('admin');
    if (!holders.includes(user.id)) return;
    const others = holders.filter((id) => id !== user.id);
    if ((await this.repository.countActive(others, this.clock.now())) === 0) throw new LastAdministrator();
  }

  private about(user: User): { subject: string; version: number } {
    return { subject: `users/${user.id}`, version: user.version };
  }
}
