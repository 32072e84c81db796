import { compileFilter, endOfPrefix } from './compile.js';
import type { Attributes } from './compile.js';
import { ListQueryInvalid } from './list-query-invalid.js';

const attributes: Attributes = {
  email: {
    sql: 'u.email',
    type: 'string',
    operators: ['eq', 'ne', 'co', 'sw', 'ew', 'gt'],
    normalize: (text) => text.toLowerCase(),
  },
  username: { sql: 'u.username', type: 'string', operators: ['eq', 'ne', 'pr', 'sw'] },
  status: { sql: 'u.status', type: 'enum', operators: ['eq', 'ne'], values: ['active', 'suspended'] },
  emailVerified: { sql: 'u.email_verified', type: 'boolean', operators: ['eq', 'ne'] },
  createdAt: { sql: 'u.created_at', type: 'moment', operators: ['eq', 'ne', 'gt', 'lt', 'ge', 'le'] },
  roles: {
    sql: '',
    type: 'string',
    operators: ['eq'],
    custom: (_operator, value, bind) =>
      `EXISTS (SELECT FROM role_holders h WHERE h.user_id = u.id AND h.role = ${bind(value)})`,
  },
};
const compile = (text: string, firstParameter = 1) => compileFilter(text, attributes, firstParameter);

function faultOf(text: string): ListQueryInvalid {
  try {
    compile(text);
  } catch (error) {
    if (error instanceof ListQueryInvalid) return error;
    throw error;
  }
  throw new Error(`accepted: ${text}`);
}

describe('a filter as SQL', () => {
  it.each([
    ['email eq "Ada@X.org"', '(u.email = $1)', ['ada@x.org']],
    ['EMAIL NE "a"', '(u.email IS DISTINCT FROM $1)', ['a']],
    ['email co "50%_\\\\"', '(u.email LIKE $1)', ['%50\\%\\_\\\\%']],
    ['email ew ".org"', '(u.email LIKE $1)', ['%.org']],
    ['email sw "ab"', '(u.email COLLATE "C" >= $1 AND u.email COLLATE "C" < $2)', ['ab', 'ac']],
    ['email sw "\\udbff\\udfff"', '(u.email COLLATE "C" >= $1)', ['\u{10ffff}']],
    ['email gt "m"', '(u.email > $1)', ['m']],
    ['username pr', '(u.username IS NOT NULL)', []],
    ['username eq null', '(u.username IS NULL)', []],
    ['username ne null', '(u.username IS NOT NULL)', []],
    ['status eq "active"', '(u.status = $1)', ['active']],
    ['emailVerified eq false', '(u.email_verified = $1)', [false]],
    [
      'createdAt gt "2026-01-01T00:00:00.123456+09:00"',
      '(u.created_at > CAST($1 AS timestamptz))',
      ['2025-12-31T15:00:00.123456Z'],
    ],
    ['not (username eq "x")', '((u.username = $1) IS NOT TRUE)', ['x']],
    ['roles eq "admin"', '(EXISTS (SELECT FROM role_holders h WHERE h.user_id = u.id AND h.role = $1))', ['admin']],
  ])('%s', (text, sql, parameters) => {
    expect(compile(text)).toMatchObject({ sql, parameters });
  });

  it('keeps the grouping, numbers its parameters from the first and tells its attributes', () => {
    const filter = compile('status eq "active" and (Email co "@x.org" or createdAt ge "2026-01-01T00:00:00Z")', 4);
    expect(filter.sql).toBe('((u.status = $4) AND ((u.email LIKE $5) OR (u.created_at >= CAST($6 AS timestamptz))))');
    expect(filter.parameters).toEqual(['active', '%@x.org%', '2026-01-01T00:00:00Z']);
    expect([...filter.attributes]).toEqual(['status', 'email', 'createdAt']);
  });

  it.each([
    ['password eq "x"', 'filter_attribute_unknown', Object.keys(attributes)],
    ['roles co "adm"', 'filter_operator_unsupported', ['eq']],
    ['status eq "deleted"', 'filter_value_invalid', ['active', 'suspended']],
  ])('%s is refused naming what is allowed', (text, code, allowed) => {
    expect(faultOf(text)).toMatchObject({ parameter: 'filter', code, allowed });
    expect(faultOf(text).detail).toContain(allowed.join(', '));
  });

  it('takes "co" from three characters, surrogate pairs being one', () => {
    expect(compile('email co "😀😀😀"').parameters).toEqual(['%😀😀😀%']);
    expect(faultOf('email co "😀😀"').detail).toContain('3 or more characters');
  });
});

describe('the end of a prefix', () => {
  it.each([
    ['a', 'b'],
    ['az', 'a{'],
    ['a\u007f', 'a\u0080'],
    ['\ud7ff', '\ue000'],
    ['\uffff', '\u{10000}'],
    ['a\u{10ffff}\u{10ffff}', 'b'],
    ['\u{10ffff}', null],
  ])('after %j comes %j', (prefix, end) => {
    expect(endOfPrefix(prefix)).toBe(end);
    if (end !== null) expect(Buffer.compare(Buffer.from(`${prefix}\u{10ffff}\u{10ffff}`), Buffer.from(end))).toBe(-1);
  });
});

