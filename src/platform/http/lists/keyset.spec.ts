import type { CursorPosition } from './cursor.js';
import { pageOf, pageStatement, parseSort } from './keyset.js';
import type { SortAttribute } from './keyset.js';
import { ListQueryInvalid } from './list-query-invalid.js';

const sortable: Readonly<Record<string, SortAttribute>> = {
  createdAt: { sql: 'u.created_at', type: 'moment', nullable: false },
  email: { sql: 'u.email', type: 'string', nullable: false },
  username: { sql: 'u.username', type: 'string', nullable: true },
};
const source = { columns: 'u.id', from: 'users u', where: 'u.status = $1', parameters: ['active'], id: 'u.id' };
const id = '01890000-0000-7000-8000-000000000001';
const at = (value: string | null, direction: 'next' | 'prev' = 'next'): CursorPosition => ({
  scope: 's',
  direction,
  value,
  id,
});
const page = (sort: string, position: CursorPosition | null) =>
  pageStatement(source, parseSort(sort, sortable), position, 20);

describe('a sort', () => {
  it('is one attribute and its direction', () => {
    expect(parseSort('-createdAt', sortable)).toMatchObject({
      sql: 'u.created_at',
      text: '-createdAt',
      descending: true,
    });
    expect(parseSort('email', sortable)).toMatchObject({ sql: 'u.email', text: 'email', descending: false });
  });

  it('of two attributes is refused with the rule', () => {
    expect(() => parseSort('-createdAt,email', sortable)).toThrow(
      /sorted by one attribute.*createdAt, email, username/,
    );
  });

  it.each([
    '',
    '-',
    '--email',
    '+email',
    'Email',
    'email desc',
    'email; DROP TABLE users',
    'u.email',
    '__proto__',
    'constructor',
    '-toString',
    'email NULLS FIRST',
    '(SELECT 1)',
    '1',
    'email\0',
  ])('%j is refused, naming what is allowed', (text) => {
    const refusal = expect.objectContaining({
      parameter: 'sort',
      code: 'sort_invalid',
      allowed: Object.keys(sortable),
    });
    expect(() => parseSort(text, sortable)).toThrow(refusal);
  });
});

describe('the statement of a page', () => {
  it('asks for one row more than the page, in the order of the sort and the id', () => {
    expect(page('email', null)).toEqual({
      text:
        'SELECT u.id, u.email AS sort_key FROM users u WHERE (u.status = $1) AND true ' +
        'ORDER BY u.email ASC NULLS LAST, u.id ASC LIMIT $2',
      parameters: ['active', 21],
    });
  });

  it.each([
    ['email', 'next', '>', 'ASC NULLS LAST'],
    ['-email', 'next', '<', 'DESC NULLS FIRST'],
    ['email', 'prev', '<', 'DESC NULLS FIRST'],
    ['-email', 'prev', '>', 'ASC NULLS LAST'],
  ] as const)('sorted by %s, %s compares by %s', (sort, direction, beyond, order) => {
    const { text, parameters } = page(sort, at("x' OR 1=1", direction));
    expect(text).toContain(
      `AND (u.email, u.id) ${beyond} (CAST($2 AS text), CAST($3 AS uuid)) ORDER BY u.email ${order}, u.id`,
    );
    expect(parameters).toEqual(['active', "x' OR 1=1", id, 21]);
  });

  it('goes over to the absent values, or out of them, as a second range', () => {
    expect(page('username', at('x')).text).toMatch(/> \(CAST.* UNION ALL .*AND u.username IS NULL ORDER/);
    expect(page('-username', at(null)).text).toMatch(
      /IS NULL AND u.id < CAST.* UNION ALL .*AND u.username IS NOT NULL ORDER/,
    );
    expect(page('username', at(null)).text).not.toContain('UNION');
    expect(page('-username', at('x')).text).not.toContain('UNION');
  });

  it('keeps a moment to the microsecond', () => {
    const { text, parameters } = page('-createdAt', at('2026-01-01T00:00:00.123456Z'));
    expect(text).toContain(`to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`);
    expect(parameters[1]).toBe('2026-01-01T00:00:00.123456Z');
  });

  it('refuses a signed value that is not of the type', () => {
    expect(() => page('-createdAt', at('yesterday'))).toThrow(ListQueryInvalid);
    expect(() => page('-createdAt', at(null))).toThrow(ListQueryInvalid);
  });
});

describe('a page', () => {
  const rows = ['a', 'b', 'c'].map((sort_key) => ({ id: `id-${sort_key}`, sort_key }));
  const keys = ({ rows: kept, next, prev }: ReturnType<typeof pageOf>) => [
    kept.map((row) => row.sort_key).join(''),
    prev?.value,
    next?.value,
  ];

  it('tells the pages around it', () => {
    expect(keys(pageOf(rows, 2, 's', null))).toEqual(['ab', undefined, 'b']);
    expect(keys(pageOf(rows, 2, 's', at('0')))).toEqual(['ab', 'a', 'b']);
    expect(keys(pageOf(rows, 3, 's', at('0')))).toEqual(['abc', 'a', undefined]);
    expect(keys(pageOf(rows, 3, 's', null))).toEqual(['abc', undefined, undefined]);
    expect(keys(pageOf([], 3, 's', at('0')))).toEqual(['', undefined, undefined]);
  });

  it('read backwards is turned', () => {
    expect(keys(pageOf(rows, 2, 's', at('d', 'prev')))).toEqual(['ba', 'b', 'a']);
    expect(keys(pageOf(rows, 3, 's', at('d', 'prev')))).toEqual(['cba', undefined, 'a']);
    expect(pageOf(rows, 2, 's', at('d', 'prev')).prev).toEqual({
      scope: 's',
      direction: 'prev',
      value: 'b',
      id: 'id-b',
    });
  });
});
