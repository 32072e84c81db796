import { JsonRefused, parseStrictJson } from './strict-json.js';

const read = (text: string): unknown => parseStrictJson(Buffer.from(text));

describe('parseStrictJson', () => {
  it.each([
    [
      '{"a":[1,2.5,-3e2,true,false,null],"b":{"a":"\\u00e9 \\" \\\\"}}',
      { a: [1, 2.5, -300, true, false, null], b: { a: 'é " \\' } },
    ],
    ['[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
    [' "text" ', 'text'],
    ['{"key":"a:b","b":"\\"key\\":"}', { key: 'a:b', b: '"key":' }],
    ['{"constructor":1}', { constructor: 1 }],
    ['"\\ud83d\\ude00"', '😀'],
  ])('reads %s', (text, value) => {
    expect(read(text)).toEqual(value);
  });

  it.each([
    ['{"a":1,"a":2}', 'twice'],
    ['{"a":{"b":1,"b":2}}', 'twice'],
    ['{"a":1,"\\u0061":2}', 'twice'],
    ['{"a" : 1, "a"\n:2}', 'twice'],
    ['{"__proto__":{"admin":true}}', '__proto__'],
    ['{"\\u005f_proto__":1}', '__proto__'],
    ['{"a":"\\u0000"}', 'NUL'],
    ['{"a":"\\ud800"}', 'surrogate'],
    ['{"a":1', 'well-formed'],
    ['{"a":"', 'well-formed'],
    ['{"a":"\\x"}', 'well-formed'],
    ['', 'well-formed'],
    ['{"a":1e999}x', 'well-formed'],
    [`${'['.repeat(33)}${']'.repeat(33)}`, 'nested'],
    [`${'{"a":'.repeat(100_000)}`, 'nested'],
  ])('refuses %.40s', (text, why) => {
    expect(() => read(text)).toThrow(JsonRefused);
    expect(() => read(text)).toThrow(why);
  });

  it('refuses what is not UTF-8', () => {
    expect(() => parseStrictJson(Buffer.from([0x22, 0xc3, 0x28, 0x22]))).toThrow('UTF-8');
  });

  it('reads 32 levels', () => {
    expect(read(`${'['.repeat(32)}${']'.repeat(32)}`)).toBeDefined();
  });

  it('never repeats the body in its message', () => {
    expect(() => read('{"password": hunter2}')).toThrow(/^(?!.*hunter2)/);
  });
});
