import { gzipSync } from 'node:zlib';

import { withBody } from './attack.js';
import type { Attack, Target, Technique } from './attack.js';

const MEBIBYTE = 1024 * 1024;
const DEEP = 100_000;

/** A technique against what takes a body; its attacks are bodies. */
function bodies(
  row: string,
  name: string,
  made: (example: Readonly<Record<string, unknown>>, target: Target) => readonly (Buffer | string)[],
  must: Technique['must'] = 'refuse',
): Technique {
  const attacks = (target: Target): Attack[] => made(target.body!, target).map((body) => ({ body }));
  return { name, row, must, on: withBody, attacks };
}

/** The example with a member more, written by hand so that nothing cleans it. */
function withMember(example: object, member: string): string {
  const text = JSON.stringify(example).slice(0, -1);
  return `${text}${text === '{' ? '' : ','}${member}}`;
}

/** The example once for each of its members, which has another value. */
function eachMember(example: Readonly<Record<string, unknown>>, ...values: readonly unknown[]): string[] {
  return Object.keys(example).flatMap((name) => values.map((value) => JSON.stringify({ ...example, [name]: value })));
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const PRIVILEGED = {
  role: 'admin',
  isAdmin: true,
  is_superuser: true,
  permissions: ['users:write'],
  tenantId: '01a1fb89-a690-7530-90c7-ac334b01292e',
  passwordHash: '$argon2id$v=19$m=16,t=2,p=1$c2FsdA$aGFzaA',
  deleted_at: null,
};

const INJECTIONS = [
  "' OR '1'='1",
  "'; DROP TABLE roster.users; --",
  '$(id)`id`${7*7}{{7*7}}',
  '<script>alert(1)</script>',
  'a\r\nSet-Cookie: a=b\r\n\r\n',
  '\u001b[31mred\u001b[0m\u2028\u2029',
  '../../../../etc/passwd',
  '=cmd|"/C calc"!A0',
];

export const BODY_TECHNIQUES: readonly Technique[] = [
  bodies('S56', 'a key twice', (example) => [withMember(example, '"a":1,"a":2'), '{"a":1,"\\u0061":2}']),
  bodies('S58', '33 levels', () => ['['.repeat(33) + ']'.repeat(33), `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`]),
  bodies('S58', '100,000 levels', () => ['['.repeat(DEEP), '{"a":'.repeat(DEEP)]),
  bodies('S56', 'a NUL', (example) => [
    withMember(example, '"a":"\\u0000"'),
    withMember(example, '"a\\u0000":1'),
    '{"a":"\0"}',
  ]),
  bodies('S56', 'half a surrogate pair', (example) => [
    withMember(example, '"a":"\\ud800"'),
    withMember(example, '"\\udfff":1'),
  ]),
  bodies('S56', 'bytes that are no UTF-8', () => [
    Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]),
    Buffer.from('{"a":"\xff\xfe"}', 'latin1'),
    Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d]),
  ]),
  bodies('S56', 'UTF-16 and UTF-32', (example) => {
    const utf16 = Buffer.from(`\ufeff${JSON.stringify(example)}`, 'utf16le');
    return [utf16, Buffer.from(utf16).swap16(), Buffer.concat([Buffer.from([0, 0, 0xfe, 0xff]), utf16])];
  }),
  bodies('S56', 'a number beyond all numbers', (example) => [withMember(example, '"a":1e999'), '1e999', '-1e999']),
  bodies('A20', '__proto__', (example) => [
    withMember(example, '"__proto__":{"polluted":true}'),
    '{"__proto__":{"__proto__":{"polluted":true}}}',
    '[{"__proto__":{"polluted":true}}]',
  ]),
  bodies('A20', 'constructor and prototype', (example) => [
    withMember(example, '"constructor":{"prototype":{"polluted":true}}'),
    withMember(example, '"prototype":{"polluted":true}'),
    withMember(example, '"toString":null'),
  ]),
  bodies('S56', 'privileged members', (example) =>
    Object.entries(PRIVILEGED)
      // A role is made of permissions: what may be given there is a rule of its own (test/access/reach).
      .filter(([name]) => !Object.hasOwn(example, name))
      .map(([name, value]) => JSON.stringify({ ...example, [name]: value })),
  ),
  bodies('A20', 'what is no object', () => ['[]', '[[]]', 'null', 'true', '42', '"text"', '""']),
  // Where any object may be, as in `metadata`, these are as good as others.
  bodies('A21', 'an object for a text', (example) =>
    Object.keys(example)
      .filter((name) => !isObject(example[name]))
      .flatMap((name) => [{ $ne: null }, { $gt: '' }].map((value) => JSON.stringify({ ...example, [name]: value }))),
  ),
  bodies('A21', 'a list of lists for anything', (example) => eachMember(example, [[[]]], [{}, null])),
  bodies('A21', 'nothing at all', () => ['', ' ', '{', '{}}', '{"a":1,}', "{'a':1}", '{a:1}', '// a\n{}', 'NaN']),
  bodies('S58', 'a text of 50 kB in each member', (example) => eachMember(example, 'a'.repeat(50_000))),
  bodies('S58', 'a regular expression to choke on', (example) =>
    eachMember(example, `${'a.'.repeat(5000)}!`, ' '.repeat(50_000)),
  ),
  bodies('S64', 'injections in each member', (example) => eachMember(example, ...INJECTIONS), 'survive'),
  bodies('S58', '20,000 members', () => [
    JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`m${at}`, at]))),
  ]),
  {
    name: 'a body of 100 MB',
    row: 'S58',
    must: 'refuse',
    on: withBody,
    attacks: () => [
      { stream: [], headers: ['Content-Type: application/json', `Content-Length: ${100 * MEBIBYTE}`] },
      {
        stream: Array.from({ length: 100 }, () => `100000\r\n${' '.repeat(MEBIBYTE)}\r\n`),
        headers: ['Content-Type: application/json', 'Transfer-Encoding: chunked'],
      },
    ],
  },
  {
    name: 'a gzip bomb',
    row: 'S58',
    must: 'refuse',
    on: withBody,
    attacks: () =>
      ['gzip', 'deflate', 'br', 'gzip, gzip', 'x-gzip'].map((coding) => ({
        body: BOMB,
        headers: [`Content-Encoding: ${coding}`],
      })),
  },
  {
    name: 'half a body, and gone',
    row: 'S58',
    must: 'survive',
    on: withBody,
    attacks: ({ body }) => [
      {
        stream: [JSON.stringify(body).slice(0, 5)],
        headers: ['Content-Type: application/json', 'Content-Length: 500'],
        leaves: true,
      },
      {
        stream: ['5\r\n{"a":'],
        headers: ['Content-Type: application/json', 'Transfer-Encoding: chunked'],
        leaves: true,
      },
    ],
  },
  {
    name: 'lengths that disagree',
    row: 'S60',
    must: 'refuse',
    on: withBody,
    attacks: () =>
      [
        ['Content-Length: 2', 'Content-Length: 3'],
        ['Content-Length: 2', 'Transfer-Encoding: chunked'],
        ['Content-Length: -1'],
        ['Content-Length: 0x10'],
        ['Content-Length: 99999999999999999999'],
        ['Transfer-Encoding: chunked, identity'],
        ['Transfer-Encoding: xchunked'],
        ['Transfer-Encoding: chunked', 'Transfer-Encoding: cow'],
      ].map((headers) => ({ stream: ['0\r\n\r\n'], headers: ['Content-Type: application/json', ...headers] })),
  },
];

const BOMB = gzipSync(Buffer.alloc(50 * MEBIBYTE, 0x20));
