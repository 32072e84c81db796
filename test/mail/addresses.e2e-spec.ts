import fc from 'fast-check';
import addressparser from 'nodemailer/lib/addressparser';

import { isEmailAddress } from '../../src/platform/http/properties.js';
import { normalEmail } from '../../src/users/normal-forms.js';
import { TestApp } from '../harness/app.js';
import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';

/** What nodemailer's parser, or a relay on the way, could read as another address than we did (CVE-2026-125755). */
const HOSTILE: readonly (readonly [string, string])[] = [
  ['a comment in the domain', 'ada@evil.example (c) .example.com'],
  ['a comment without spaces', 'ada@evil.example(c).example.com'],
  ['a comment in the local part', 'ada(evil@evil.example)@example.com'],
  ['a quoted local part', '"ada@evil.example"@example.com'],
  ['a quoted local part with spaces', '"ada evil"@example.com'],
  ['two addresses with a comma', 'ada@evil.example,bob@example.com'],
  ['two addresses with a semicolon', 'ada@evil.example;bob@example.com'],
  ['two addresses with a space', 'ada@evil.example bob@example.com'],
  ['two @', 'ada@evil.example@example.com'],
  ['a display name', 'Ada <ada@evil.example>'],
  ['angle brackets', '<ada@example.com>'],
  ['a group', 'group:ada@evil.example;'],
  ['a source route', '@evil.example:ada@example.com'],
  ['the percent hack', 'ada%evil.example@example.com'],
  ['an escaped line break', 'ada%0aRCPT@example.com'],
  ['a bang path', 'evil.example!ada@example.com'],
  ['a line break at the end', 'ada@example.com\r\n'],
  ['a line break at the beginning', '\nada@example.com'],
  ['a line break and a header', 'ada@example.com\r\nBcc: eve@evil.example'],
  ['a line break and a command', 'ada@example.com>\r\nRCPT TO:<eve@evil.example'],
  ['a tab', 'ada\t@example.com'],
  ['a line separator', 'ada\u2028@example.com'],
  ['a next line', 'ada@example.com\u0085'],
  ['a delete', 'ada\u007f@example.com'],
  ['a domain literal', 'ada@[127.0.0.1]'],
  ['a backslash', 'ada\\@evil.example@example.com'],
  ['an encoded word', '=?utf-8?q?ada=40evil.example=3e?=@example.com'],
  ['two dots in a row', 'ada..king@example.com'],
  ['a dot at the beginning', '.ada@example.com'],
  ['a dot before the @', 'ada.@example.com'],
  ['an empty label', 'ada@example..com'],
  ['a dot at the end', 'ada@example.com.'],
];

describe('A29 an address that another parser could read otherwise', () => {
  let app: TestApp;
  let admin: Person;

  beforeAll(async () => {
    app = await TestApp.start();
    admin = await app.people.admin();
  });
  afterAll(() => app.stop());

  it.each(HOSTILE)('is refused wherever one is given: %s', async (_, email) => {
    const refusal = { status: 422, body: { errors: [{ pointer: '/email', code: 'email_invalid' }] } };
    const given = { email, name: unique('Ada ') };
    const register = { body: { ...given, password: PASSWORD } };
    expect(await app.send('POST', '/api/v1/auth/register', register)).toMatchObject(refusal);
    expect(await admin.post('/api/v1/users', given)).toMatchObject(refusal);
    const merge = { 'content-type': 'application/merge-patch+json' };
    expect(await admin.patch(`/api/v1/users/${admin.id}`, { email }, merge)).toMatchObject(refusal);
    expect(await app.sql("SELECT 1 FROM roster.flows WHERE payload ->> 'name' = $1", [given.name])).toEqual([]);
    expect(await app.sql('SELECT 1 FROM roster.users WHERE name = $1', [given.name])).toEqual([]);
  });

  it.each([
    'ada@example.com',
    'Ada.King+tag@Example.com',
    "o'neil#x@example.co.uk",
    'ada@localhost',
    'größe@bücher.example',
    '  ada@example.com ',
  ])('is not %s', (email) => {
    expect(isEmailAddress(email)).toBe(true);
  });

  it('does not exist among those that are taken: nodemailer reads each as the one that we store', () => {
    const signs = fc.constantFrom(...'ab.1-_+@,;:<>()[]"\\%!\' \t\r\n=?&ß\u2028\u00a0');
    const made = fc.oneof(
      fc.emailAddress(),
      fc
        .tuple(fc.string({ unit: signs, maxLength: 12 }), fc.string({ unit: signs, maxLength: 12 }))
        .map((parts) => parts.join('@')),
    );
    let taken = 0;
    const property = fc.property(made, (email) => {
      if (!isEmailAddress(email)) return;
      taken += 1;
      const read = addressparser(email.trim());
      expect(read).toEqual([{ name: '', address: expect.any(String) as string }]);
      expect(normalEmail((read[0] as { address: string }).address)).toBe(normalEmail(email));
    });
    fc.assert(property, { numRuns: 20_000 });
    expect(taken).toBeGreaterThan(2000);
  });
});
