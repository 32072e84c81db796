import { ApiProperty, ApiSchema, OmitType } from '@nestjs/swagger';

import {
  Email,
  Flag,
  Id,
  JsonObject,
  ListOf,
  Moment,
  Nested,
  OneOf,
  ReadOnly,
  Text,
  TextList,
  Whole,
} from '../platform/http/properties.js';
import { PageResponse } from '../platform/http/lists/list-query.js';
import { USER_STATUSES, statusOf } from './user.entity.js';
import type { UserStatus } from './user.entity.js';
import type { UserRow } from './users.repository.js';

const METADATA_BYTES = 16 * 1024;
const USERNAME = /^[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}._-]{0,62}[\p{L}\p{N}\p{M}])?$/u;
const LOCALE = /^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}$/;
const TIMEZONE = /^(?:UTC|[A-Za-z_]{1,30}(?:\/[A-Za-z0-9_+-]{1,30}){1,2})$/;
const PHONE = /^\+[1-9]\d{6,14}$/;
export const ROLE_NAME = /^[a-z][a-z0-9_-]{0,63}$/;
const VISIBLE = /^(?!\s)[^\p{Cc}\u2028\u2029]+$/u;

const email = { about: 'E-mail address, shown as it was given', example: 'ada@example.com' };
const name = {
  about: 'Full name',
  example: 'Ada Lovelace',
  min: 1,
  max: 200,
  pattern: VISIBLE,
  says: 'must be one line that does not begin with a space',
};
const username = {
  about: 'Another name to sign in with; no "@"',
  example: 'ada',
  min: 1,
  max: 64,
  pattern: USERNAME,
  code: 'username_invalid',
  says: 'must be letters, digits, ".", "_" or "-"',
  nullable: true,
};
const phone = {
  about: 'Telephone number (E.164)',
  example: '+442071838750',
  min: 8,
  max: 16,
  pattern: PHONE,
  code: 'phone_invalid',
  says: 'must be a number as in E.164',
  nullable: true,
};
const locale = {
  about: 'Language (BCP 47)',
  example: 'en',
  min: 2,
  max: 35,
  pattern: LOCALE,
  code: 'locale_invalid',
  says: 'must be a language tag',
};
const timezone = {
  about: 'Time zone (IANA)',
  example: 'Europe/London',
  min: 1,
  max: 64,
  pattern: TIMEZONE,
  code: 'timezone_invalid',
  says: 'must be the name of a time zone',
  nullable: true,
};
const externalId = {
  about: 'The id of this user in another system',
  example: 'hr-1815',
  min: 1,
  max: 255,
  pattern: VISIBLE,
  nullable: true,
};
const metadata = {
  about: 'Whatever the user wants to keep; at most 16 KiB',
  example: { theme: 'dark' },
  maxBytes: METADATA_BYTES,
};
const appMetadata = {
  about: 'Whatever administrators want to keep; at most 16 KiB',
  example: { plan: 'team' },
  maxBytes: METADATA_BYTES,
};
const password = {
  about: 'Password: at least 15 characters, of any kind',
  example: 'correct horse battery staple',
  min: 1,
  max: 1024,
  format: 'password',
  writeOnly: true,
};

@ApiSchema({ name: 'CreateUserRequest' })
export class CreateUserRequest {
  @Email(email) email!: string;
  @Text(name) name!: string;
  @Text({ ...username, optional: true }) username?: string | null;
  @Text({ ...phone, optional: true }) phone?: string | null;
  @Text({ ...locale, optional: true }) locale?: string;
  @Text({ ...timezone, optional: true }) timezone?: string | null;
  @Text({ ...externalId, optional: true }) externalId?: string | null;
  @JsonObject({ ...metadata, optional: true }) metadata?: object;
  @JsonObject({ ...appMetadata, optional: true }) appMetadata?: object;
  @Text({ ...password, optional: true, about: 'Without one the user is invited, and sets their own' })
  password?: string;
}

@ApiSchema({ name: 'PatchUserRequest' })
export class PatchUserRequest {
  @Email({ ...email, optional: true }) email?: string;
  @Text({ ...name, optional: true }) name?: string;
  @Text({ ...username, optional: true }) username?: string | null;
  @Text({ ...phone, optional: true }) phone?: string | null;
  @Text({ ...locale, optional: true }) locale?: string;
  @Text({ ...timezone, optional: true }) timezone?: string | null;
  @Text({ ...externalId, optional: true }) externalId?: string | null;
  @JsonObject({ ...metadata, optional: true }) metadata?: object;
  @JsonObject({ ...appMetadata, optional: true }) appMetadata?: object;
}

@ApiSchema({ name: 'PatchMeRequest' })
export class PatchMeRequest {
  @Text({ ...name, optional: true }) name?: string;
  @Text({ ...username, optional: true }) username?: string | null;
  @Text({ ...phone, optional: true }) phone?: string | null;
  @Text({ ...locale, optional: true }) locale?: string;
  @Text({ ...timezone, optional: true }) timezone?: string | null;
  @JsonObject({ ...metadata, optional: true }) metadata?: object;
}

@ApiSchema({ name: 'Suspension' })
export class SuspensionResponse {
  @Moment({ about: 'Since when', example: '2026-11-21T10:00:00.000Z' }) since!: string;
  @Moment({ about: 'Until when; null: until it is lifted', example: null, nullable: true }) until!: string | null;
  @Text({ about: 'Why', example: 'Left the company', max: 500 }) reason!: string;
}

