import { isDeepStrictEqual } from 'node:util';

import { Injectable } from '@nestjs/common';

import { Access, PrivilegeCeiling } from '../access/index.js';
import { Events } from '../events/index.js';
import { ForeignPasswords } from '../passwords/index.js';
import { Revocations } from '../platform/cache/revocations.js';
import { Clock } from '../platform/clock/clock.js';
import { Problem } from '../platform/contract/problem.js';
import type { FieldFault } from '../platform/contract/problem.js';
import { merged, pick } from './profile-changes.js';
import { failed, refusalOf } from './standings.js';
import type { BulkUser, Outcome, Terms } from './standings.js';
import type { Profile, User } from './user.entity.js';
import { UserActivated, UserRolesChanged, UserUpdated } from './users.contract.js';
import { UsersInBulkRepository } from './users-in-bulk.repository.js';

interface Change {
  readonly from: BulkUser;
  /** Whom it is about. */
  readonly id: string;
}

/** Roles that the actor may not give, or that there are not, with the reason. */
export type RefusedRoles = ReadonlyMap<string, FieldFault>;

/** What the changes of a batch are made of. */
interface Scene {
  readonly present: ReadonlyMap<string, User>;
  /** Whom the actor may not change. */
  readonly beyond: ReadonlySet<string>;
  readonly roles: Map<string, readonly string[]>;
  readonly refused: RefusedRoles;
  readonly holders: Set<string>;
  readonly changed: Set<User>;
  readonly grants: [userId: string, role: string][];
  readonly hashes: [userId: string, hash: string][];
  /** Each records a fact. */
  readonly facts: (() => void)[];
}

const UNCHANGED = { pointer: '', code: 'unchanged', detail: 'is as they are already' };
const PASSWORD_KEPT = {
  pointer: '/passwordHash',
  code: 'password_kept',
  detail: 'was not taken: a file gives one only to whoever is still invited',
};

/**
 * Changes users who are there: the members that are given, roles in addition, and a password for whoever is still invited.
 * Whoever is active may have none because it was taken away from them, or because they never wanted one.
 */
@Injectable()
export class UpdatesInBulk {
  constructor(
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly users: UsersInBulkRepository,
    private readonly access: Access,
    private readonly foreign: ForeignPasswords,
    private readonly revocations: Revocations,
  ) {}

  /** Part of the caller's transaction. @returns what became of each, in their order */
  async apply(changes: readonly Change[], terms: Terms, refused: RefusedRoles): Promise<Outcome[]> {
    const scene = await this.look(changes, terms, refused);
    const outcomes = changes.map((change) => this.change(change, scene));
    if (!terms.dryRun) await this.write(scene);
    return outcomes;
  }

  private async look(changes: readonly Change[], { actor }: Terms, refused: RefusedRoles): Promise<Scene> {
    const ids = [...new Set(changes.map(({ id }) => id))];
    const users = await this.users.lockAll(ids);
    const now = this.clock.now();
    for (const user of users) user.settle(now);
    const given = changes.some(({ from }) => from.roles !== null);
    const hashed = changes.some(({ from }) => from.passwordHash !== null);
    return {
      present: new Map(users.filter(({ deletedAt }) => !deletedAt).map((user) => [user.id, user])),
      beyond: actor === null ? new Set() : await this.access.beyond(actor, ids),
      roles: new Map(given ? await this.access.rolesOfAll(ids) : []),
      refused,
      holders: new Set(hashed ? await this.foreign.holders(ids) : []),
      changed: new Set(),
      grants: [],
      hashes: [],
      facts: [],
    };
  }

  private change({ from, id }: Change, scene: Scene): Outcome {
    const user = scene.present.get(id);
    if (!user) return failed({ pointer: '', code: 'user_not_found', detail: 'was deleted a moment ago' });
    if (scene.beyond.has(id)) return failed(refusalOf(new PrivilegeCeiling()));
    const fresh = freshRoles(user, from, scene);
    const refusedRole = fresh.flatMap((role) => scene.refused.get(role) ?? [])[0];
    if (refusedRole) return failed(refusedRole);
    try {
      const edited = this.edit(user, from, scene);
      const activated = this.activate(user, from, scene);
      const granted = this.grant(user, fresh, scene);
      const fault = from.passwordHash !== null && !activated ? PASSWORD_KEPT : null;
      if (edited || activated || granted) return { status: 'updated', userId: id, fault };
      return { status: 'skipped', userId: id, fault: fault ?? UNCHANGED };
    } catch (error) {
      if (error instanceof Problem) return failed(refusalOf(error));
      throw error;
    }
  }

  /** @throws ValidationFailed */
  private edit(user: User, { profile }: BulkUser, scene: Scene): boolean {
    const wanted = merged(user, { ...profile, email: profile.email.trim() });
    const members = Object.keys(wanted).filter(
      (name) => !isDeepStrictEqual(user[name as keyof Profile], wanted[name as keyof Profile]),
    );
    if (members.length === 0) return false;
    const before = pick(user, members);
    user.edit(wanted);
    user.touch(this.clock.now());
    scene.changed.add(user);
    const circumstances = { subject: `users/${user.id}`, version: user.version, before, after: pick(user, members) };
    const told = { userId: user.id, members };
    scene.facts.push(() => this.events.record(UserUpdated, told, circumstances));
    return true;
  }

  /** Some systems hand passwords out in a second file, after the people: whoever waits for theirs gets it. */
  private activate(user: User, { passwordHash }: BulkUser, scene: Scene): boolean {
    if (passwordHash === null || user.activatedAt || scene.holders.has(user.id)) return false;
    const now = this.clock.now();
    scene.hashes.push([user.id, passwordHash]);
    user.activatedAt = now;
    user.touch(now);
    scene.changed.add(user);
    const circumstances = { subject: `users/${user.id}`, version: user.version };
    scene.facts.push(() => this.events.record(UserActivated, { userId: user.id }, circumstances));
    return true;
  }

  /** An import takes no role away, so that nobody has to ask who would be the last administrator. */
  private grant(user: User, fresh: readonly string[], scene: Scene): boolean {
    if (fresh.length === 0) return false;
    const before = scene.roles.get(user.id) ?? [];
    const after = [...before, ...fresh].sort();
    scene.roles.set(user.id, after);
    scene.grants.push(...fresh.map((role): [string, string] => [user.id, role]));
    user.touch(this.clock.now());
    scene.changed.add(user);
    const about = { subject: `users/${user.id}`, version: user.version };
    const circumstances = { ...about, before: { roles: before }, after: { roles: after } };
    scene.facts.push(() => this.events.record(UserRolesChanged, { userId: user.id, roles: after }, circumstances));
    return true;
  }

  /** @throws EmailTaken, UsernameTaken, ExternalIdTaken */
  private async write({ changed, grants, hashes, facts }: Scene): Promise<void> {
    for (const record of facts) record();
    if (changed.size > 0) await this.users.updateAll([...changed]);
    if (hashes.length > 0)
      await this.foreign.adopt(
        hashes.map(([id]) => id),
        hashes.map(([, hash]) => hash),
      );
    if (grants.length === 0) return;
    const ids = grants.map(([id]) => id);
    await this.access.grantToAll(
      ids,
      grants.map(([, role]) => role),
    );
    await this.revocations.revoke('user', [...new Set(ids)]);
  }
}

function freshRoles({ id }: User, { roles }: BulkUser, scene: Scene): readonly string[] {
  const before = scene.roles.get(id) ?? [];
  return roles?.filter((role) => !before.includes(role)) ?? [];
}
