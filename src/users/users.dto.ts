import { isDeepStrictEqual } from 'node:util';

import { ApiProperty, ApiSchema } from '@nestjs/swagger';

import { Examples } from '../platform/http/examples.js';
import { Locale } from '../platform/http/intl.properties.js';
import { PageResponse } from '../platform/http/lists/list-query.js';
import { Flag, Id, ListOf, Moment, Nested, OneOf, ReadOnly, Whole } from '../platform/http/properties.js';
import { refusal } from '../platform/http/validation.pipe.js';
import { USER_STATUSES, statusOf, versionOf } from './user.entity.js';
import type { UserRow, UserStatus } from './user.entity.js';
import { SuspensionResponse } from './user-status.dto.js';
import {
  AppMetadata,
  EmailAddress,
  ExternalId,
  FullName,
  Metadata,
  NewPassword,
  Phone,
  Roles,
  Timezone,
  Username,
} from './users.properties.js';
import type { NewUser } from './new-user.js';

@ApiSchema({ name: 'CreateUserRequest' })
@Examples({
  'With a password': {
    email: 'ada@example.com',
    name: 'Ada Lovelace',
    username: 'ada',
    password: 'correct horse battery staple',
  },
  Invited: { email: 'alan@example.com', name: 'Alan Turing' },
  Everything: {
    email: 'edsger@example.com',
    name: 'Edsger Dijkstra',
    username: 'edsger',
    phone: '+31402479111',
    locale: 'nl-NL',
    timezone: 'Europe/Amsterdam',
    externalId: 'hr-1930',
    metadata: { theme: 'dark' },
    appMetadata: { plan: 'team', seats: 5 },
    password: 'the shortest path is never crowded',
  },
})
export class CreateUserRequest {
  @EmailAddress() email!: string;
  @FullName() name!: string;
  @Username({ optional: true }) username?: string | null;
  @Phone({ optional: true }) phone?: string | null;
  @Locale({ optional: true }) locale?: string;
  @Timezone({ optional: true }) timezone?: string | null;
  @ExternalId({ optional: true }) externalId?: string | null;
  @Metadata({ optional: true }) metadata?: object;
  @AppMetadata({ optional: true }) appMetadata?: object;
  @NewPassword({ optional: true })
  password?: string;
}

@ApiSchema({ name: 'PatchUserRequest' })
@Examples({
  'Another name': { name: 'Ada King' },
  'Another address': { email: 'ada.king@example.com' },
  'Clear members': { username: null, phone: null },
  'What administrators keep': { externalId: 'hr-1815', appMetadata: { plan: 'enterprise' } },
})
export class PatchUserRequest {
  @EmailAddress({ optional: true }) email?: string;
  @FullName({ optional: true }) name?: string;
  @Username({ optional: true }) username?: string | null;
  @Phone({ optional: true }) phone?: string | null;
  @Locale({ optional: true }) locale?: string;
  @Timezone({ optional: true }) timezone?: string | null;
  @ExternalId({ optional: true }) externalId?: string | null;
  @Metadata({ optional: true }) metadata?: object;
  @AppMetadata({ optional: true }) appMetadata?: object;
}

@ApiSchema({ name: 'User' })
export class UserResponse {
  @Id({ about: 'The id (UUIDv7)', example: '01a1fb89-a690-7530-90c7-ac334b01292e' }) id!: string;
  @EmailAddress() email!: string;
  @Flag({ about: 'The address was confirmed', example: true }) emailVerified!: boolean;
  @FullName() name!: string;
  @Username() username!: string | null;
  @Phone() phone!: string | null;
  @Locale() locale!: string;
  @Timezone() timezone!: string | null;
  @OneOf(USER_STATUSES, 'UserStatus', { about: 'Where the account stands', example: 'active' }) status!: UserStatus;
  @Nested(() => SuspensionResponse, { about: 'The suspension, while there is one', example: null, nullable: true })
  suspension!: SuspensionResponse | null;
  @Roles('Roles', ['user'], 1000) roles!: string[];
  @Metadata() metadata!: object;
  @AppMetadata() appMetadata!: object;
  @ExternalId() externalId!: string | null;
  @Moment({ about: 'When it was created', example: '2026-11-21T10:00:00.000Z' }) createdAt!: string;
  @Moment({ about: 'When it last changed', example: '2026-11-21T10:00:00.000Z' }) updatedAt!: string;
  @Moment({ about: 'When they last signed in', example: null, nullable: true }) lastSignInAt!: string | null;
  @Moment({ about: 'When the account is deleted, if its owner wants that', example: null, nullable: true })
  deletionDueAt!: string | null;
  @Whole({ about: 'Rises with every change; also in the ETag', example: 1, min: 1, max: 2_147_483_647 })
  version!: number;

