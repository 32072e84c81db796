import { FileRefused } from '../reading/source-row.js';
import { flagAt, given, jsonAt, localPartOf, phoneOf, textAt } from './format.js';
import type { Format, Members } from './format.js';

const PROVIDERS = ['google', 'facebook', 'twitter', 'github'].flatMap((provider) =>
  ['Id', 'Email', 'Name', 'Photo'].map((what) => `${provider}${what}`),
);
/** In the order of `firebase auth:export`, whose CSV names none. */
const COLUMNS = [
  ...['localId', 'email', 'emailVerified', 'passwordHash', 'salt', 'displayName', 'photoUrl'],
  ...PROVIDERS,
  ...['createdAt', 'lastSignedInAt', 'phoneNumber', 'disabled', 'customAttributes'],
];

/** Firebase: `auth:export`, as JSON or as CSV. */
export const FIREBASE: Format = {
  name: 'firebase',
  hasColumns: () => false,
  columnsOf: (first) => (first.length >= COLUMNS.length - 2 && ['true', 'false'].includes(first[2]!) ? COLUMNS : null),
  hasObject: (first) => 'localId' in first,
  map: (row, { firebasePrefix }) => {
    const email = textAt(row, 'email');
    return {
      user: given({
        email,
        emailVerified: flagAt(row, 'emailVerified'),
        name: textAt(row, 'displayName'),
        phone: phoneOf(textAt(row, 'phoneNumber')),
        externalId: textAt(row, 'localId'),
        appMetadata: jsonAt(row, 'customAttributes'),
        status: flagAt(row, 'disabled') ? 'suspended' : undefined,
        passwordHash: hashOf(row, firebasePrefix),
      }),
      fallbackName: localPartOf(email),
    };
  },
};

function hashOf(row: Members, prefix: string | null): string | undefined {
  const hash = textAt(row, 'passwordHash');
  if (hash === undefined) return undefined;
  if (prefix === null)
    throw new FileRefused(
      'hash_parameters_missing',
      'The file has password hashes of Firebase, which need the parameters of the project',
    );
  return `${prefix}$${textAt(row, 'salt') ?? ''}$${hash}`;
}
