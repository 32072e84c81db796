import { FILTER_COMPARISONS, FILTER_DEPTH, FILTER_LENGTH, parseFilter } from './filter.js';
import { ListQueryInvalid } from './list-query-invalid.js';

const test = (attribute: string, operator: string, value: unknown = null) => ({
  kind: 'test',
  attribute,
  operator,
  value,
});
const nested = (depth: number) => `${'not ('.repeat(depth)}a pr${')'.repeat(depth)}`;
const chained = (count: number) => Array(count).fill('a pr').join(' or ');

function faultOf(text: string): ListQueryInvalid {
  try {
    parseFilter(text);
  } catch (error) {
    if (error instanceof ListQueryInvalid) return error;
    throw error;
  }
  throw new Error(`accepted: ${text}`);
}

describe('a filter', () => {
  it.each([
    ['a eq "x"', test('a', 'eq', 'x')],
    ['  a   EQ   "x"  ', test('a', 'eq', 'x')],
    ['a Pr', test('a', 'pr')],
    ['a eq true', test('a', 'eq', true)],
    ['a ne null', test('a', 'ne', null)],
    ['a gt -1.5e2', test('a', 'gt', -150)],
    ['not eq "x"', test('not', 'eq', 'x')],
    ['and pr', test('and', 'pr')],
    ['constructor pr', test('constructor', 'pr')],
    ['name.familyName pr', test('name.familyName', 'pr')],
    [
      'urn:ietf:params:scim:schemas:core:2.0:User:userName pr',
      test('urn:ietf:params:scim:schemas:core:2.0:User:userName', 'pr'),
    ],
    [String.raw`a eq "q\" b\\ n\n u\u0041 \ud83d\ude00"`, test('a', 'eq', 'q" b\\ n\n uA 😀')],
    [String.raw`a eq "x\\"`, test('a', 'eq', 'x\\')],
    [`a eq "') or 1=1 -- and (b"`, test('a', 'eq', "') or 1=1 -- and (b")],
  ])('%s is read as one test', (text, tree) => {
    expect(parseFilter(text)).toEqual(tree);
  });

  it('binds "not" before "and", and "and" before "or"', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => test(name, 'pr'));
    expect(parseFilter('a pr or b pr and c pr')).toEqual({
      kind: 'or',
      filters: [a, { kind: 'and', filters: [b, c] }],
    });
    expect(parseFilter('(a pr OR b pr) And c pr')).toEqual({
      kind: 'and',
      filters: [{ kind: 'or', filters: [a, b] }, c],
    });
    expect(parseFilter('not(a pr) and b pr')).toEqual({ kind: 'and', filters: [{ kind: 'not', filter: a }, b] });
    expect(parseFilter('NOT ( a pr and b pr )')).toEqual({ kind: 'not', filter: { kind: 'and', filters: [a, b] } });
  });

  it('may reach its limits and not pass them', () => {
    expect(parseFilter(`a eq "${'x'.repeat(FILTER_LENGTH - 7)}"`)).toMatchObject({ operator: 'eq' });
    expect(parseFilter(nested(FILTER_DEPTH))).toMatchObject({ kind: 'not' });
    expect(parseFilter(chained(FILTER_COMPARISONS))).toMatchObject({ kind: 'or' });
    const beyond = [
      `a eq "${'x'.repeat(FILTER_LENGTH - 6)}"`,
      nested(FILTER_DEPTH + 1),
      chained(FILTER_COMPARISONS + 1),
    ];
    for (const text of beyond) expect(faultOf(text)).toMatchObject({ parameter: 'filter', code: 'filter_too_complex' });
  });

  it('counts the depth of parentheses and not their number', () => {
    expect(
      parseFilter(
        Array(FILTER_DEPTH + 1)
          .fill('(a pr)')
          .join(' and '),
      ),
    ).toMatchObject({ kind: 'and' });
  });

  it.each([
    ['a xx "x"', 2, 'eq, ne, co, sw, ew, gt, lt, ge, le, pr'],
    ['a eq x', 5, 'a value'],
    ['a eq "x" b', 10, '"and", "or" or the end'],
    ['emails[type eq "work"]', 7, 'value paths'],
    ['(a pr', 6, '")"'],
    ['', 1, 'an attribute'],
  ])('%s is refused with the place of the fault and what was expected', (text, place, expected) => {
    expect(faultOf(text).detail).toContain(`at character ${place}: expected`);
    expect(faultOf(text).detail).toContain(expected);
  });

  it('is read in linear time, whatever it holds', () => {
    const fill = (each: string) => each.repeat(Math.floor(1980 / each.length));
    const texts = ['\n', '\\"', '\\', '((', 'not(', ' ', 'a.', 'urn:', ' and', '1', 'é'].flatMap((each) => [
      `a eq "${fill(each)}`,
      `a eq ${fill(each)}`,
      fill(each),
    ]);
    const start = process.cpuUsage();
    for (const text of texts) expect(faultOf(text)).toBeInstanceOf(ListQueryInvalid);
    const { user } = process.cpuUsage(start);
    expect(user).toBeLessThan(2_000_000); // µs; the parser that this replaced needs hours for the first
  });
});
