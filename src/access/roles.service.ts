import { isDeepStrictEqual } from 'node:util';

import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Revocations } from '../platform/cache/revocations.js';
import { Clock } from '../platform/clock/clock.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import type { Versions } from '../platform/http/parameters.js';
import type { Principal } from '../platform/http/principal.js';
import { PreconditionFailed } from '../platform/http/problems.js';
import {
  PrivilegeCeiling,
  RoleBuiltIn,
  RoleChanged,
  RoleCreated,
  RoleDeleted,
  RoleInUse,
  RoleNotFound,
} from './access.contract.js';
import { Access, forGood } from './access.service.js';
import { Role } from './role.entity.js';
import { RolesRepository } from './roles.repository.js';
import type { RoleRow } from './roles.repository.js';

/** What administrators say of a role, beside its name. */
export interface RoleTerms {
  readonly about: string;
  readonly permissions: readonly string[];
  readonly mfaRequired: boolean;
}

/** Making and changing roles. Nobody makes or changes one that gives more than they hold themselves. */
@Injectable()
export class Roles {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly roles: RolesRepository,
    private readonly access: Access,
    private readonly revocations: Revocations,
  ) {}

  /** @throws RoleNotFound */
  async get(id: string): Promise<RoleRow> {
    const role = await this.roles.find(id);
    if (!role) throw new RoleNotFound();
    return role;
  }

  /** @throws RoleTaken, PermissionUnknown, PrivilegeCeiling */
  create(name: string, terms: RoleTerms, actor: Principal): Promise<RoleRow> {
    return this.db.transaction(async () => {
      await this.refuseToGive(terms.permissions, actor);
      const now = this.clock.now();
      const { about, permissions, mfaRequired } = sorted(terms);
      const made = {
        id: newId(),
        name,
        about,
        mfaRequired,
        builtIn: false,
        createdAt: now,
        updatedAt: now,
        version: 1,
      };
      const role = Object.assign(new Role(), made);
      await this.roles.insert(role);
      await this.roles.replacePermissions(name, permissions);
      const circumstances = { ...which(role), after: { name, about, permissions, mfaRequired } };
      this.events.record(RoleCreated, { roleId: role.id, role: name, permissions }, circumstances);
      return { ...made, permissions };
    });
  }

  /**
   * Changes what is given; in force within a second on every process.
   * @throws RoleNotFound, PrivilegeCeiling, PreconditionFailed, PermissionUnknown, RoleBuiltIn
   */
  change(id: string, change: Partial<RoleTerms>, expected: Versions, actor: Principal): Promise<RoleRow> {
    return this.db.transaction(async () => {
      const { role, present } = await this.lockFor(actor, id, expected);
      const after = sorted({ ...present, ...change });
      const members = MEMBERS.filter((member) => !isDeepStrictEqual(present[member], after[member]));
      if (members.length === 0) return present;
      if (members.includes('permissions')) await this.give(role, present, change.permissions!, actor);
      Object.assign(role, pick(after, ['about', 'mfaRequired']));
      role.touch(this.clock.now());
      await this.roles.update(role);
      const circumstances = { ...which(role), before: pick(present, members), after: pick(after, members) };
      this.events.record(RoleChanged, { roleId: id, role: role.name, members }, circumstances);
      // Whom it concerns may be everybody: each process then looks once more at each who comes.
      if (members.some((member) => member !== 'about')) await this.revocations.revoke('everybody', [role.name]);
      return this.get(id);
    });
  }

  /** @throws RoleNotFound, PrivilegeCeiling, PreconditionFailed, RoleBuiltIn, RoleInUse */
  async delete(id: string, expected: Versions, actor: Principal): Promise<void> {
    await this.db.transaction(async () => {
      const { role, present } = await this.lockFor(actor, id, expected);
      if (role.builtIn) throw new RoleBuiltIn();
      if (await this.roles.isHeld(role.name)) throw new RoleInUse();
      await this.roles.delete(id);
      role.touch(this.clock.now());
      const circumstances = { ...which(role), before: pick(present, ['name', ...MEMBERS]) };
      this.events.record(RoleDeleted, { roleId: id, role: role.name }, circumstances);
    });
  }

  /** What the caller may not do is refused before what they did not know (RFC 9110, 13.2.1). */
  private async lockFor(actor: Principal, id: string, expected: Versions): Promise<{ role: Role; present: RoleRow }> {
    const role = await this.roles.lock(id);
    if (!role) throw new RoleNotFound();
    const present = await this.get(id);
    if (present.permissions.some((permission) => !actor.permissions.has(permission))) throw new PrivilegeCeiling();
    if (expected !== null && !expected.includes(role.version)) throw new PreconditionFailed();
    return { role, present };
  }

  private async give(role: Role, { permissions: present }: RoleTerms, wanted: readonly string[], actor: Principal) {
    if (role.name === ADMIN) throw new RoleBuiltIn();
    await this.refuseToGive(wanted, actor, present);
    await this.roles.replacePermissions(role.name, wanted);
  }

  /** @param given what the role gives already */
  private async refuseToGive(
    wanted: readonly string[],
    actor: Principal,
    given: readonly string[] = [],
  ): Promise<void> {
    const gifts = wanted.map(forGood);
    this.access.refuseUnpromised(gifts, (at) => `/permissions/${at}`);
    const fresh = gifts.filter(({ permission }) => !given.includes(permission));
    await this.access.refuseBeyond(actor, fresh);
  }
}

/** Its permissions are every one that the program promises. */
const ADMIN = 'admin';
const MEMBERS = ['about', 'permissions', 'mfaRequired'] as const;

function which(role: Role): { subject: string; version: number } {
  return { subject: `roles/${role.id}`, version: role.version };
}

function sorted<T extends RoleTerms>(terms: T): T & { permissions: string[] } {
  return { ...terms, permissions: [...terms.permissions].sort() };
}

function pick<T extends object>(role: T, members: readonly (keyof T)[]): object {
  return Object.fromEntries(members.map((member) => [member, role[member]]));
}