@ApiSchema({ name: 'SuspendUserRequest' })
export class SuspendUserRequest {
  @Text({ about: 'Why, for other administrators', example: 'Left the company', min: 1, max: 500, pattern: VISIBLE })
  reason!: string;
  @Moment({ about: 'When it ends by itself', example: '2027-01-01T00:00:00Z', optional: true, nullable: true }) until?:
    string | null;
}

@ApiSchema({ name: 'RolesRequest' })
export class RolesRequest {
  @TextList({
    about: 'Every role that the user has from now on',
    example: ['user'],
    max: 64,
    maxItems: 50,
    pattern: ROLE_NAME,
  })
  roles!: string[];
}

@ApiSchema({ name: 'Roles' })
export class RolesResponse {
  @TextList({
    about: 'Every role of the user',
    example: ['admin', 'user'],
    max: 64,
    maxItems: 1000,
    pattern: ROLE_NAME,
  })
  roles!: string[];
  @Whole({ about: 'The version of the user', example: 3, min: 1, max: 2_147_483_647 }) version!: number;
}

@ApiSchema({ name: 'User' })
export class UserResponse {
  @Id({ about: 'The id (UUIDv7)', example: '01a1fb89-a690-7530-90c7-ac334b01292e' }) id!: string;
  @Email(email) email!: string;
  @Flag({ about: 'The address was confirmed', example: true }) emailVerified!: boolean;
  @Text(name) name!: string;
  @Text(username) username!: string | null;
  @Text(phone) phone!: string | null;
  @Text(locale) locale!: string;
  @Text(timezone) timezone!: string | null;
  @OneOf(USER_STATUSES, 'UserStatus', { about: 'Where the account stands', example: 'active' }) status!: UserStatus;
  @Nested(() => SuspensionResponse, { about: 'The suspension, while there is one', example: null, nullable: true })
  suspension!: SuspensionResponse | null;
  @TextList({ about: 'Roles', example: ['user'], max: 64, maxItems: 1000, pattern: ROLE_NAME }) roles!: string[];
  @JsonObject(metadata) metadata!: object;
  @JsonObject(appMetadata) appMetadata!: object;
  @Text(externalId) externalId!: string | null;
  @Moment({ about: 'When it was created', example: '2026-11-21T10:00:00.000Z' }) createdAt!: string;
  @Moment({ about: 'When it last changed', example: '2026-11-21T10:00:00.000Z' }) updatedAt!: string;
  @Moment({ about: 'When they last signed in', example: null, nullable: true }) lastSignInAt!: string | null;
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
      version: row.version,
    };
  }
}

/** What people see of themselves: not what administrators keep about them. */
@ApiSchema({ name: 'Me' })
export class MeResponse extends OmitType(UserResponse, ['appMetadata'] as const) {
  static from(row: UserRow, now: Date): MeResponse {
    const { appMetadata: _, ...own } = UserResponse.from(row, now);
    return own;
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
  'version',
];

const moment = { type: String, format: 'date-time' };

/** What a GET answered may be sent back as it is, with changes: the members that are not the caller's to write have to be equal. */
@ApiSchema({ name: 'ReplaceUserRequest' })
export class ReplaceUserRequest {
  @Email(email) email!: string;
  @Text(name) name!: string;
  @Text({ ...username, optional: true }) username?: string | null;
  @Text({ ...phone, optional: true }) phone?: string | null;
  @Text({ ...locale, optional: true }) locale?: string;
  @Text({ ...timezone, optional: true }) timezone?: string | null;
  @Text({ ...externalId, optional: true }) externalId?: string | null;
  @JsonObject({ ...metadata, optional: true }) metadata?: object;
  @JsonObject({ ...appMetadata, optional: true }) appMetadata?: object;
  @ReadOnly({ type: String, format: 'uuid' }, 'The id', '01a1fb89-a690-7530-90c7-ac334b01292e') id?: unknown;
  @ReadOnly({ type: Boolean }, 'The address was confirmed', true) emailVerified?: unknown;
  @ReadOnly({ enum: [...USER_STATUSES], enumName: 'UserStatus' }, 'Where the account stands', 'active')
  status?: unknown;
  @ReadOnly({ type: () => SuspensionResponse, nullable: true }, 'The suspension', null) suspension?: unknown;
  @ReadOnly({ type: 'array', items: { type: 'string' } }, 'Roles', ['user']) roles?: unknown;
  @ReadOnly(moment, 'When it was created', '2026-11-21T10:00:00.000Z') createdAt?: unknown;
  @ReadOnly(moment, 'When it last changed', '2026-11-21T10:00:00.000Z') updatedAt?: unknown;
  @ReadOnly({ ...moment, nullable: true }, 'When they last signed in', null) lastSignInAt?: unknown;
  @ReadOnly({ type: 'integer' }, 'The version', 1) version?: unknown;

  /** What the caller writes, and what they only repeat. */
  parts(): { profile: CreateUserRequest; readOnly: object } {
    const { id, emailVerified, status, suspension, roles, createdAt, updatedAt, lastSignInAt, version, ...profile } =
      this;
    return {
      profile: profile as CreateUserRequest,
      readOnly: { id, emailVerified, status, suspension, roles, createdAt, updatedAt, lastSignInAt, version },
    };
  }
}

@ApiSchema({ name: 'UserPage' })
export class UserPageResponse {
  @ListOf(() => UserResponse, 'The users of this page') data!: UserResponse[];
  @ApiProperty({ type: PageResponse, description: 'Where the page stands' }) page!: PageResponse;
}
