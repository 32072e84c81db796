import { withBody } from './attack.js';
import type { Attack, Target, Technique } from './attack.js';

/** Which no honest body has: if it comes through, it was not validated (A16). */
const UNKNOWN = JSON.stringify({ isAdmin: true, nobodyKnows: 1 });

/** What parsers of media types have been fooled with. Whatever each is taken for, the body must be validated or refused. */
const SPELLINGS = [
  'application/json\t;charset=utf-8',
  'application/json ;charset=utf-8',
  'application/json;',
  'application/json;;',
  'application/json; charset=utf-8; charset=utf-7',
  'application/json; charset=utf-7',
  'application/json;charset="utf-8"',
  'application/json;charset=UTF-16',
  'application/json;a',
  'application/json; a=b; c',
  'application/json,text/plain',
  'application/json text/plain',
  'application/json\\',
  'application/json/',
  'application//json',
  'APPLICATION/JSON',
  'Application/Json',
  'application/jsonp',
  'application/json5',
  'application/x-json',
  'application/vnd.api+json',
  'application/problem+json',
  'application/merge-patch+json',
  'application/json-patch+json',
  'application/json-seq',
  'application/scim+json',
  'text/json',
  'text/plain',
  'text/plain; application/json',
  '*/*',
  '/',
  ';',
  'json',
  '',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  'application/xml; charset=utf-16',
  '__proto__',
  'constructor',
];

const ENTITIES = `<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">${Array.from({ length: 9 }, (_, at) => {
  const before = String.fromCharCode(97 + at);
  return `<!ENTITY ${String.fromCharCode(98 + at)} "${`&${before};`.repeat(10)}">`;
}).join('')}]>`;

const XML: readonly string[] = [
  `${ENTITIES}<user><name>&j;</name></user>`,
  '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><user><name>&x;</name></user>',
  '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><user/>',
  '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p"> %p;]><user/>',
  '<?xml-stylesheet href="http://127.0.0.1:9/"?><user><isAdmin>true</isAdmin></user>',
  '<user xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd" parse="text"/></user>',
  `${'<a>'.repeat(100_000)}`,
  `${'<a>'.repeat(1000)}${'</a>'.repeat(1000)}`,
  '<user><name>a</name><name>b</name><isAdmin>true</isAdmin></user>',
  '<user><__proto__><polluted>true</polluted></__proto__></user>',
  '<user><constructor><prototype><polluted>true</polluted></prototype></constructor></user>',
  '<user>&undefined;</user>',
  '<user><name>&#0;</name></user>',
  '<user><name>&#xD800;</name></user>',
  '<user',
  '<user></other>',
  '<a/><b/>',
  'not xml at all',
  '<?xml version="1.0" encoding="UTF-7"?><user/>',
  `<user ${'a'.repeat(1000)}="1"/>`,
  `<user><name><![CDATA[${']]'.repeat(1000)}</name></user>`,
];

const spelled = (types: readonly string[], body: string) => (): Attack[] => types.map((type) => ({ type, body }));

const writesXml = (target: Target): boolean => withBody(target);

export const TYPE_TECHNIQUES: readonly Technique[] = [
  {
    name: `${SPELLINGS.length} spellings of a content type`,
    row: 'A16',
    must: 'refuse',
    on: withBody,
    attacks: spelled(SPELLINGS, UNKNOWN),
  },
  {
    name: 'no content type, and two',
    row: 'A16',
    must: 'refuse',
    on: withBody,
    attacks: () => [
      { type: null, body: UNKNOWN },
      { type: 'application/json', body: UNKNOWN, headers: ['Content-Type: text/plain'] },
    ],
  },
  {
    name: 'forms that a browser sends anywhere',
    row: 'S27',
    must: 'refuse',
    on: withBody,
    attacks: ({ body }) => [
      { type: 'application/x-www-form-urlencoded', body: new URLSearchParams(asTexts(body!)).toString() },
      { type: 'text/plain', body: JSON.stringify(body) },
      {
        type: 'multipart/form-data; boundary=x',
        body: '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--',
      },
    ],
  },
  {
    name: 'XML that means harm',
    row: 'S60',
    must: 'refuse',
    on: writesXml,
    attacks: () => ['application/xml', 'text/xml'].flatMap((type) => XML.map((body) => ({ type, body }))),
  },
  {
    name: 'a body where none is taken',
    row: 'A16',
    must: 'survive',
    on: ({ body }) => body === null,
    attacks: () => [
      { type: 'application/json', body: '{"__proto__":{"polluted":true}}' },
      { type: 'text/plain', body: 'a' },
      { type: 'application/json', body: '{' },
    ],
  },
];

function asTexts(body: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, String(value)]));
}
