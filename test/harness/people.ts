import { randomBytes } from 'node:crypto';

import { SessionTokens } from '../../src/auth/session-tokens.service.js';
import { PasswordHasher } from '../../src/passwords/index.js';
import { Users } from '../../src/users/index.js';
import type { UserRow } from '../../src/users/index.js';
import type { NewUser } from '../../src/users/new-user.js';
import type { Answer, Household } from './household.js';
import { again } from './patience.js';

export const PASSWORD = 'quiet river under seven bridges';

/** A text that no other test has. */
export function unique(prefix: string): string {
  return `${prefix}${randomBytes(6).toString('hex')}`;
}

type Options = { body?: unknown; headers?: Record<string, string> };

/** Somebody with an account, signed in, and what they can ask for. */
export class Person {
  constructor(
    readonly app: Household,
    readonly user: UserRow,
    readonly token: string,
    readonly refreshToken: string,
    readonly sessionId: string,
  ) {}

  get id(): string {
    return this.user.id;
  }

  send<T = never>(method: string, url: string, options: Options = {}): Promise<Answer<T>> {
    return this.app.send<T>(method, url, { ...options, token: this.token });
  }

  get<T = never>(url: string, headers?: Record<string, string>): Promise<Answer<T>> {
    return this.send<T>('GET', url, { headers });
  }

  post<T = never>(url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>> {
    return this.send<T>('POST', url, { body, headers });
  }

  put<T = never>(url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>> {
    return this.send<T>('PUT', url, { body, headers });
  }

  patch<T = never>(url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>> {
    return this.send<T>('PATCH', url, { body, headers });
  }

  delete<T = never>(url: string, headers?: Record<string, string>): Promise<Answer<T>> {
    return this.send<T>('DELETE', url, { headers });
  }
}

/** Makes people of its own for each test; none has a name that another test may count on. */
export class People {
  private hash: Promise<string> | null = null;

  constructor(private readonly app: Household) {}

  /** An account with the password PASSWORD, hashed once for all. `invited: true` gives it none. */
  async user(
    profile: Partial<NewUser> = {},
    { roles = ['user'], invited = false }: { roles?: string[]; invited?: boolean } = {},
  ): Promise<UserRow> {
    this.hash ??= this.app.get(PasswordHasher).hash(PASSWORD);
    const passwordHash = invited ? undefined : await this.hash;
    const somebody = { email: `${unique('p')}@example.com`, name: unique('Person '), ...profile };
    return again(() => this.app.get(Users).create(somebody, { passwordHash, roles }));
  }

  /** Somebody signed in. */
  async person(profile: Partial<NewUser> = {}, roles: string[] = ['user']): Promise<Person> {
    return this.signIn(await this.user(profile, { roles }));
  }

  admin(profile: Partial<NewUser> = {}): Promise<Person> {
    return this.person(profile, ['admin', 'user']);
  }

  /** One more session of somebody, without going through the password. */
  async signIn(user: UserRow, amr = ['pwd']): Promise<Person> {
    const signIns = this.app.get(SessionTokens);
    const started = await again(() => signIns.start(user.id, amr));
    const { accessToken, refreshToken } = await signIns.give(started, user);
    return new Person(this.app, user, accessToken, refreshToken, started.session.id);
  }

  /** Somebody who asks by a personal token of theirs. */
  async byKey(person: Person, scopes: readonly string[]): Promise<Person> {
    const { body } = await person.post<{ secret: string }>('/api/v1/me/tokens', { name: unique('Key '), scopes });
    return new Person(this.app, person.user, body.secret, '', '');
  }

  /** Somebody with exactly these permissions, by a role of their own. */
  async withPermissions(...permissions: string[]): Promise<Person> {
    const role = unique('role_');
    await this.app.sql(
      "INSERT INTO roster.roles (name, about, built_in, created_at) VALUES ($1, 'for a test', false, now())",
      [role],
    );
    await this.app.sql('INSERT INTO roster.role_permissions (role, permission) SELECT $1, unnest($2::text[])', [
      role,
      permissions,
    ]);
    return this.person({}, ['user', role]);
  }
}
