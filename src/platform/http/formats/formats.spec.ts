import fc from 'fast-check';
import { XMLValidator } from 'fast-xml-parser';

import { csvWriter } from './csv-writer.js';
import type { Schemas } from './schema.js';
import { xmlReader } from './xml-reader.js';
import { XmlRefused } from './xml-refused.js';
import { problemXmlWriter, xmlWriter } from './xml-writer.js';

const SCHEMAS: Schemas = {
  Kind: { type: 'string' },
  Place: {
    type: 'object',
    properties: { city: { type: 'string' }, floor: { type: ['integer', 'null'] } },
    required: ['city'],
  },
  Thing: {
    type: 'object',
    properties: {
      id: { type: 'string' },
      count: { type: 'integer' },
      price: { type: 'number' },
      live: { type: 'boolean' },
      note: { type: ['string', 'null'] },
      kind: { allOf: [{ $ref: '#/components/schemas/Kind' }] },
      place: { anyOf: [{ $ref: '#/components/schemas/Place' }, { type: 'null' }] },
      tags: { type: 'array', items: { type: 'string' } },
      places: { type: 'array', items: { $ref: '#/components/schemas/Place' } },
      free: { type: 'object', additionalProperties: true },
      checks: {
        type: 'object',
        additionalProperties: { type: 'array', items: { $ref: '#/components/schemas/Place' } },
      },
      child: { $ref: '#/components/schemas/Thing' },
    },
    required: ['id'],
  },
  Problem: {
    type: 'object',
    properties: {
      title: { type: 'string' },
      errors: { type: 'array', items: { type: 'object', properties: { code: { type: 'string' } } } },
    },
  },
};
const write = xmlWriter('Thing', SCHEMAS);
const read = xmlReader('Thing', SCHEMAS);

/** Any text that XML 1.0 can carry. */
const text = fc
  .string({ unit: 'binary', maxLength: 20 })
  .filter((value) => !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(value));
const place = fc.record({ city: text, floor: fc.option(fc.integer()) }, { requiredKeys: ['city'] });
const free = fc.dictionary(
  text.filter((key) => key !== '__proto__'),
  fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 2 },
      text,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 3 }),
    ),
  })).value,
);
const thing = fc.record(
  {
    id: text,
    count: fc.integer(),
    price: fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
    live: fc.boolean(),
    note: fc.option(text),
    kind: text,
    place: fc.option(place),
    tags: fc.array(text, { maxLength: 4 }),
    places: fc.array(place, { maxLength: 3 }),
    free,
  },
  { requiredKeys: ['id'] },
);

