import { applyDecorators } from '@nestjs/common';

import { knownToIntl } from '../platform/http/intl.properties.js';
import { Email, JsonObject, Text, TextList } from '../platform/http/properties.js';
import { METADATA_BYTES } from './user.entity.js';

const USERNAME = /^[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}._-]{0,62}[\p{L}\p{N}\p{M}])?$/u;
const TIMEZONE = /^(?:UTC|[A-Za-z_]{1,30}(?:\/[A-Za-z0-9_+-]{1,30}){1,2})$/;
const PHONE = /^\+[1-9]\d{6,14}$/;
const ROLE = /^[a-z][a-z0-9_-]{0,63}$/;
export const VISIBLE = /^(?!\s)[^\p{Cc}\u2028\u2029]+$/u;

/** How a member stands in a request or an answer: `{ optional: true }` where it may be left out. */
interface Presence {
  readonly optional?: boolean;
}

export const EmailAddress = (presence: Presence = {}): PropertyDecorator =>
  Email({ about: 'E-mail address, shown as it was given', example: 'ada@example.com', ...presence });

export const FullName = (presence: Presence = {}): PropertyDecorator =>
  Text({
    about: 'Full name',
    example: 'Ada Lovelace',
    min: 1,
    max: 200,
    pattern: VISIBLE,
    says: 'must be one line that does not begin with a space',
    ...presence,
  });

export const Username = (presence: Presence = {}): PropertyDecorator =>
  Text({
    about: 'Another name to sign in with; no "@"',
    example: 'ada',
    min: 1,
    max: 64,
    pattern: USERNAME,
    code: 'username_invalid',
    says: 'must be letters, digits, ".", "_" or "-"',
    nullable: true,
    ...presence,
  });

export const Phone = (presence: Presence = {}): PropertyDecorator =>
  Text({
    about: 'Telephone number (E.164)',
    example: '+442071838750',
    min: 8,
    max: 16,
    pattern: PHONE,
    code: 'phone_invalid',
    says: 'must be a number as in E.164',
    nullable: true,
    ...presence,
  });

export const Timezone = (presence: Presence = {}): PropertyDecorator =>
  applyDecorators(
    Text({
      about: 'Time zone (IANA)',
      example: 'Europe/London',
      min: 1,
      max: 64,
      pattern: TIMEZONE,
      code: 'timezone_invalid',
      says: 'must be the name of a time zone',
      nullable: true,
      ...presence,
    }),
    knownToIntl(
      'isTimezone',
      (timeZone) => new Intl.DateTimeFormat('en', { timeZone }),
      'timezone_invalid',
      'must be the name of a time zone',
    ),
  );

export const ExternalId = (presence: Presence = {}): PropertyDecorator =>
  Text({
    about: 'The id of this user in another system',
    example: 'hr-1815',
    min: 1,
    max: 255,
    pattern: VISIBLE,
    nullable: true,
    ...presence,
  });

export const Metadata = (presence: Presence = {}): PropertyDecorator =>
  JsonObject({
    about: 'Whatever the user wants to keep; at most 16 KiB',
    example: { theme: 'dark' },
    maxBytes: METADATA_BYTES,
    ...presence,
  });

export const AppMetadata = (presence: Presence = {}): PropertyDecorator =>
  JsonObject({
    about: 'Whatever administrators want to keep; at most 16 KiB',
    example: { plan: 'team' },
    maxBytes: METADATA_BYTES,
    ...presence,
  });

export const NewPassword = (presence: Presence = {}): PropertyDecorator =>
  Text({
    about: 'At least 15 characters, of any kind. Without one the user is invited, and sets their own',
    example: 'correct horse battery staple',
    min: 1,
    max: 1024,
    format: 'password',
    writeOnly: true,
    ...presence,
  });

/** @param maxItems what a request may name; answers have no such bound */
export const Roles = (
  about: string,
  example: readonly string[],
  maxItems: number,
  presence: Presence = {},
): PropertyDecorator => TextList({ about, example, max: 64, maxItems, pattern: ROLE, ...presence });
