import { Injectable } from '@nestjs/common';

import { Access, PrivilegeCeiling } from '../access/index.js';
import { Events } from '../events/index.js';
import { ForeignPasswords } from '../passwords/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Problem } from '../platform/contract/problem.js';
import type { FieldFault } from '../platform/contract/problem.js';
import { checked, refusal } from '../platform/http/validation.pipe.js';
import { newUser } from './new-user.js';
import { normalEmail, normalUsername } from './normal-forms.js';
import { pick } from './profile-changes.js';
import { MOST_CHANGED, Standings, TAKEN, refusalOf } from './standings.js';
import type { BulkUser, Outcome, Terms } from './standings.js';
import { UpdatesInBulk } from './updates-in-bulk.service.js';
import type { RefusedRoles } from './updates-in-bulk.service.js';
import { statusOf } from './user.entity.js';
import type { User } from './user.entity.js';
import { AssignRoles, EmailTaken, UserCreated } from './users.contract.js';
import { USER_FIELDS, UserResponse } from './users.dto.js';
import { ImportedUserRequest } from './users-in-bulk.dto.js';
import { UsersInBulkRepository } from './users-in-bulk.repository.js';
import { UsersList } from './users.list.js';

/** What whoever is new gets unasked: only whoever is there already has to be given it. */
const USUAL: readonly string[] = ['user'];
const SUSPENDED = 'Suspended where they were imported from';

const UNREADABLE = {
  pointer: '/passwordHash',
  code: 'hash_unknown',
  detail: 'is of no kind that is known, or would cost too much to verify',
};

export interface UsersPage {
  readonly users: readonly UserResponse[];
  readonly next: string | null;
  /** About how many there are; known with the first page. */
  readonly total: number | null;
}

/** Many users at once, by the rules for one: whoever cannot be taken is told of, and stops nobody else. */
@Injectable()
export class UsersInBulk {
  /** What a file shows of each, in this order. */
  readonly members = USER_FIELDS;
  /** So many are changed by one transaction at most. */
  readonly mostChanged = MOST_CHANGED;

  constructor(
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly users: UsersInBulkRepository,
    private readonly updates: UpdatesInBulk,
    private readonly access: Access,
    private readonly foreign: ForeignPasswords,
    private readonly lists: UsersList,
  ) {}

  /**
   * One of them, held to the rules of `POST /users`.
   * @param fallbackName what they are called where nobody says how
   * @throws ValidationFailed
   */
  read(value: unknown, fallbackName: string | null): BulkUser {
    const {
      emailVerified = false,
      status,
      roles = null,
      passwordHash = null,
      ...profile
    } = checked(ImportedUserRequest, value);
    if (passwordHash !== null && !this.foreign.canVerify(passwordHash)) throw refusal([UNREADABLE]);
    const { email, username = null, externalId = null } = profile;
    return {
      profile,
      keys: {
        emailKey: normalEmail(email),
        usernameKey: username === null ? null : normalUsername(username),
        externalId,
      },
      fallbackName,
      emailVerified,
      suspended: status === 'suspended',
      roles,
      passwordHash,
    };
  }

  /** Some users as they leave, the oldest first, and where to go on; what `GET /users` shows of them. */
  async page(filter: string | undefined, cursor: string | null, limit: number): Promise<UsersPage> {
    const count = cursor === null ? 'estimated' : 'none';
    const query = { limit, count, sort: 'createdAt', filter, streamed: true } as const;
    const { rows, page } = await this.lists.page(cursor === null ? query : { ...query, cursor });
    const now = this.clock.now();
    return {
      users: rows.map((row) => UserResponse.from(row, now)),
      next: page.nextCursor,
      total: page.total ?? null,
    };
  }

  /**
   * Waits for the turns of those who are there and may be changed: the first thing that a transaction does, so that their
   * facts are in the order of their versions. Of no more than `mostChanged` at once.
   * @returns who they are, for `take`
   */
  async turnsFor(users: readonly BulkUser[]): Promise<ReadonlySet<string>> {
    if (users.length === 0) return new Set();
    const addresses = new Set(users.map(({ keys }) => keys.emailKey));
    const present = await this.users.having(users.map(({ keys }) => keys));
    const ids = present.filter(({ emailKey }) => addresses.has(emailKey)).map(({ id }) => id);
    if (ids.length > 0) await this.users.takeTurns(ids);
    return new Set(ids);
  }

