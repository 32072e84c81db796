import { deflateRawSync, gzipSync } from 'node:zlib';

import { TestApp } from '../harness/app.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { CSV, JSON_DOCUMENT, NDJSON, csv, handIn, ndjson, summaryOf, taken, userAt } from './files.js';

const MEGABYTE = 1024 * 1024;
/** More than one piece that is staged. */
const MOST_ROWS = 700;

interface Refusal {
  readonly code: string;
  readonly errors?: readonly { readonly code: string }[];
}

describe('hostile files', () => {
  let app: TestApp;
  let admin: Person;

  beforeAll(async () => {
    app = await TestApp.start({
      settings: { IMPORT_MAX_BYTES: String(4 * MEGABYTE), IMPORT_MAX_ROWS: String(MOST_ROWS) },
    });
    admin = await app.people.admin();
  });
  afterAll(() => app.stop());

  const fresh = (): string => `${unique('h')}@example.com`;
  const between = (bad: string | Buffer): Buffer =>
    Buffer.concat([
      Buffer.from(csv('email,name', `${fresh()},Before`)),
      Buffer.from(bad),
      Buffer.from(`\n${fresh()},After\n`),
    ]);

  it.each([
    ['a line of a megabyte', `${'x'.repeat(MEGABYTE)}@example.com,Long`, 'record_too_long'],
    ['a NUL', 'a\0b@example.com,Nul', 'nul'],
    ['invalid UTF-8', Buffer.from([0x61, 0xff, 0xfe, 0x2c, 0x62]), 'encoding_invalid'],
    ['ten thousand cells', 'a,'.repeat(10_000), 'columns_mismatch'],
    ['a quote that nothing closes', `"${fresh()},Open`, 'quote_open'],
    ['a prototype', `${fresh()},Proto,__proto__`, 'columns_mismatch'],
  ])('%s is one bad row, and the others are taken over', async (_, bad, code) => {
    const done = await taken(admin, between(bad));
    expect(done).toMatchObject({ rows: 3, created: 2, failed: 1 });
    expect((await summaryOf(admin, done.id))[1]).toContain(`failed ${code}`);
  });

  it.each([
    ['a BOM', (file: string) => Buffer.from(`\ufeff${file}`)],
    ['CRLF', (file: string) => Buffer.from(file.replaceAll('\n', '\r\n'))],
    ['no line feed at the end', (file: string) => Buffer.from(file.trimEnd())],
    ['semicolons', (file: string) => Buffer.from(file.replaceAll(',', ';'))],
  ])('reads a file with %s', async (_, changed) => {
    const email = fresh();
    const done = await taken(admin, changed(csv('email,name', `${email},Zoë`)));
    expect(done).toMatchObject({ rows: 1, created: 1 });
    expect((await userAt(admin, email))!.name).toBe('Zoë');
  });

  it('keeps a formula as it is written, and guards it on the way out', async () => {
    const email = fresh();
    await taken(admin, csv('email,name', `${email},"=HYPERLINK(""http://evil"")"`));
    const user = await userAt(admin, email);
    expect(user!.name).toBe('=HYPERLINK("http://evil")');
    const filter = encodeURIComponent(`email eq "${email}"`);
    const { text } = await admin.get(`/api/v1/users?filter=${filter}`, { accept: 'text/csv' });
    expect(text).toContain(`"'=HYPERLINK(""http://evil"")"`);
  });

  it('keeps nothing that the database could not: half a surrogate, a NUL in JSON, a depth without end', async () => {
    const email = (): string => JSON.stringify(fresh());
    const lines = [
      `{"email":${email()},"name":"A\\ud800"}`,
      `{"email":${email()},"name":"A","metadata":{"a":"\\u0000"}}`,
      `{"email":${email()},"name":"A","metadata":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`,
      `{"email":${email()},"name":"A","name":"B"}`,
      `{"email":${email()},"name":"A"}`,
    ];
    const done = await taken(admin, `${lines.join('\n')}\n`, NDJSON, '?format=roster');
    expect(await summaryOf(admin, done.id)).toEqual([
      ...[1, 2, 3, 4].map((line) => `${line} failed json_invalid`),
      '5 created',
    ]);
    const inCell = await taken(
      admin,
      csv('email,name,metadata', `${fresh()},A,"{""a"":""\\u0000""}"`, `${fresh()},A,[]`),
    );
    expect(await summaryOf(admin, inCell.id)).toEqual([
      '2 failed type_invalid /metadata',
      '3 failed type_invalid /metadata',
    ]);
  });

  it.each<[string, string | Buffer, Record<string, string>, number, string]>([
    ['nothing', '', CSV, 422, 'file_empty'],
    ['blanks', '\n\n\n', CSV, 422, 'file_empty'],
    ['a header of ten thousand columns', `email${',x'.repeat(10_000)}\n`, CSV, 422, 'columns_surplus'],
    ['a header that names one column twice', 'email,name,email\n', CSV, 422, 'column_twice'],
    ['a header without an address', 'name,phone\nA,B\n', CSV, 422, 'format_unknown'],
    ['a header with a column that nobody knows', 'email,name,isAdmin\n', CSV, 422, 'format_unknown'],
    ['objects that are nobody', '{"a":1}\n', NDJSON, 422, 'format_unknown'],
    ['a document without users', '{\n"people":[]}', JSON_DOCUMENT, 422, 'list_missing'],
    ['a zip', zipOf('users.csv', 'email,name\n'), CSV, 422, 'file_compressed'],
    ['a gzip that says what it is', gzipSync('email,name\n'), { ...CSV, 'content-encoding': 'gzip' }, 415, ''],
    ['a gzip bomb', gzipSync(Buffer.alloc(64 * MEGABYTE)), { ...CSV, 'content-encoding': 'gzip' }, 415, ''],
    ['a gzip that does not', gzipSync('email,name\n'), CSV, 422, 'file_compressed'],
    ['Latin-1', 'email,name\n', { 'content-type': 'text/csv; charset=iso-8859-1' }, 415, ''],
    ['a picture', 'x', { 'content-type': 'image/png' }, 415, ''],
    ['blanks without end', ' \n'.repeat(MEGABYTE), CSV, 422, 'file_empty'],
    ['more rows than the bound', 'x\n'.repeat(MOST_ROWS + 1), NDJSON, 422, 'rows_surplus'],
    ['more bytes than the bound', Buffer.alloc(5 * MEGABYTE, 'a'), CSV, 413, ''],
  ])('refuses %s, and keeps nothing of it', async (_, file, headers, status, code) => {
    const answer = await handIn<Refusal>(admin, file, headers);
    expect([answer.status, answer.body.errors?.[0]?.code ?? '']).toEqual([status, code]);
    const left = await app.sql(
      `SELECT 1 FROM roster.imports i JOIN roster.import_chunks c ON c.import_id = i.id WHERE i.actor_id = $1 AND i.state <> 'running'`,
      [admin.id],
    );
    expect(left).toEqual([]);
  });

  it('takes as many rows as may be', async () => {
    const done = await taken(admin, 'x\n'.repeat(MOST_ROWS), NDJSON, '?format=roster');
    expect(done).toMatchObject({ rows: MOST_ROWS, failed: MOST_ROWS });
  });

  it('takes a value that nobody expected for one bad row', async () => {
    const strange = { toString: 1, valueOf: 1 };
    const somebody = (): object => {
      const email = fresh();
      return { email, username: email, enabled: true };
    };
    const credentials = [
      {
        type: 'password',
        secretData: '{"value":"AAAA","salt":{"toString":1}}',
        credentialData: '{"algorithm":"argon2","additionalParameters":null}',
      },
    ];
    const lines = [
      somebody(),
      { ...somebody(), credentials },
      { ...somebody(), emailVerified: strange },
      { email: strange, username: strange, enabled: strange },
    ];
    const done = await taken(admin, ndjson(...lines), NDJSON);
    expect(done.format).toBe('keycloak');
    expect(await summaryOf(admin, done.id)).toEqual([
      '1 created',
      '2 failed hash_unknown /passwordHash',
      '3 created',
      '4 failed required /email',
    ]);
  });

  it.each(['onConflict=replace', 'dryRun=yes', 'format=ldap', 'nothing=1', 'onConflict=skip&onConflict=fail'])(
    'refuses ?%s before it reads the file',
    async (query) => {
      const answer = await handIn<Refusal>(admin, csv('email,name'), CSV, `?${query}`);
      expect([answer.status, answer.body.code]).toEqual([400, 'parameter_invalid']);
    },
  );

  it.each([
    'rounds=8',
    'base64_signer_key=AAAA; rounds=8; mem_cost=14',
    `base64_signer_key=${'A'.repeat(88)}; rounds=99; mem_cost=14`,
    `base64_signer_key=${'A'.repeat(88)}; rounds=8; mem_cost=14; ${'a'.repeat(1000)}`,
  ])('refuses the parameters of Firebase %s', async (config) => {
    const answer = await handIn<Refusal>(admin, csv('email,name'), { ...CSV, 'firebase-hash-config': config });
    expect([answer.status, answer.body.code]).toEqual([400, 'parameter_invalid']);
  });
});

/** A file in a ZIP, as much of it as a reader would look at. */
function zipOf(name: string, content: string): Buffer {
  const packed = deflateRawSync(content);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt16LE(8, 8);
  header.writeUInt32LE(packed.length, 18);
  header.writeUInt32LE(content.length, 22);
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, Buffer.from(name), packed]);
}
