import { jest } from '@jest/globals';

import { FileReader } from '../reading/file-reader.js';
import type { FileType, StagedRow } from '../reading/file-reader.js';
import { FORMATS } from '../import.entity.js';
import type { FormatName } from '../import.entity.js';
import { KEYCLOAK } from './keycloak.js';

const OPTIONS = { now: new Date(0), firebasePrefix: '$firebase' };
/** What a JSON file can hold where a text was expected: an object may have any members. */
const STRANGE: readonly unknown[] = [
  null,
  true,
  7,
  '',
  [],
  [[null]],
  [7],
  {},
  { toString: 1, valueOf: 1 },
  'constructor',
  '{"a":null}',
];
const NAMES = {
  roster: ['email', 'name', 'emailVerified', 'metadata', 'roles', 'passwordHash', 'status'],
  auth0: ['email', '_id', 'user_id', 'email_verified', 'name', 'blocked', 'app_metadata', 'custom_password_hash'],
  keycloak: ['email', 'username', 'emailVerified', 'enabled', 'attributes', 'credentials', 'firstName', 'id'],
  supabase: ['email', 'encrypted_password', 'raw_user_meta_data', 'email_confirmed', 'banned_until', 'deleted_at'],
  firebase: ['email', 'localId', 'emailVerified', 'disabled', 'customAttributes', 'passwordHash', 'salt'],
} satisfies Record<FormatName, string[]>;

function read(type: FileType, text: string, format: FormatName | null = null): StagedRow[] {
  const file = new FileReader(type, format, OPTIONS);
  const rows = file.read(Buffer.from(text));
  return [...rows, ...file.end()];
}

const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** Somebody of Keycloak, whose password is described like this. */
const withPassword = (secretData: unknown, credentialData: unknown): object => ({
  email: 'a@example.com',
  credentials: [{ type: 'password', secretData, credentialData }],
});

describe('formats', () => {
  it.each(FORMATS)('%s: strange values end no file', (format) => {
    const good = { email: 'a@example.com' };
    const bad = NAMES[format].flatMap((name) => STRANGE.map((value) => ({ ...good, [name]: value })));
    const rows = read('application/x-ndjson', lines([...bad, good]), format);
    expect(rows).toHaveLength(bad.length + 1);
    expect(rows.at(-1)).toMatchObject({ line: bad.length + 1, user: good, fault: null });
  });

  it('keycloak: so do none in what it says of a password', () => {
    const members = ['algorithm', 'hashIterations', 'additionalParameters'];
    const argon2 = { algorithm: 'argon2', hashIterations: 5, additionalParameters: { type: ['id'] } };
    const rows = STRANGE.flatMap((value) => [
      withPassword({ value, salt: value }, argon2),
      withPassword(value, value),
      ...members.map((name) => withPassword({ value: 'AAAA', salt: 'AAAA' }, { ...argon2, [name]: value })),
      withPassword(
        { value: 'AAAA', salt: 'AAAA' },
        { ...argon2, additionalParameters: { type: value, memory: value } },
      ),
      { email: 'a@example.com', credentials: [value, [value]] },
    ]);
    expect(read('application/x-ndjson', lines(rows), 'keycloak')).toHaveLength(rows.length);
    const hashes = read('application/x-ndjson', lines(rows), 'keycloak').map(({ fault }) => fault);
    expect(new Set(hashes)).toEqual(new Set([null]));
  });

  it('what a format cannot bear at all is one bad row', () => {
    const mapping = jest.spyOn(KEYCLOAK, 'map').mockImplementationOnce(() => {
      throw new TypeError('what nobody thought of');
    });
    const rows = read(
      'application/x-ndjson',
      lines([{ email: 'a@example.com' }, { email: 'b@example.com' }]),
      'keycloak',
    );
    mapping.mockRestore();
    expect(rows.map(({ line, fault }) => [line, fault?.code])).toEqual([
      [1, 'values_invalid'],
      [2, undefined],
    ]);
  });

  it('keycloak: many signs of padding take no square of time', () => {
    const secret = { value: `${'='.repeat(200_000)}x`, salt: 'AAAA==' };
    const password = withPassword(secret, { algorithm: 'pbkdf2', hashIterations: 1000 });
    const [row] = read('application/x-ndjson', lines([password]), 'keycloak');
    expect(row!.user).toMatchObject({ passwordHash: `$pbkdf2-sha1$i=1000$AAAA$${secret.value}` });
  });

  it('takes the guard against formulas away where our exports put it: in tables', () => {
    const name = "'@home";
    expect(read('text/csv', `email,name\na@example.com,${name}\n`)[0]!.user).toMatchObject({ name: '@home' });
    for (const [type, text] of [
      ['application/x-ndjson', lines([{ email: 'a@example.com', name }])],
      ['application/json', JSON.stringify([{ email: 'a@example.com', name }])],
    ] as const)
      expect(read(type, text)[0]!.user).toMatchObject({ name });
  });
});