  static from(row: UserRow, now: Date): UserResponse {
    const status = statusOf(row, now);
    return {
      id: row.id,
      email: row.email,
      emailVerified: row.emailVerifiedAt !== null,
      name: row.name,
      username: row.username,
      phone: row.phone,
      locale: row.locale,
      timezone: row.timezone,
      status,
      suspension:
        status === 'suspended'
          ? {
              since: row.suspendedAt!.toISOString(),
              until: row.suspendedUntil?.toISOString() ?? null,
              reason: row.suspensionReason!,
            }
          : null,
      roles: row.roles,
      metadata: row.metadata,
      appMetadata: row.appMetadata,
      externalId: row.externalId,
      createdAt: row.createdAt.toISOString(),
      updatedAt: row.updatedAt.toISOString(),
      lastSignInAt: row.lastSignInAt?.toISOString() ?? null,
      deletionDueAt: row.deletionDueAt?.toISOString() ?? null,
      version: versionOf(row, now),
    };
  }
}

export const USER_FIELDS: readonly string[] = [
  'id',
  'email',
  'emailVerified',
  'name',
  'username',
  'phone',
  'locale',
  'timezone',
  'status',
  'suspension',
  'roles',
  'metadata',
  'appMetadata',
  'externalId',
  'createdAt',
  'updatedAt',
  'lastSignInAt',
  'deletionDueAt',
  'version',
];

const moment = { type: String, format: 'date-time' };

/** What a GET answered may be sent back as it is, with changes: the members that are not the caller's to write have to be equal. */
@ApiSchema({ name: 'ReplaceUserRequest' })
@Examples({
  'All that can be written': {
    email: 'ada@example.com',
    name: 'Ada King, Countess of Lovelace',
    username: 'ada',
    phone: '+442071838750',
    locale: 'en-GB',
    timezone: 'Europe/London',
    externalId: 'hr-1815',
    metadata: { theme: 'light' },
    appMetadata: { plan: 'team' },
  },
  'As little as possible': { email: 'ada@example.com', name: 'Ada Lovelace' },
})
export class ReplaceUserRequest {
  @EmailAddress() email!: string;
  @FullName() name!: string;
  @Username({ optional: true }) username?: string | null;
  @Phone({ optional: true }) phone?: string | null;
  @Locale({ optional: true }) locale?: string;
  @Timezone({ optional: true }) timezone?: string | null;
  @ExternalId({ optional: true }) externalId?: string | null;
  @Metadata({ optional: true }) metadata?: object;
  @AppMetadata({ optional: true }) appMetadata?: object;
  @ReadOnly({ type: String, format: 'uuid' }, 'The id', '01a1fb89-a690-7530-90c7-ac334b01292e') id?: unknown;
  @ReadOnly({ type: Boolean }, 'The address was confirmed', true) emailVerified?: unknown;
  @ReadOnly({ enum: [...USER_STATUSES], enumName: 'UserStatus' }, 'Where the account stands', 'active')
  status?: unknown;
  @ReadOnly({ type: () => SuspensionResponse, nullable: true }, 'The suspension', null) suspension?: unknown;
  @ReadOnly({ type: 'array', items: { type: 'string' } }, 'Roles', ['user']) roles?: unknown;
  @ReadOnly(moment, 'When it was created', '2026-11-21T10:00:00.000Z') createdAt?: unknown;
  @ReadOnly(moment, 'When it last changed', '2026-11-21T10:00:00.000Z') updatedAt?: unknown;
  @ReadOnly({ ...moment, nullable: true }, 'When they last signed in', null) lastSignInAt?: unknown;
  @ReadOnly({ ...moment, nullable: true }, 'When the account is deleted', null) deletionDueAt?: unknown;
  @ReadOnly({ type: 'integer' }, 'The version', 1) version?: unknown;

  /** What the caller writes. */
  profile(): NewUser {
    return Object.fromEntries(Object.entries(this).filter(([name]) => !READ_ONLY.has(name))) as unknown as NewUser;
  }

  /** @throws ValidationFailed for each member that the caller only repeats, and that is not what it is at present */
  refuseUnlike(present: UserResponse): void {
    const faults = Object.entries(this)
      .filter(([name, value]) => READ_ONLY.has(name) && !isDeepStrictEqual(value, present[name as keyof UserResponse]))
      .map(([name]) => ({
        pointer: `/${name}`,
        code: 'read_only',
        detail: 'cannot be written; leave it out, or send what it is',
      }));
    if (faults.length > 0) throw refusal(faults);
  }
}

const READ_ONLY: ReadonlySet<string> = new Set([
  'id',
  'emailVerified',
  'status',
  'suspension',
  'roles',
  'createdAt',
  'updatedAt',
  'lastSignInAt',
  'deletionDueAt',
  'version',
]);

@ApiSchema({ name: 'UserPage' })
export class UserPageResponse {
  @ListOf(() => UserResponse, 'The users of this page') data!: UserResponse[];
  @ApiProperty({ type: PageResponse, description: 'Where the page stands' }) page!: PageResponse;
}
