import { ApiSchema } from '@nestjs/swagger';

import { Locale } from '../platform/http/intl.properties.js';
import { Flag, OneOf, Text } from '../platform/http/properties.js';
import { USER_STATUSES } from './user.entity.js';
import type { UserStatus } from './user.entity.js';
import {
  AppMetadata,
  EmailAddress,
  ExternalId,
  FullName,
  Metadata,
  Phone,
  Roles,
  Timezone,
  Username,
} from './users.properties.js';

/** A user as a file tells of them: what `POST /users` takes, by the same rules, and what only an import brings along. */
@ApiSchema({ name: 'ImportedUser' })
export class ImportedUserRequest {
  @EmailAddress() email!: string;
  @FullName({ optional: true }) name?: string;
  @Username({ optional: true }) username?: string | null;
  @Phone({ optional: true }) phone?: string | null;
  @Locale({ optional: true }) locale?: string;
  @Timezone({ optional: true }) timezone?: string | null;
  @ExternalId({ optional: true }) externalId?: string | null;
  @Metadata({ optional: true }) metadata?: object;
  @AppMetadata({ optional: true }) appMetadata?: object;
  @Flag({ about: 'The address was confirmed where they come from', example: true, optional: true })
  emailVerified?: boolean;
  @OneOf(USER_STATUSES, 'UserStatus', {
    about: 'Whoever was suspended there is suspended here',
    example: 'active',
    optional: true,
  })
  status?: UserStatus;
  @Roles('Roles; `user` if none are given', ['user'], 100, { optional: true }) roles?: string[];
  @Text({
    about: 'A password hash: argon2, bcrypt, scrypt or PBKDF2',
    example: '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy',
    max: 2000,
    optional: true,
    nullable: true,
    writeOnly: true,
  })
  passwordHash?: string | null;
}
