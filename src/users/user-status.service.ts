import { isDeepStrictEqual } from 'node:util';

import { Injectable } from '@nestjs/common';

import { Access } from '../access/index.js';
import { Events } from '../events/index.js';
import { Revocations } from '../platform/cache/revocations.js';
import { Clock } from '../platform/clock/clock.js';
import { Database } from '../platform/database/database.js';
import type { Versions } from '../platform/http/parameters.js';
import type { Principal } from '../platform/http/principal.js';
import { refusal } from '../platform/http/validation.pipe.js';
import { Sessions } from '../sessions/index.js';
import type { SuspensionTerms, User, UserRow } from './user.entity.js';
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

  /**
   * Ends every session at once: a suspended user must not finish what they had open. Of somebody who is suspended it
   * changes the reason and the end. @throws ValidationFailed, LastAdministrator, and what `Users.lockFor` throws
   */
  suspend(id: string, why: SuspensionTerms, expected: Versions, actor: Principal): Promise<UserRow> {
    return this.change(id, expected, actor, async (user) => {
      const { reason, until } = why;
      const now = this.clock.now();
      if (until && until <= now)
        throw refusal([{ pointer: '/until', code: 'until_past', detail: 'must lie in the future' }]);
      const before = suspensionOf(user);
      if (isDeepStrictEqual(before && { reason: before.reason, until: before.until }, { reason, until })) return;
      await this.refuseLastAdministrator(user);
      user.suspend(now, reason, until);
      await this.store(user);
      const circumstances = { before: { suspension: before }, after: { suspension: suspensionOf(user) }, reason };
      this.events.record(UserSuspended, { userId: id, until }, { ...this.about(user), ...circumstances });
      await this.lockOut(id, 'suspended');
    });
  }

  /** Somebody who is not suspended stays as they are. */
  reinstate(id: string, expected: Versions, actor: Principal): Promise<UserRow> {
    return this.change(id, expected, actor, async (user) => {
      const before = suspensionOf(user);
      if (!before) return;
      user.reinstate();
      await this.store(user);
      const circumstances = { before: { suspension: before }, after: { suspension: null } };
      this.events.record(UserReinstated, { userId: id }, { ...this.about(user), ...circumstances });
    });
  }

  /** The row stays for a while; the address is free again at once. */
  async delete(id: string, expected: Versions, actor: Principal): Promise<void> {
    await this.db.transaction(async () => this.remove(await this.users.lockFor(actor, id, expected)));
  }

  /** @throws UserNotFound, PrivilegeCeiling, UserNotDeleted; EmailTaken and the like when somebody else has it by now */
  restore(id: string, actor: Principal): Promise<UserRow> {
    return this.db.transaction(async () => {
      const user = await this.repository.lock(id);
      if (!user) throw new UserNotFound();
      await this.access.refuseOver(actor, id);
      if (!user.deletedAt) throw new UserNotDeleted();
      user.settle(this.clock.now());
      const before = { deletedAt: user.deletedAt };
      user.deletedAt = null;
      await this.store(user);
      this.events.record(UserRestored, { userId: id }, { ...this.about(user), before, after: { deletedAt: null } });
      return this.users.get(id);
    });
  }

  /** The user has exactly these roles afterwards. Nobody gives what they do not hold. */
  assignRoles(id: string, roles: readonly string[], expected: Versions, actor: Principal): Promise<UserRow> {
    return this.change(id, expected, actor, async (user) => {
      const before = await this.access.rolesOf(id);
      // Those that the user has already were looked at with the user.
      const fresh = roles.filter((role) => !before.includes(role));
      await this.access.refuseAbove(actor, fresh);
      if (before.length === roles.length && before.every((role) => roles.includes(role))) return;
      if (!roles.includes('admin')) await this.refuseLastAdministrator(user);
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
    expected: Versions,
    actor: Principal,
    deed: (user: User) => Promise<void>,
  ): Promise<UserRow> {
    return this.db.transaction(async () => {
      await deed(await this.users.lockFor(actor, id, expected));
      return this.users.get(id);
    });
  }

  /** Part of the transaction of a caller who has locked the user. @throws LastAdministrator */
  async remove(user: User): Promise<void> {
    await this.refuseLastAdministrator(user);
    user.delete(this.clock.now());
    await this.store(user);
    const circumstances = { before: { deletedAt: null }, after: { deletedAt: user.deletedAt } };
    this.events.record(UserDeleted, { userId: user.id }, { ...this.about(user), ...circumstances });
    await this.lockOut(user.id, 'deleted');
  }

  private async store(user: User): Promise<void> {
    user.touch(this.clock.now());
    await this.repository.update(user);
  }

  /** Part of the caller's transaction. */
  async lockOut(id: string, reason: 'suspended' | 'deleted' | 'deletion_scheduled'): Promise<void> {
    await this.sessions.endAllOf(id, reason);
    await this.revocations.revoke('user', [id]);
  }

  /**
   * The holders are locked, so of two who are removed at the same time the second sees that the first is gone. Whether
   * this user is one of them cannot change meanwhile: they are locked themselves. Part of the transaction of a caller
   * who has locked the user. @throws LastAdministrator
   */
  async refuseLastAdministrator(user: User): Promise<void> {
    if (!(await this.access.rolesOf(user.id)).includes('admin')) return;
    const others = (await this.access.lockHolders('admin')).filter((id) => id !== user.id);
    if ((await this.repository.countStaying(others, this.clock.now())) === 0) throw new LastAdministrator();
  }

  private about(user: User): { subject: string; version: number } {
    return { subject: `users/${user.id}`, version: user.version };
  }
}

/** The suspension of a user who was settled; null if there is none. */
function suspensionOf(user: User): (SuspensionTerms & { since: Date }) | null {
  if (!user.suspendedAt) return null;
  return { since: user.suspendedAt, until: user.suspendedUntil, reason: user.suspensionReason! };
}
