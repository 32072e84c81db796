import { flagAt, given, localPartOf, objectAt, phoneOf, textAt, usernameUnless } from './format.js';
import type { Format, Members } from './format.js';

/** Auth0: exports of users and of password hashes (NDJSON), and what its own import reads (a list). */
export const AUTH0: Format = {
  name: 'auth0',
  hasColumns: () => false,
  hasObject: (first) =>
    'email' in first && ['user_id', '_id', 'email_verified', 'identities'].some((name) => name in first),
  map: (row) => {
    const email = textAt(row, 'email');
    const full = [textAt(row, 'given_name'), textAt(row, 'family_name')].filter(Boolean).join(' ');
    return {
      user: given({
        email,
        emailVerified: flagAt(row, 'email_verified'),
        name: textAt(row, 'name') ?? (full === '' ? undefined : full),
        username: usernameUnless(email, textAt(row, 'username')),
        phone: phoneOf(textAt(row, 'phone_number')),
        externalId: textAt(row, 'user_id') ?? idOfHash(row),
        metadata: row['user_metadata'],
        appMetadata: row['app_metadata'],
        status: flagAt(row, 'blocked') ? 'suspended' : undefined,
        passwordHash: textAt(row, 'passwordHash') ?? textAt(row, 'password_hash') ?? customHash(row),
      }),
      fallbackName: textAt(row, 'nickname') ?? localPartOf(email),
    };
  },
};

/** Hashes come in a file of their own, by the ids of Auth0's database connections. */
function idOfHash(row: Members): string | undefined {
  const id = textAt(objectAt(row, '_id'), '$oid');
  return id && `auth0|${id}`;
}

/** Of any algorithm that writes its parameters beside the hash; others are named by the check. */
function customHash(row: Members): string | undefined {
  const custom = objectAt(row, 'custom_password_hash');
  return textAt(objectAt(custom, 'hash'), 'value') ?? textAt(custom, 'algorithm');
}
