import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import { permissions } from '../platform/contract/permission.js';
import { Database } from '../platform/database/database.js';
import type { Principal } from '../platform/http/principal.js';
import { Problem } from '../platform/contract/problem.js';
import { refusal } from '../platform/http/validation.pipe.js';
import { AccessRepository } from './access.repository.js';
import type { GrantRow, Holding } from './access.repository.js';
import { demand } from './demand.js';
import { Denials } from './denials.js';
import type { Denial } from './denials.js';
import { earlier, endsOf, lastsFor } from './ends.js';
import type { Ends, Gift } from './ends.js';
import { PermissionUnknown, PrivilegeCeiling, ReadRoles, RoleUnknown } from './access.contract.js';

/** What a user may. */
export interface Rights {
  readonly permissions: ReadonlySet<string>;
  /** When the next of them lapses by itself: nobody may believe this any longer. */
  readonly until: Date | null;
  /** A role of theirs asks for a second factor. */
  readonly mfaRequired: boolean;
}

export interface Grant extends Gift {
  readonly reason: string | null;
}

/** Who gives, and what they may do themselves. */
type Actor = Pick<Principal, 'userId' | 'actorId' | 'permissions'>;

@Injectable()
export class Access implements OnApplicationBootstrap {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly access: AccessRepository,
    private readonly denials: Denials,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.db.transaction(() => this.access.install([...permissions.values()], this.clock.now()));
  }

  /** What the user may at this moment, by roles and by direct grants. */
  async rightsOf(userId: string): Promise<Rights> {
    const rights = await this.access.rightsOf(userId, this.clock.now());
    return { ...rights, permissions: new Set(rights.permissions) };
  }

  /** Puts on record that somebody was refused where no guard of HTTP stands. */
  noteDenial(denial: Denial): Promise<void> {
    return this.denials.note(denial);
  }

  /** As the guard of HTTP does, for whoever asks in another way. @throws ScopeInsufficient, PermissionDenied */
  async demand(
    principal: Principal,
    needed: readonly string[],
    where: Pick<Denial, 'method' | 'route'>,
  ): Promise<void> {
    try {
      demand(principal, needed);
    } catch (error) {
      if (error instanceof Problem)
        await this.noteDenial({
          ...{ userId: principal.userId, code: error.definition.code, permission: error.lacked, target: null },
          ...where,
        });
      throw error;
    }
  }

  async permissionsOf(userId: string): Promise<ReadonlySet<string>> {
    return (await this.rightsOf(userId)).permissions;
  }

  /** Each permission that the user holds at this moment, with every reason why. */
  async heldBy(userId: string): Promise<{ permission: string; reasons: Holding[] }[]> {
    const held = new Map<string, Holding[]>();
    for (const holding of await this.access.holdingsOf(userId, this.clock.now())) {
      const reasons = held.get(holding.permission);
      if (reasons) reasons.push(holding);
      else held.set(holding.permission, [holding]);
    }
    return [...held].map(([permission, reasons]) => ({ permission, reasons }));
  }

  rolesOf(userId: string): Promise<string[]> {
    return this.access.rolesOf(userId);
  }

  rolesGiving(permission: string): Promise<string[]> {
    return this.access.rolesGiving(permission);
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

  /**
   * The user has exactly these direct grants afterwards. Those that stay as they are keep their beginning and their giver.
   * @returns what was before and what is now; null if that is the same
   * @throws PermissionUnknown, ValidationFailed, PrivilegeCeiling
   */
  async replaceGrants(
    actor: Principal,
    userId: string,
    wanted: readonly Grant[],
  ): Promise<{ before: Grant[]; after: Grant[] } | null> {
    const now = this.clock.now();
    this.refuseUnpromised(wanted, (at) => `/grants/${at}/permission`);
    refuseSenseless(wanted, now);
    const present = await this.access.grantsOf(userId, now);
    const beforeOf = ({ permission }: Gift): GrantRow | undefined =>
      present.find((grant) => grant.permission === permission);
    const fresh = wanted.filter((grant) => !isSame(grant, beforeOf(grant)));
    if (fresh.length === 0 && wanted.length === present.length) return null;
    await this.refuseBeyond(
      actor,
      fresh.filter((grant) => !endsAlike(grant, beforeOf(grant))),
    );
    const giver = { grantedAt: now, grantedBy: actor.actorId ?? actor.userId };
    const after = wanted.map((grant) => (fresh.includes(grant) ? { ...grant, ...giver } : beforeOf(grant)!));
    await this.access.replaceGrants(userId, after);
    return { before: present.map(told), after: after.map(told) };
  }

  /** Nobody can delete them until the transaction ends. @throws RoleUnknown */
  async refuseUnknown(roles: readonly string[]): Promise<void> {
    await this.permissionsGivenBy(roles);
  }

  /** Gives each user the role beside them, in addition to what they have. */
  async grantToAll(userIds: readonly string[], roles: readonly string[]): Promise<void> {
    await this.access.grantToAll(userIds, roles, this.clock.now());
  }

  /** The roles of each of these users, in order. */
  async rolesOfAll(userIds: readonly string[]): Promise<ReadonlyMap<string, string[]>> {
    const rows = await this.access.rolesOfAll(userIds);
    return new Map(rows.map(({ userId, roles }) => [userId, roles]));
  }

  /** Those of these users whom `refuseOver` would refuse. */
  async beyond(actor: Actor, userIds: readonly string[]): Promise<ReadonlySet<string>> {
    const ends = [...(await this.endsFor(actor))].filter(([permission]) => actor.permissions.has(permission));
    return new Set(await this.access.beyond(new Map(ends), userIds, this.clock.now()));
  }

  /** @throws RoleUnknown; PrivilegeCeiling unless the actor holds for good whatever these roles give */
  async refuseAbove(actor: Actor, roles: readonly string[]): Promise<void> {
    const given = await this.permissionsGivenBy(roles);
    await this.refuseBeyond(actor, [...given].map(forGood));
  }

  /** @throws PrivilegeCeiling unless the actor holds each of these, and for as long as it is given */
  async refuseBeyond(actor: Actor, gifts: readonly Gift[]): Promise<void> {
    if (gifts.length === 0) return;
    const ends = await this.endsFor(actor);
    for (const gift of gifts)
      // Otherwise whoever holds it for an hour could give it, to themselves too, for good.
      if (!actor.permissions.has(gift.permission) || !lastsFor(gift, ends)) throw new PrivilegeCeiling();
  }

  /** Whether somebody may know what each role gives. */
  seesRoles({ permissions: held }: Principal): boolean {
    return held.has(ReadRoles.name);
  }

  /**
   * Of somebody who may do more, or may do it for longer: whoever can change their account, or act for them, could keep
   * by it what they themselves hold for an hour.
   * @throws PrivilegeCeiling
   */
  async refuseOver(actor: Principal, userId: string): Promise<void> {
    const theirs = endsOf(await this.access.holdingsOf(userId, this.clock.now()));
    await this.refuseBeyond(
      actor,
      [...theirs].map(([permission, expiresAt]) => ({ permission, expiresAt })),
    );
  }

  /** Until when the actor holds each permission: while somebody acts for another, until the first of the two does not. */
  private async endsFor({ userId, actorId }: Actor): Promise<Ends> {
    const now = this.clock.now();
    const own = endsOf(await this.access.holdingsOf(userId, now));
    if (actorId === null) return own;
    const acting = endsOf(await this.access.holdingsOf(actorId, now));
    return new Map(
      [...own].flatMap(([permission, end]): [string, Date | null][] => {
        const other = acting.get(permission);
        return other === undefined ? [] : [[permission, earlier(end, other)]];
      }),
    );
  }

  /** @param pointer where the one at this place stands in the body @throws PermissionUnknown */
  refuseUnpromised(named: readonly { readonly permission: string }[], pointer: (at: number) => string): void {
    const unknown = named.flatMap(({ permission }, at) => (permissions.has(permission) ? [] : [{ permission, at }]));
    if (unknown.length === 0) return;
    throw new PermissionUnknown(
      `There is no permission ${unknown.map(({ permission }) => `"${permission}"`).join(', ')}`,
      unknown.map(({ at }) => ({
        pointer: pointer(at),
        code: 'permission_unknown',
        detail: 'is a permission that does not exist',
      })),
    );
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

export function forGood(permission: string): Gift {
  return { permission, expiresAt: null };
}

/** @throws ValidationFailed for a permission that is named twice, and for an end that has passed */
function refuseSenseless(wanted: readonly Grant[], now: Date): void {
  const faults = wanted.flatMap(({ permission, expiresAt }, at) => [
    ...(wanted.findIndex((grant) => grant.permission === permission) < at
      ? [{ pointer: `/grants/${at}/permission`, code: 'not_unique', detail: 'stands in the list before' }]
      : []),
    ...(expiresAt && expiresAt <= now
      ? [{ pointer: `/grants/${at}/expiresAt`, code: 'moment_past', detail: 'must lie in the future' }]
      : []),
  ]);
  if (faults.length > 0) throw refusal(faults);
}

function endsAlike({ expiresAt }: Gift, before: GrantRow | undefined): boolean {
  return before !== undefined && before.expiresAt?.getTime() === expiresAt?.getTime();
}

function isSame(grant: Grant, before: GrantRow | undefined): boolean {
  return endsAlike(grant, before) && grant.reason === before!.reason;
}

function told({ permission, expiresAt, reason }: Grant): Grant {
  return { permission, expiresAt, reason };
}

/** The roles of the row `<user>` in a list, as SQL: an array of names in order. @param user a trusted SQL expression */
export function rolesOfSql(user: string): string {
  return `ARRAY(SELECT ur.role::text FROM roster.user_roles ur WHERE ur.user_id = ${user} ORDER BY ur.role)`;
}

/** Whether the row `<user>` holds a role, as SQL. Both are trusted SQL expressions. */
export function holdsSql(user: string, role: string): string {
  return `EXISTS (SELECT 1 FROM roster.user_roles ur WHERE ur.user_id = ${user} AND ur.role = ${role})`;
}
