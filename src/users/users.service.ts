import { isDeepStrictEqual } from 'node:util';

import { Injectable } from '@nestjs/common';

import { Access } from '../access/index.js';
import { Events } from '../events/index.js';
import { Passwords } from '../passwords/index.js';
import { Clock } from '../platform/clock/clock.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import type { Principal } from '../platform/http/principal.js';
import { PreconditionFailed } from '../platform/http/problems.js';
import { refusal } from '../platform/http/validation.pipe.js';
import { normalEmail, normalText } from './normal-forms.js';
import { User, statusOf } from './user.entity.js';
import type { Profile } from './user.entity.js';
import { UserCreated, UserNotFound, UserUpdated } from './users.contract.js';
import { UsersRepository } from './users.repository.js';
import type { UserRow } from './users.repository.js';

export interface NewUser extends Pick<Profile, 'email' | 'name'>, Partial<Omit<Profile, 'email' | 'name'>> {
  readonly password?: string;
}

/** What the caller knows of a new account, where it was not made by an administrator. */
export interface Origin {
  /** A hash that was made already: then no password is given. */
  readonly passwordHash?: string;
  readonly emailVerified?: boolean;
  readonly roles?: readonly string[];
  readonly passwordChangeRequired?: boolean;
}

const EMPTY: Omit<Profile, 'email' | 'name'> = {
  username: null,
  phone: null,
  locale: 'en',
  timezone: null,
  externalId: null,
  metadata: {},
  appMetadata: {},
};

@Injectable()
export class Users {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly users: UsersRepository,
    private readonly access: Access,
    private readonly passwords: Passwords,
  ) {}

  /** @throws UserNotFound */
  async get(id: string): Promise<UserRow> {
    const user = await this.users.find(id);
    if (!user) throw new UserNotFound();
    return user;
  }

  /** Who signs in by this address or user name; nobody who was deleted. */
  findByIdentifier(identifier: string): Promise<UserRow | null> {
    return this.users.findByIdentifier(normalEmail(identifier), normalText(identifier));
  }

  /** With a password the account is active, without one it is invited. @throws EmailTaken, ValidationFailed */
  async create({ password, ...profile }: NewUser, origin: Origin = {}): Promise<UserRow> {
    const hash = origin.passwordHash ?? (password === undefined ? null : await this.hash(password, profile));
    return this.db.transaction(async () => {
      const user = this.make(profile, hash !== null, origin.emailVerified ?? false);
      await this.users.insert(user);
      await this.access.replaceRoles(user.id, origin.roles ?? ['user']);
      this.events.record(
        UserCreated,
        { userId: user.id, status: statusOf(user, user.createdAt) },
        { subject: `users/${user.id}`, version: 1 },
      );
      if (hash !== null) await this.passwords.put(user.id, hash, origin.passwordChangeRequired);
      return this.get(user.id);
    });
  }

  /** Changes the members that are given. @param expected the version that the caller saw, or null */
  patch(id: string, change: Partial<Profile>, expected: number | null, actor: Principal): Promise<UserRow> {
    return this.db.transaction(async () => {
      const user = await this.lock(id, expected);
      await this.access.refuseOver(actor.permissions, id);
      return this.edit(user, change);
    });
  }

  /**
   * Puts this profile in the place of the present one. @param shown how the user is shown to the caller, for comparing
   * the read-only members that the caller sent back
   */
  replace(
    id: string,
    profile: NewUser,
    readOnly: object,
    shown: (row: UserRow) => object,
    expected: number | null,
    actor: Principal,
  ): Promise<UserRow> {
    return this.db.transaction(async () => {
      const user = await this.lock(id, expected);
      await this.access.refuseOver(actor.permissions, id);
      refuseOtherThan(shown(await this.get(id)), readOnly);
      return this.edit(user, { ...EMPTY, ...profile });
    });
  }

  /** Changes oneself. */
  patchOwn(id: string, change: Partial<Profile>, expected: number | null): Promise<UserRow> {
    return this.db.transaction(async () => this.edit(await this.lock(id, expected), change));
  }

  /** A sign-in is not a change that raises the version. Part of the caller's transaction. */
  async signedIn(id: string): Promise<void> {
    await this.users.signedIn(id, this.clock.now());
  }

  /** The user, locked until the transaction ends. @throws UserNotFound (also when deleted), PreconditionFailed */
  async lock(id: string, expected: number | null = null): Promise<User> {
    const user = await this.users.lock(id);
    if (!user || user.deletedAt) throw new UserNotFound();
    if (expected !== null && user.version !== expected) throw new PreconditionFailed();
    return user;
  }

  private async edit(user: User, change: Partial<Profile>): Promise<UserRow> {
    const members = Object.keys(change).filter(
      (name) => !isDeepStrictEqual(user[name as keyof Profile], change[name as keyof Profile]),
    );
    if (members.length === 0) return this.get(user.id);
    const before = pick(user, members);
    user.edit(change);
    user.touch(this.clock.now());
    await this.users.update(user);
    const circumstances = { subject: `users/${user.id}`, version: user.version, before, after: pick(user, members) };
    this.events.record(UserUpdated, { userId: user.id, members }, circumstances);
    return this.get(user.id);
  }

  private hash(password: string, { email, name, username }: NewUser): Promise<string> {
    return this.passwords.hashNew(password, { email, name, username: username ?? undefined }, '/password');
  }

  private make(profile: NewUser, active: boolean, verified: boolean): User {
    const now = this.clock.now();
    const user = Object.assign(new User(), EMPTY, {
      id: newId(),
      emailVerifiedAt: verified ? now : null,
      activatedAt: active ? now : null,
      suspendedAt: null,
      suspendedUntil: null,
      suspensionReason: null,
      deletedAt: null,
      createdAt: now,
      updatedAt: now,
      lastSignInAt: null,
      version: 1,
    });
    user.emailKey = normalEmail(profile.email);
    user.edit(profile);
    return user;
  }
}

function pick(user: User, members: readonly string[]): object {
  return Object.fromEntries(members.map((name) => [name, user[name as keyof Profile]]));
}

function refuseOtherThan(shown: object, sent: object): void {
  const faults = Object.entries(sent)
    .filter(
      ([name, value]) => value !== undefined && !isDeepStrictEqual((shown as Record<string, unknown>)[name], value),
    )
    .map(([name]) => ({
      pointer: `/${name}`,
      code: 'read_only',
      detail: 'cannot be written; leave it out, or send what it is',
    }));
  if (faults.length > 0) throw refusal(faults);
}