describe('XML', () => {
  it('reads back whatever it wrote', () => {
    fc.assert(
      fc.property(thing, (value) => {
        const written = write(value);
        expect(XMLValidator.validate(written)).toBe(true);
        expect(read(Buffer.from(written))).toEqual(plain(value));
      }),
    );
  });

  it('writes no member that the schema does not name', () => {
    const written = write({ id: 'a', passwordHash: 'planted', place: { city: 'b', hidden: 'planted' } });
    expect(written).not.toContain('planted');
    expect(written).toContain('<place><city>b</city></place>');
  });

  it('is one element for each member, in the order of the schema', () => {
    const value = {
      tags: ['a', 'b'],
      id: '<&>"\'',
      note: null,
      free: { 'a b': [1, null, { c: true }] },
      checks: { db: [{ city: 'x' }] },
    };
    expect(write(value)).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><thing xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' +
        '<id>&lt;&amp;&gt;&quot;&apos;</id><note xsi:nil="true"/><tags><item>a</item><item>b</item></tags>' +
        '<free><entry key="a b" type="array"><item type="number">1</item><item type="null"/>' +
        '<item type="object"><entry key="c" type="boolean">true</entry></item></entry></free>' +
        '<checks><entry key="db"><place><city>x</city></place></entry></checks></thing>',
    );
  });

  it('carries what XML cannot as U+FFFD', () => {
    expect(write({ id: 'a\u0000b\u001b\ud800' })).toContain('<id>a\ufffdb\ufffd\ufffd</id>');
  });

  it('lacks no required member, unless it is sparse', () => {
    expect(() => write({})).toThrow('"id" is required');
    expect(xmlWriter('Thing', SCHEMAS, true)({})).toMatch(/<\/thing>$/);
  });

  it('tells problems as RFC 9457 does', () => {
    const written = problemXmlWriter(SCHEMAS)({ title: 'No', errors: [{ code: 'a' }] });
    expect(written).toContain(
      '<problem xmlns="urn:ietf:rfc:7807"><title>No</title><errors><i><code>a</code></i></errors></problem>',
    );
  });

  it.each([
    ['a document type', '<!DOCTYPE a><thing/>'],
    ['an entity of its own', '<!DOCTYPE a [<!ENTITY x "y">]><thing><id>&x;</id></thing>'],
    ['an entity that nobody has', '<thing><id>&nbsp;</id></thing>'],
    ['a processing instruction', '<?php echo 1 ?><thing/>'],
    ['another encoding', '<?xml version="1.0" encoding="UTF-16"?><thing/>'],
    ['33 levels', '<a>'.repeat(33) + '</a>'.repeat(33)],
    ['100,000 levels', '<a>'.repeat(100_000)],
    ['a body of beginnings of CDATA', `<thing>${'<![CDATA['.repeat(116_000)}</thing>`],
    ['a body of opening brackets', `${'<'.repeat(1_000_000)}>`],
    ['a tag of attributes', `<thing ${Array.from({ length: 50_000 }, (_, at) => `a${at}="1"`).join(' ')}/>`],
    ['text beside elements', '<thing>a<id>b</id></thing>'],
    ['an element twice', '<thing><id>a</id><id>b</id></thing>'],
    ['another root', '<other/>'],
    ['two roots', '<thing/><thing/>'],
    ['no root', '   '],
    ['an end that is missing', '<thing><id>a</id>'],
    ['a character that XML does not have', '<thing><id>&#0;</id></thing>'],
    ['half a surrogate pair', '<thing><id>&#xD800;</id></thing>'],
    ['__proto__', '<thing><__proto__><a>1</a></__proto__></thing>'],
    ['constructor', '<thing><constructor>a</constructor></thing>'],
    ['a key twice', '<thing><free><entry key="a">1</entry><entry key="a">2</entry></free></thing>'],
    ['a comment', '<thing><!-- a --></thing>'],
    ['a NUL', '<thing><id>a\0b</id></thing>'],
    ['a noncharacter', '<thing><id>a\uffffb</id></thing>'],
    ['33 levels that look closed', `${'<a x="/>">'.repeat(33)}${'</a>'.repeat(33)}`],
    ['a long tag with a bracket in a value', `<thing><id x=">" y="${'a'.repeat(30_000)}"/></thing>`],
    ['CDATA in a value', '<thing x="<![CDATA["><id>&constructor;</id><id y="]]>"/></thing>'],
    ['a reference to a member of every object', '<thing><id>&constructor;</id></thing>'],
    ['many elements', `<thing>${'<a/>'.repeat(30_000)}</thing>`],
  ])('is refused: %s', (_, body) => {
    expect(() => read(Buffer.from(body))).toThrow(XmlRefused);
  });

  it('is refused when it is no UTF-8', () => {
    expect(() => read(Buffer.from([0x3c, 0xc3, 0x28, 0x3e]))).toThrow(XmlRefused);
  });

  it.each([
    ['an unknown member as a text', '<thing><isAdmin>true</isAdmin></thing>', { isAdmin: 'true' }],
    [
      'a text that is no number as a text',
      '<thing><count>many</count><live>yes</live></thing>',
      { count: 'many', live: 'yes' },
    ],
    ['CDATA as it stands', '<thing><id><![CDATA[a & <b> &amp;]]></id></thing>', { id: 'a & <b> &amp;' }],
    ['references', '<thing><id>&lt;&#65;&#x42;&amp;amp;</id></thing>', { id: '<AB&amp;' }],
    ['an entry without a type as a text', '<thing><free><entry key="a">1</entry></free></thing>', { free: { a: '1' } }],
    ['a text where an object belongs', '<thing><place>here</place></thing>', { place: 'here' }],
  ])('reads %s', (_, body, value) => {
    const got = read(Buffer.from(body));
    expect(JSON.stringify(got)).toBe(JSON.stringify(value));
  });

  it('takes the name of an answer for a root too', () => {
    expect(xmlReader('Place', SCHEMAS, ['Thing'])(Buffer.from('<thing><city>a</city></thing>'))).toEqual({ city: 'a' });
  });
});

describe('CSV', () => {
  it('has a column for each member, quotes, and runs nothing', () => {
    const { header, rows } = csvWriter('Thing', SCHEMAS);
    expect(header).toBe('id,count,price,live,note,kind,place,tags,places,free,checks,child\r\n');
    const written = rows([
      { id: 'a,"b"\nc', count: -1, live: true, note: null, tags: ['x'], secret: 'planted' },
      { id: '=1+1', note: '@SUM(A1)', kind: '+1', free: { a: 1 } },
    ]);
    expect(written).toBe('"a,""b""\nc",-1,,true,,,,"[""x""]",,,,\r\n\'=1+1,,,,\'@SUM(A1),\'+1,,,,"{""a"":1}",,\r\n');
  });

  it('quotes a lone line feed, after which a formula would stand in a row of its own', () => {
    const { rows } = csvWriter('Thing', SCHEMAS, new Set(['id']));
    expect(rows([{ id: 'a\n=1' }, { id: 'b\r=2' }])).toBe('"a\n=1"\r\n"b\r=2"\r\n');
  });

  it('leaves to the writer of a component what stands in a cell', () => {
    const { rows } = csvWriter('Thing', SCHEMAS, new Set(['place']), (component) => () => `a ${component}`);
    expect(rows([{ place: { city: 'a', secret: 'planted' } }])).toBe('a Place\r\n');
  });

  it('has only the columns that are asked for', () => {
    const { header, rows } = csvWriter('Thing', SCHEMAS, new Set(['note', 'id']));
    expect(header + rows([{ id: '1', count: 2, note: 'x' }])).toBe('id,note\r\n1,x\r\n');
  });
});

/** Without the prototypes that fast-check gives its dictionaries. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
