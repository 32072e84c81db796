import { isDeepStrictEqual } from 'node:util';

import { Injectable } from '@nestjs/common';

import { Access } from '../access/index.js';
import { Events } from '../events/index.js';
import { Passwords } from '../passwords/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Database } from '../platform/database/database.js';
import { refuseStale } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import type { Principal } from '../platform/http/principal.js';
import { refusal } from '../platform/http/validation.pipe.js';
import { normalEmail, normalUsername } from './normal-forms.js';
import { EMPTY, newUser } from './new-user.js';
import type { NewUser } from './new-user.js';
import { merged, pick } from './profile-changes.js';
import { User, statusOf } from './user.entity.js';
import type { Profile, UserRow } from './user.entity.js';
import {
  UserActivated,
  UserCreated,
  UserEmailChanged,
  UserEmailVerified,
  UserNotFound,
  UserUpdated,
} from './users.contract.js';
import { UsersInBulk } from './users-in-bulk.service.js';
import { UsersRepository } from './users.repository.js';

/** What the caller knows of a new account, where it was not made by an administrator. */
export interface Origin {
  /** A hash that was made already: then no password is given. */
  readonly passwordHash?: string;
  readonly emailVerified?: boolean;
  readonly roles?: readonly string[];
  readonly passwordChangeRequired?: boolean;
}

type EmailChanged = (user: User, before: { email: string; emailKey: string }) => Promise<void>;

