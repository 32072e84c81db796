import { Injectable } from '@nestjs/common';

import { rolesOfSql } from '../access/index.js';
import { Database, lookup, statement } from '../platform/database/database.js';
import { isCancelled, violatedUnique } from '../platform/database/database-errors.js';
import { turnSql } from '../platform/database/turn.js';
import type { PageStatement } from '../platform/http/lists/keyset.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import { User } from './user.entity.js';
import type { UserRow } from './user.entity.js';
import { EmailTaken, ExternalIdTaken, UsernameTaken } from './users.contract.js';

const OWN_COLUMNS = `u.id, u.email, u.email_verified_at AS "emailVerifiedAt", u.name, u.username, u.phone, u.locale, u.timezone,
  u.external_id AS "externalId", u.metadata, u.app_metadata AS "appMetadata", u.activated_at AS "activatedAt",
  u.suspended_at AS "suspendedAt", u.suspended_until AS "suspendedUntil", u.suspension_reason AS "suspensionReason",
  u.deleted_at AS "deletedAt", u.deletion_due_at AS "deletionDueAt", u.created_at AS "createdAt", u.updated_at AS "updatedAt",
  u.last_sign_in_at AS "lastSignInAt", u.version`;
export const USER_COLUMNS = `${OWN_COLUMNS}, ${rolesOfSql('u.id')} AS roles`;

