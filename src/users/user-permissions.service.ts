import { Injectable } from '@nestjs/common';

import { Access } from '../access/index.js';
import { Events } from '../events/index.js';
import { Revocations } from '../platform/cache/revocations.js';
import { Clock } from '../platform/clock/clock.js';
import { Database } from '../platform/database/database.js';
import type { Versions } from '../platform/http/parameters.js';
import type { Principal } from '../platform/http/principal.js';
import { PermissionDenied } from '../platform/http/problems.js';
import { statusOf, versionOf } from './user.entity.js';
import type { UserStatus } from './user.entity.js';
import { ReadUsers, UserPermissionsChanged } from './users.contract.js';
import { UsersRepository } from './users.repository.js';
import { Users } from './users.service.js';

type Held = Awaited<ReturnType<Access['heldBy']>>;
export type WantedGrant = Parameters<Access['replaceGrants']>[2][number];

export interface EffectivePermissions {
  readonly held: Held;
  readonly userVersion: number;
}

export interface Explanation {
  readonly userId: string;
  readonly permission: string;
  readonly allowed: boolean;
  readonly status: UserStatus;
  readonly reasons: Held[number]['reasons'];
  /** Those that would give it, or do; to whoever may not see roles, only those that the user has. */
  readonly roles: string[];
}

interface Question {
  readonly permission: string;
  readonly userId?: string;
}

/** What a user may, and why; what they are given directly. */
@Injectable()
export class UserPermissions {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly users: Users,
    private readonly repository: UsersRepository,
    private readonly access: Access,
    private readonly revocations: Revocations,
  ) {}

  /** @throws UserNotFound */
  async of(id: string): Promise<EffectivePermissions> {
    const user = await this.users.get(id);
    return { held: await this.access.heldBy(id), userVersion: versionOf(user, this.clock.now()) };
  }

  /**
   * The user has exactly these direct grants afterwards. Nobody gives what they do not hold, nor for longer.
   * @throws PermissionUnknown, ValidationFailed, and what `Users.lockFor` throws
   */
  replace(
    id: string,
    wanted: readonly WantedGrant[],
    expected: Versions,
    actor: Principal,
  ): Promise<EffectivePermissions> {
    return this.db.transaction(async () => {
      const user = await this.users.lockFor(actor, id, expected);
      const replaced = await this.access.replaceGrants(actor, id, wanted);
      if (replaced) {
        user.touch(this.clock.now());
        await this.repository.update(user);
        const { before, after } = replaced;
        this.events.record(
          UserPermissionsChanged,
          { userId: id, permissions: after.map(({ permission }) => permission) },
          { subject: `users/${id}`, version: user.version, before: { grants: before }, after: { grants: after } },
        );
        await this.revocations.revoke('user', [id]);
      }
      return this.of(id);
    });
  }

  /** @throws PermissionUnknown, PermissionDenied, UserNotFound */
  async check(question: Question, asker: Principal): Promise<boolean> {
    const userId = this.subjectOf(question, asker);
    if (userId === asker.userId) return asker.permissions.has(question.permission);
    const status = statusOf(await this.users.get(userId), this.clock.now());
    return status === 'active' && (await this.access.permissionsOf(userId)).has(question.permission);
  }

  /** @throws PermissionUnknown, PermissionDenied, UserNotFound */
  async explain(question: Question, asker: Principal): Promise<Explanation> {
    const { permission } = question;
    const userId = this.subjectOf(question, asker);
    const status = statusOf(await this.users.get(userId), this.clock.now());
    const held = await this.access.heldBy(userId);
    const reasons = held.find((each) => each.permission === permission)?.reasons ?? [];
    // Of oneself as one asks: a key may do less than its owner.
    const may = userId === asker.userId ? asker.permissions.has(permission) : reasons.length > 0;
    const own = reasons.flatMap((reason) => (reason.kind === 'role' ? [reason.role] : []));
    // Which roles give what is not everybody's to know.
    const roles = this.access.seesRoles(asker) ? await this.access.rolesGiving(permission) : own;
    return { userId, permission, allowed: may && status === 'active', status, reasons, roles };
  }

  private subjectOf({ permission, userId }: Question, asker: Principal): string {
    this.access.refuseUnpromised([{ permission }], () => '/permission');
    const id = userId?.toLowerCase() ?? asker.userId;
    if (id !== asker.userId && !asker.permissions.has(ReadUsers.name))
      throw new PermissionDenied(`Of somebody else this needs the permission ${ReadUsers.name}`);
    return id;
  }
}