const LINES = '\n'.repeat(1500);
const refused = [
  '',
  ' ',
  '(',
  ')',
  '()',
  '((email pr)',
  '(email eq "x"))',
  'email',
  'email eq',
  'email eq "x',
  'email eq x"',
  "email eq 'x'",
  'email eq "x"or 1=1',
  'email eq "x" or 1=1',
  'email eq "x"; DROP TABLE users',
  'email eq "x" -- ',
  'email eq "x" and',
  'and',
  'email == "x"',
  'email = "x"',
  'email like "x%"',
  'email regex "(a+)+$"',
  'email in ("x")',
  'email eq ("x")',
  'email eq "x" "y"',
  'email eq "x" xor status eq "active"',
  'email pr constructor email pr',
  'email pr __proto__ email pr',
  'email toString "x"',
  '__proto__ eq "x"',
  'constructor eq "x"',
  'prototype pr',
  'toString pr',
  'hasOwnProperty eq "x"',
  'email.length eq "x"',
  'emails[type eq "work"]',
  'email[0] eq "x"',
  'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "x"',
  'schemas eq "urn:x"',
  'u.email eq "x"',
  '"email" eq "x"',
  '$1 eq "x"',
  'email/**/eq/**/"x"',
  'email\teq\t"x"',
  'email eq "a\nb"',
  'email\u00a0eq "x"',
  'email eq "\\x41"',
  'email eq "\\u00"',
  'email eq "\\u0000"',
  'email eq "a\0"',
  'email\0 eq "x"',
  'email eq "\\ud800"',
  'email eq "\ud800"',
  'email eq "\\udc00\\ud800"',
  'email eq 1',
  'email eq 1e999',
  'email eq -1e999',
  'email eq 01',
  'email eq NaN',
  'email eq 0x10',
  'email eq true',
  'email eq TRUE',
  'email eq {"$ne":null}',
  'email eq ["x"]',
  'email eq undefined',
  'email gt null',
  'email co null',
  'email co "ab"',
  'email co ""',
  'email sw ""',
  'email ew ""',
  'username co "abc"',
  'status gt "active"',
  'status eq "ACTIVE"',
  'status eq "active\' OR 1=1"',
  'status eq true',
  'emailVerified eq "true"',
  'emailVerified eq 1',
  'createdAt eq 0',
  'createdAt gt "now"',
  'createdAt gt "infinity"',
  'createdAt gt "2026-01-01"',
  'createdAt gt "2026-01-01T00:00:00"',
  'createdAt gt "2026-02-30T00:00:00Z"',
  'createdAt gt "2026-01-01T24:00:00Z"',
  'createdAt gt "2026-01-01T00:00:00+24:00"',
  'createdAt gt "0000-01-01T00:00:00Z"',
  'createdAt gt "9999-12-31T23:59:59-01:00"',
  'createdAt gt "294276-12-31T00:00:00Z"',
  'createdAt gt "2026-01-01T00:00:00Z; SELECT 1"',
  'createdAt gt "2026-01-01T00:00:00.1234567890Z"',
  'createdAt pr',
  'roles eq 1',
  'roles pr',
  'not email eq "x"',
  'not not (email eq "x")',
  'not',
  'not(',
  'not()',
  'nоt (email eq "x")',
  'emаil eq "x"',
  'not('.repeat(10_000),
  '('.repeat(1999),
  ')'.repeat(1999),
  `email eq "${LINES}`,
  `email eq "${'\\'.repeat(1501)}`,
  `email eq "${'x'.repeat(3000)}"`,
  Array(21).fill('email eq "x"').join(' or '),
  'email eq "x" or '.repeat(500),
];

const harmless = [
  `'; DROP TABLE users; --`,
  `' OR '1'='1`,
  '$1',
  '$2',
  ':p',
  '::text',
  '?',
  '%',
  '_',
  '\\\\',
  '\\"',
  '\\n',
  '\\u0027 OR 1=1',
  '/*',
  '\u202e',
  '{$ne:null}',
  '\\u0001',
  ') or (email pr',
  'IS NOT NULL',
  'é'.repeat(1000),
  '__proto__',
  'a\u0300',
  '\\ud83d\\ude00',
  'COLLATE "C"'.replaceAll('"', '\\"'),
];

describe('a hostile filter', () => {
  it.each(refused.map((text) => [JSON.stringify(text).slice(0, 90), text]))('%s is refused', (_name, text) => {
    const fault = faultOf(text);
    expect(fault).toMatchObject({
      name: 'ListQueryInvalid',
      parameter: 'filter',
      code: expect.stringMatching(/^filter_[a-z_]+$/),
    });
    expect(fault.detail.length).toBeLessThan(300);
  });

  it.each(harmless)('the value %j stands in the parameters alone', (value) => {
    const decoded = JSON.parse(`"${value}"`) as string;
    expect(compile(`username eq "${value}"`)).toMatchObject({ sql: '(u.username = $1)', parameters: [decoded] });
    expect(compile(`roles eq "${value}"`).parameters).toEqual([decoded]);
    expect(compile(`username sw "${value}"`).sql).toBe(
      '(u.username COLLATE "C" >= $1 AND u.username COLLATE "C" < $2)',
    );
    expect(compile(`email co "${value}abc"`).sql).toBe('(u.email LIKE $1)');
  });
});