  /**
   * Takes them over in the caller's transaction, in as many statements as for a few. No two of them may share a key.
   * @returns what became of each, in their order
   * @throws EmailTaken, UsernameTaken, ExternalIdTaken if somebody else was quicker: then one at a time finds out who
   */
  async take(users: readonly BulkUser[], terms: Terms): Promise<Outcome[]> {
    const outcomes = new Map<BulkUser, Outcome>();
    const refused = await this.refusedRoles(
      namedBy(users).filter((role) => !USUAL.includes(role)),
      terms.actor,
    );
    for (const user of users) {
      const fault = user.roles?.flatMap((role) => refused.get(role) ?? [])[0];
      if (fault) outcomes.set(user, { status: 'failed', userId: null, fault });
    }
    const allowed = users.filter((user) => !outcomes.has(user));
    if (!terms.dryRun) await this.create(allowed, outcomes);
    const rest = allowed.filter((user) => !outcomes.has(user));
    if (rest.length > 0) await this.settle(rest, terms, outcomes);
    return users.map((user) => outcomes.get(user)!);
  }

  /** Adds those whom nobody stands in the way of. */
  private async create(users: readonly BulkUser[], outcomes: Map<BulkUser, Outcome>): Promise<void> {
    const named = users.filter(({ profile, fallbackName }) => profile.name !== undefined || fallbackName !== null);
    if (named.length === 0) return;
    const made = named.map((user) => this.make(user));
    const inserted = await this.users.insertAll(made);
    const pairs = named.map((from, at) => ({ from, user: made[at]! })).filter(({ user }) => inserted.has(user.id));
    if (pairs.length === 0) return;
    const grants = pairs.flatMap(({ from, user }) => (from.roles ?? USUAL).map((role) => [user.id, role] as const));
    await this.access.grantToAll(
      grants.map(([id]) => id),
      grants.map(([, role]) => role),
    );
    for (const { from, user } of pairs) {
      this.tell(user, from);
      outcomes.set(from, { status: 'created', userId: user.id, fault: null });
    }
    const hashed = pairs.filter(({ from }) => from.passwordHash !== null);
    if (hashed.length === 0) return;
    await this.foreign.bring(
      hashed.map(({ user }) => user.id),
      hashed.map(({ from }) => from.passwordHash!),
    );
  }

  private make({ profile, fallbackName, passwordHash, emailVerified, suspended }: BulkUser): User {
    const now = this.clock.now();
    const named = { ...profile, name: profile.name ?? fallbackName! };
    const user = newUser(named, { active: passwordHash !== null, emailVerified, now });
    if (suspended) user.suspend(now, SUSPENDED, null);
    return user;
  }

  /** One fact a row: that a password came along is said in it. */
  private tell(user: User, { profile, roles, passwordHash }: BulkUser): void {
    const after = { ...pick(user, Object.keys(profile)), roles: roles ?? USUAL, hasPassword: passwordHash !== null };
    this.events.record(
      UserCreated,
      { userId: user.id, status: statusOf(user, user.createdAt) },
      { subject: `users/${user.id}`, version: 1, after },
    );
  }

  /** Somebody stands in their way, or has no name. */
  private async settle(users: readonly BulkUser[], terms: Terms, outcomes: Map<BulkUser, Outcome>): Promise<void> {
    const standings = new Standings(await this.users.having(users.map(({ keys }) => keys)));
    const changes: { from: BulkUser; id: string }[] = [];
    for (const user of users) {
      const standing = standings.of(user, terms);
      if ('change' in standing) changes.push({ from: user, id: standing.change });
      else outcomes.set(user, standing);
    }
    if (changes.length === 0) return;
    // They came after we had asked whose turn to wait for: whoever asks again finds them.
    if (!terms.dryRun && changes.some(({ id }) => !terms.turns.has(id))) throw new EmailTaken(undefined, [TAKEN.email]);
    const usual = namedBy(changes.map(({ from }) => from)).filter((role) => USUAL.includes(role));
    const changed = await this.updates.apply(changes, terms, await this.refusedRoles(usual, terms.actor));
    changes.forEach(({ from }, at) => outcomes.set(from, changed[at]!));
  }

  /** Those of these roles that the actor may not give, or that there are not, with the reason. */
  private async refusedRoles(roles: readonly string[], actor: Terms['actor']): Promise<RefusedRoles> {
    const refused = new Map<string, FieldFault>();
    for (const role of roles) {
      try {
        if (actor === null) await this.access.refuseUnknown([role]);
        else if (actor.permissions.has(AssignRoles.name)) await this.access.refuseAbove(actor, [role]);
        else throw new PrivilegeCeiling();
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        refused.set(role, refusalOf(error, '/roles'));
      }
    }
    return refused;
  }
}

/** Each once. */
function namedBy(users: readonly BulkUser[]): string[] {
  return [...new Set(users.flatMap(({ roles }) => roles ?? []))];
}