@Injectable()
export class Users {
  private readonly hooks: EmailChanged[] = [];

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly users: UsersRepository,
    private readonly access: Access,
    private readonly passwords: Passwords,
    /** The same for many at once. */
    readonly inBulk: UsersInBulk,
  ) {}

  /** @throws UserNotFound */
  async get(id: string): Promise<UserRow> {
    const user = await this.users.find(id);
    if (!user) throw new UserNotFound();
    return user;
  }

  /** Who signs in by this address or user name; nobody who was deleted. */
  findByIdentifier(identifier: string): Promise<UserRow | null> {
    return this.users.findByIdentifier(normalEmail(identifier), normalUsername(identifier));
  }

  /** An address or a user name, in the form in which it is looked for: two spellings of one are the same there. */
  normalIdentifier(identifier: string): string {
    const address = normalEmail(identifier);
    return address.includes('@') ? address : normalUsername(identifier);
  }

  /** With a password the account is active, without one it is invited. @throws EmailTaken, ValidationFailed */
  async create({ password, ...profile }: NewUser, origin: Origin = {}): Promise<UserRow> {
    const hash = origin.passwordHash ?? (password === undefined ? null : await this.hash(password, profile));
    const roles = origin.roles ?? ['user'];
    return this.db.transaction(async () => {
      const { emailVerified = false } = origin;
      const user = newUser(profile, { active: hash !== null, emailVerified, now: this.clock.now() });
      await this.users.insert(user);
      await this.access.grantRoles(user.id, roles);
      this.events.record(
        UserCreated,
        { userId: user.id, status: statusOf(user, user.createdAt) },
        { subject: `users/${user.id}`, version: 1, after: { ...pick(user, Object.keys(profile)), roles } },
      );
      if (hash !== null) await this.passwords.put(user.id, hash, origin.passwordChangeRequired);
      // What was written is what would be read: a statement less.
      return { ...user, roles: [...roles].sort() };
    });
  }

  /**
   * Changes the members that are given; `metadata` and `appMetadata` are merged (RFC 7396).
   * @param expected the version that the caller saw, or null
   * @throws EmailTaken, UsernameTaken, ExternalIdTaken, ValidationFailed, and what `lockFor` throws
   */
  patch(id: string, change: Partial<Profile>, expected: Versions, actor: Principal): Promise<UserRow> {
    return this.db.transaction(async () => {
      const user = await this.lockFor(actor, id, expected);
      refuseOwnAddress(user, change, actor);
      return this.edit(user, merged(user, change));
    });
  }

  /**
   * Puts this profile in the place of the present one: what it leaves out is empty afterwards.
   * @param agree throws if the caller sees the user otherwise than they are
   * @throws EmailTaken, UsernameTaken, ExternalIdTaken, and what `lockFor` throws
   */
  replace(
    id: string,
    profile: NewUser,
    agree: (present: UserRow) => void,
    expected: Versions,
    actor: Principal,
  ): Promise<UserRow> {
    return this.db.transaction(async () => {
      const user = await this.lockFor(actor, id, expected);
      agree(await this.get(id));
      refuseOwnAddress(user, profile, actor);
      return this.edit(user, { ...EMPTY, ...profile });
    });
  }

  /** Called in the transaction in which an administrator gives a user another address. */
  onEmailChanged(hook: EmailChanged): void {
    this.hooks.push(hook);
  }

  /** Changes oneself: here nobody is above anybody. @throws UsernameTaken, ValidationFailed, PreconditionFailed */
  patchOwn(id: string, change: Partial<Profile>, expected: Versions): Promise<UserRow> {
    return this.db.transaction(async () => {
      const user = await this.lock(id);
      refuseStale(user, expected);
      return this.edit(user, merged(user, change));
    });
  }

  /**
   * The address is theirs, for they have proved it. Part of the transaction of a caller who has locked the user.
   * @param email the one that they have, or another one @throws EmailTaken
   */
  async proveEmail(user: User, email: string): Promise<void> {
    const before = pick(user, ['email']);
    const { emailKey } = user;
    user.edit({ email });
    user.emailVerifiedAt ??= this.clock.now();
    user.touch(this.clock.now());
    await this.users.update(user);
    const circumstances = { subject: `users/${user.id}`, version: user.version, before, after: pick(user, ['email']) };
    this.events.record(
      emailKey === user.emailKey ? UserEmailVerified : UserEmailChanged,
      { userId: user.id },
      circumstances,
    );
  }

  /** An invited user has chosen a password: they are active, and the address is theirs. As `proveEmail`. */
  async activate(user: User, passwordHash: string, name: string | null): Promise<void> {
    const now = this.clock.now();
    user.activatedAt = now;
    user.emailVerifiedAt ??= now;
    if (name !== null) user.edit({ name });
    user.touch(now);
    await this.users.update(user);
    this.events.record(UserActivated, { userId: user.id }, { subject: `users/${user.id}`, version: user.version });
    await this.passwords.put(user.id, passwordHash);
  }

  /** A sign-in is not a change that raises the version. Part of the caller's transaction. */
  async signedIn(id: string): Promise<void> {
    await this.users.signedIn(id, this.clock.now());
  }

  /** The user, locked until the transaction ends. @throws UserNotFound (also when deleted) */
  async lock(id: string): Promise<User> {
    const user = await this.users.lock(id);
    if (!user || user.deletedAt) throw new UserNotFound();
    user.settle(this.clock.now());
    return user;
  }

  /**
   * The user, locked for a change by somebody. What the caller may not do is refused before what they did not know
   * (RFC 9110, 13.2.1). @throws UserNotFound, PrivilegeCeiling, PreconditionFailed
   */
  async lockFor(actor: Principal, id: string, expected: Versions): Promise<User> {
    const user = await this.lock(id);
    await this.access.refuseOver(actor, id);
    refuseStale(user, expected);
    return user;
  }

  private async edit(user: User, wanted: Partial<Profile>): Promise<UserRow> {
    const change = wanted.email === undefined ? wanted : { ...wanted, email: wanted.email.trim() };
    const members = Object.keys(change).filter(
      (name) => !isDeepStrictEqual(user[name as keyof Profile], change[name as keyof Profile]),
    );
    if (members.length === 0) return this.get(user.id);
    const before = pick(user, members);
    const { email, emailKey } = user;
    user.edit(change);
    user.touch(this.clock.now());
    await this.users.update(user);
    const circumstances = { subject: `users/${user.id}`, version: user.version, before, after: pick(user, members) };
    this.events.record(UserUpdated, { userId: user.id, members }, circumstances);
    if (user.emailKey !== emailKey) for (const hook of this.hooks) await hook(user, { email, emailKey });
    return this.get(user.id);
  }

  private hash(password: string, { email, name, username }: NewUser): Promise<string> {
    return this.passwords.hashNew(password, { email, name, username: username ?? undefined }, '/password');
  }
}

/** Who is signed in for long, or was left unwatched, must not lose the account: `/me/email` asks who they are. */
function refuseOwnAddress({ id, emailKey }: User, { email }: Partial<Profile>, actor: Principal): void {
  if (id !== actor.userId || email === undefined || normalEmail(email) === emailKey) return;
  throw refusal([{ pointer: '/email', code: 'own_email', detail: 'is your own: ask for another at /api/v1/me/email' }]);
}
