import { flagAt, given, jsonAt, localPartOf, objectAt, textAt, usernameUnless, wordOf } from './format.js';
import type { Format, Members } from './format.js';

const DIGESTS = new Map([
  ['pbkdf2', 'sha1'],
  ['pbkdf2-sha256', 'sha256'],
  ['pbkdf2-sha512', 'sha512'],
]);

/** Keycloak: the `users` of a realm that was exported. */
export const KEYCLOAK: Format = {
  name: 'keycloak',
  hasColumns: () => false,
  hasObject: (first) =>
    'username' in first && ['credentials', 'createdTimestamp', 'enabled', 'realmRoles'].some((name) => name in first),
  map: (row) => {
    const email = textAt(row, 'email');
    const username = textAt(row, 'username');
    const name = [textAt(row, 'firstName'), textAt(row, 'lastName')].filter(Boolean).join(' ');
    const attributes = objectAt(row, 'attributes');
    const [locale] = [attributes['locale']].flat();
    return {
      user: given({
        email,
        emailVerified: flagAt(row, 'emailVerified'),
        name: name === '' ? undefined : name,
        username: usernameUnless(email, username),
        locale: typeof locale === 'string' && locale !== '' ? locale : undefined,
        externalId: textAt(row, 'id'),
        appMetadata: Object.keys(attributes).length > 0 ? attributes : undefined,
        status: flagAt(row, 'enabled') === false ? 'suspended' : undefined,
        passwordHash: hashOf(row),
      }),
      fallbackName: username ?? localPartOf(email),
    };
  },
};

function hashOf(row: Members): string | undefined {
  const credentials = [row['credentials']].flat() as (Members | undefined)[];
  const password = credentials.find((each) => each?.['type'] === 'password');
  if (!password) return undefined;
  const { value, salt } = objectIn(password, 'secretData');
  const of = objectIn(password, 'credentialData');
  const [tag, salted] = [unpadded(value), unpadded(salt)];
  const [algorithm, rounds] = [wordOf(of['algorithm']), wordOf(of['hashIterations'])];
  if (algorithm === 'argon2') return argon2(rounds, objectAt(of, 'additionalParameters'), salted, tag);
  const digest = DIGESTS.get(algorithm);
  // Of an algorithm that we do not know, the name is named.
  return digest ? `$pbkdf2-${digest}$i=${rounds}$${salted}$${tag}` : algorithm || 'unnamed';
}

/** Keycloak writes them as texts. */
function objectIn(row: Members, name: string): Members {
  return objectAt({ [name]: jsonAt(row, name) }, name);
}

function argon2(passes: string, parameters: Members, salt: string, tag: string): string {
  const of = (name: string): string => wordOf([parameters[name]].flat()[0]);
  return `$argon2${of('type')}$v=19$m=${of('memory')},t=${passes},p=${of('parallelism')}$${salt}$${tag}`;
}

function unpadded(base64: unknown): string {
  const text = wordOf(base64);
  let end = text.length;
  // Not by /=+$/, which takes the square of signs that are not at the end.
  while (text[end - 1] === '=') end -= 1;
  return text.slice(0, end);
}