const FIND = lookup('users_find', `SELECT ${USER_COLUMNS} FROM roster.users u WHERE u.id = $1`);
// A user name has no "@" and an address has one, so at most one row is found.
const FIND_BY_IDENTIFIER = lookup(
  'users_find_by_identifier',
  `SELECT ${USER_COLUMNS} FROM roster.users u WHERE u.deleted_at IS NULL AND (u.email_key = $1 OR u.username_key = $2)`,
);
const LOCK = statement(
  'users_lock',
  `WITH ${turnSql(`'users/' || CAST($1 AS uuid)`)}
   SELECT ${OWN_COLUMNS}, u.email_key AS "emailKey", u.name_key AS "nameKey", u.username_key AS "usernameKey"
   FROM turn, roster.users u WHERE u.id = CAST($1 AS uuid) FOR UPDATE OF u`,
);
const SIGNED_IN = statement('users_signed_in', 'UPDATE roster.users SET last_sign_in_at = $2 WHERE id = $1');
// By TypeORM's builder it cost three times the CPU (measured).
const INSERT = statement(
  'users_insert',
  `INSERT INTO roster.users (id, email, email_key, email_verified_at, name, name_key, username, username_key, phone, locale,
     timezone, external_id, metadata, app_metadata, activated_at, created_at, updated_at, version)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
);
/** Whoever is about to leave is nobody to rely upon. */
const STAYS = `deleted_at IS NULL AND deletion_due_at IS NULL AND activated_at IS NOT NULL
  AND (suspended_at IS NULL OR suspended_until <= $2)`;

/** Whose deletion is due, and since when. */
export interface Due {
  readonly id: string;
  readonly dueAt: Date;
}

@Injectable()
export class UsersRepository {
  constructor(private readonly db: Database) {}

  find(id: string): Promise<UserRow | null> {
    return this.db.row(FIND, [id]);
  }

  findByIdentifier(emailKey: string, usernameKey: string): Promise<UserRow | null> {
    return this.db.row(FIND_BY_IDENTIFIER, [emailKey, usernameKey]);
  }

  /**
   * The user, whom nobody else can change until the transaction ends; asked for before anything is written, so that the
   * facts about them are in the order of their versions (platform/database/turn.ts).
   */
  async lock(id: string): Promise<User | null> {
    const row = await this.db.row<User>(LOCK, [id]);
    return row && Object.assign(new User(), row);
  }

  /** A user whom nothing has happened to yet. @throws EmailTaken, UsernameTaken, ExternalIdTaken */
  async insert(user: User): Promise<void> {
    const { id, email, emailKey, emailVerifiedAt, name, nameKey, username, usernameKey, phone, locale } = user;
    const { timezone, externalId, metadata, appMetadata, activatedAt, createdAt, updatedAt, version } = user;
    const values = [
      ...[id, email, emailKey, emailVerifiedAt, name, nameKey, username, usernameKey, phone, locale],
      ...[timezone, externalId, metadata, appMetadata, activatedAt, createdAt, updatedAt, version],
    ];
    await unlessTaken(this.db.change(INSERT, values));
  }

  /** @throws EmailTaken, UsernameTaken, ExternalIdTaken */
  async update(user: User): Promise<void> {
    const { id, ...columns } = user;
    await unlessTaken(this.db.repository(User).update({ id }, columns as never));
  }

  async signedIn(id: string, at: Date): Promise<void> {
    await this.db.change(SIGNED_IN, [id, at]);
  }

  /** How many of these are active, and will be. */
  async countStaying(ids: readonly string[], at: Date): Promise<number> {
    const row = await this.db.row<{ count: number }>(
      `SELECT count(*)::int AS count FROM roster.users WHERE id = ANY($1) AND ${STAYS}`,
      [ids, at],
    );
    return row!.count;
  }

  /** Some whose deletion is due, the longest due first, beyond the last one that was looked at. */
  dueForDeletion(now: Date, after: Due | null, limit: number): Promise<Due[]> {
    const beyond = after ? 'AND (deletion_due_at, id) > ($3, $4)' : '';
    return this.db.rows(
      `SELECT id, deletion_due_at AS "dueAt" FROM roster.users
       WHERE deletion_due_at <= $1 AND deleted_at IS NULL ${beyond} ORDER BY deletion_due_at, id LIMIT $2`,
      [now, limit, ...(after ? [after.dueAt, after.id] : [])],
    );
  }

  /** One page; a question that no index serves is cut by the server. @throws FilterTooCostly */
  page(statement: PageStatement): Promise<(UserRow & { sort_key: string | null })[]> {
    const { name, text, parameters } = statement;
    return unlessTooCostly(this.db.rows(name === undefined ? text : { name, text }, parameters));
  }

  /** How many there are, counted no further than `most`. @throws FilterTooCostly */
  async count(where: string, parameters: readonly unknown[], most: number): Promise<number> {
    const text = `SELECT count(*)::int AS count FROM (SELECT 1 FROM roster.users u WHERE ${where} LIMIT ${most}) counted`;
    return (await unlessTooCostly(this.db.row<{ count: number }>(text, [...parameters])))!.count;
  }

  /** How many the planner expects: no row is read. */
  async estimate(where: string, parameters: readonly unknown[]): Promise<number> {
    type Plan = { 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] };
    const row = await this.db.row<Plan>(`EXPLAIN (FORMAT JSON) SELECT 1 FROM roster.users u WHERE ${where}`, [
      ...parameters,
    ]);
    return row!['QUERY PLAN'][0].Plan['Plan Rows'];
  }
}

const TAKEN: Record<string, () => Error> = {
  users_email_key_idx: () =>
    new EmailTaken(undefined, [{ pointer: '/email', code: 'email_taken', detail: 'is already in use' }]),
  users_username_key_idx: () =>
    new UsernameTaken(undefined, [{ pointer: '/username', code: 'username_taken', detail: 'is already in use' }]),
  users_external_id_idx: () =>
    new ExternalIdTaken(undefined, [
      { pointer: '/externalId', code: 'external_id_taken', detail: 'is already in use' },
    ]),
};

export async function unlessTaken(writing: Promise<unknown>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    throw TAKEN[violatedUnique(error) ?? '']?.() ?? error;
  }
}

async function unlessTooCostly<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    throw isCancelled(error) ? new FilterTooCostly() : error;
  }
}
