import { ApiSchema } from '@nestjs/swagger';

import { Locale } from '../platform/http/intl.properties.js';
import { Flag, OneOf, Text } from '../platform/http/properties.js';
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

/** Nobody who was deleted there comes back here. */
const IMPORTED_STATUSES = ['active', 'invited', 'suspended'] as const;

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
  @OneOf(IMPORTED_STATUSES, 'ImportedUserStatus', {
    about: 'Whoever was suspended there is suspended here',
    example: 'active',
    optional: true,
  })
  status?: (typeof IMPORTED_STATUSES)[number];
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
