import { everywhere, guarded, withId, withQuery } from './attack.js';
import type { Attack, Target, Technique } from './attack.js';

const headers = (...lines: readonly string[]): Attack => ({ headers: lines });
const each = (...lines: readonly string[]): Attack[] => lines.map((line) => ({ headers: [line] }));
const technique = (
  row: string,
  name: string,
  must: Technique['must'],
  on: Technique['on'],
  attacks: Technique['attacks'],
): Technique => ({ row, name, must, on, attacks });

const LONG = 'a'.repeat(20_000);
const NONE_JWT = `${text64({ alg: 'none' })}.${text64({ sub: '1' })}.`;

function text64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

const HOSTILE_TEXTS = [
  "' OR 1=1--",
  '(SELECT 1)',
  'a'.repeat(3000),
  '%00',
  '%0d%0aSet-Cookie:%20a=b',
  '%F0%9F%98%80',
  '%ED%A0%80',
  '../..',
  '${jndi:ldap://127.0.0.1/a}',
  '[object Object]',
  'undefined',
];

const FILTERS = [
  `${'('.repeat(5000)}email eq "a"${')'.repeat(5000)}`,
  `${'not '.repeat(2000)}email pr`,
  `email eq "${'\\"'.repeat(900)}`,
  'email eq "a" or 1=1',
  'email eq "a\'; DROP TABLE roster.users; --"',
  'email eq "a\r\nSet-Cookie: a=b"',
  'passwordHash pr',
  '__proto__ pr',
  'constructor eq "a"',
  'email co "%%%%%%"',
  'email co "___"',
  'email[type eq "work"] pr',
  'createdAt gt "not a moment"',
  'createdAt gt "+275760-09-13T00:00:00.001Z"',
  `${'email eq "a" or '.repeat(120)}email pr`,
];

const encoded =
  (name: string, values: readonly string[]) =>
  (target: Target): Attack[] =>
    values.map((value) => ({ url: `${target.url}?${name}=${encodeURIComponent(value)}` }));

/** Ways in which a router and a guard have disagreed about a path. */
function tricks(url: string): string[] {
  const [, first = '', ...rest] = url.split('/');
  const tail = rest.join('/');
  return [
    `//${first}/${tail}`,
    `/${first}//${tail}`,
    `${url}/`,
    `${url}//`,
    `${url};a=b`,
    `${url}%2F`,
    `${url}%20`,
    `${url}%09`,
    `${url}.json`,
    `${url}?`,
    `/./${first}/${tail}`,
    `/x/../${first}/${tail}`,
    `/x/%2e%2e/${first}/${tail}`,
    `/${first.toUpperCase()}/${tail}`,
    `/%61pi/${tail}`,
    `/${first}%2f${tail}`,
    `\\${first}\\${tail}`,
    `http://localhost${url}`,
    `${url}#a`,
  ];
}

export const REQUEST_TECHNIQUES: readonly Technique[] = [
  technique('S58', '2,500 headers', 'survive', everywhere, () => [
    headers(...Array.from({ length: 2500 }, (_, at) => `X-${at}: 1`)),
  ]),
  technique('S58', 'a header of 20 KB', 'refuse', everywhere, () => each(`X-Long: ${LONG}`, `Cookie: ${LONG}`)),
  technique('S60', 'a Host twice, none, or a strange one', 'survive', everywhere, () => [
    headers('Host: evil.example.com'),
    { bare: true },
    { bare: true, headers: ['Host: evil.example.com:99999'] },
    { bare: true, headers: ['Host: a b'] },
  ]),
  technique('S61', 'forged addresses of proxies', 'survive', everywhere, () =>
    each(
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-For: ::ffff:10.0.0.1, garbage',
      'X-Forwarded-Host: evil.example.com',
      'X-Forwarded-Proto: javascript',
      'Forwarded: for=_secret;host=evil.example.com;proto=gopher',
      'X-Real-IP: 999.999.999.999',
      'X-Original-URL: /ops/config',
    ),
  ),
  technique('S55', 'another method by a header', 'refuse', guarded, () =>
    ['X-HTTP-Method-Override: GET', 'X-HTTP-Method: OPTIONS', 'X-Method-Override: POST'].map((line) => ({
      headers: [line],
      anonymous: true,
    })),
  ),
  technique('S60', 'methods that nobody has', 'refuse', everywhere, () =>
    ['TRACE', 'TRACK', 'CONNECT', 'PROPFIND', 'get', 'GET\u0000', 'G ET', ''].map((method) => ({ method, body: null })),
  ),
  technique('S60', 'a wish for no known format', 'survive', everywhere, () =>
    each(
      'Accept: a/b;q=x',
      `Accept: ${'a/b,'.repeat(1000)}`,
      'Accept: */*;q=0',
      'Accept: ;;;',
      'Accept: application/json;q=1e999',
    ),
  ),
  technique('S60', 'strange conditions', 'survive', everywhere, () =>
    each(
      'If-Match: "1.json',
      `If-Match: ${'"a", '.repeat(1000)}"b"`,
      'If-Match: "99999999999999999999.json"',
      'If-Match: "-1.json"',
      'If-None-Match: *, *',
      `If-None-Match: ${'W/"1", '.repeat(1000)}`,
      'If-Modified-Since: yesterday',
      'If-Range: "a"',
      'Range: bytes=0-0,1-1,2-2,3-',
    ),
  ),
  technique('S58', 'strange keys of idempotency', 'survive', everywhere, () =>
    each(
      `Idempotency-Key: ${'k'.repeat(5000)}`,
      'Idempotency-Key: ',
      'Idempotency-Key: "a", "b"',
      'Idempotency-Key: \u00ff\u00fe',
      "Idempotency-Key: ' OR 1=1--",
    ),
  ),
  technique('S60', 'strange preferences', 'survive', everywhere, () =>
    each(
      'Prefer: return=minimal, return=representation',
      `Prefer: ${'a=b,'.repeat(2000)}`,
      'Prefer: return="',
      'Prefer: respond-async; wait=1e999',
    ),
  ),
  technique('S64', 'request ids and traces that are no such', 'survive', everywhere, () =>
    each(
      'X-Request-Id: \u001b[31mred',
      `X-Request-Id: ${'a'.repeat(5000)}`,
      'traceparent: 00-00-00-00',
      `tracestate: ${'a=b,'.repeat(500)}`,
      'baggage: \u00ff',
    ),
  ),
  technique('S31', 'tokens that are none', 'refuse', guarded, () =>
    [
      'Authorization: Bearer',
      'Authorization: Bearer a.b.c',
      `Authorization: Bearer ${NONE_JWT}`,
      `Authorization: Bearer ${'a'.repeat(10_000)}`,
      'Authorization: Basic YWRtaW46YWRtaW4=',
      'Authorization: bearer \u0001',
      'Authorization: Bearer a, Bearer b',
      'Authorization: ../../',
    ].map((line) => ({ anonymous: true, headers: [line] })),
  ),
  technique('S29', 'a token in the URL', 'refuse', guarded, ({ url, token }) => [
    { anonymous: true, url: `${url}?access_token=${token}` },
    { anonymous: true, url: `${url}?authorization=Bearer%20${token}` },
    { anonymous: true, headers: [`Cookie: access_token=${token}; session=${token}`] },
  ]),
  technique('S28', 'HEAD and OPTIONS without a token', 'survive', guarded, () => [
    { anonymous: true, method: 'OPTIONS', body: null },
  ]),
  technique(
    'A15',
    'HEAD past the guard',
    'refuse',
    (target) => guarded(target) && target.method === 'GET',
    () => [{ anonymous: true, method: 'HEAD', body: null }],
  ),
  technique('S55', 'paths that a guard may not see', 'refuse', guarded, ({ url }) =>
    tricks(url).map((trick) => ({ url: trick, anonymous: true })),
  ),
  technique('S55', 'paths that nobody has', 'survive', everywhere, ({ url }) =>
    ['%', '%zz', '%c0%af', '%u0041', '%00', '%ff', '/%2e%2e/%2e%2e/etc/passwd', `/${'a'.repeat(5000)}`, '/\u00e9'].map(
      (tail) => ({ url: url + tail }),
    ),
  ),
  technique('A26', 'ids that are none', 'refuse', withId, ({ url }) =>
    [
      'null',
      'undefined',
      '1',
      '-1',
      '{}',
      '%5Bobject%20Object%5D',
      '..',
      '%2e%2e',
      '%00',
      "'%20OR%201=1--",
      'a'.repeat(190),
      '01A1FB89',
      '%7B%22$ne%22:null%7D',
      '00000000-0000-0000-0000-00000000000g',
    ].map((id) => ({ url: url.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, id) })),
  ),
  technique(
    'A22',
    'sorts that inject',
    'refuse',
    withQuery,
    encoded('sort', [
      '(SELECT 1)',
      'email;DROP TABLE roster.users',
      'email DESC',
      'email,(SELECT pg_sleep(9))',
      '-',
      '--email',
      'u.email',
      'password_hash',
      '__proto__',
      'constructor',
      '1',
    ]),
  ),
  technique('A22', 'filters that inject', 'survive', withQuery, encoded('filter', FILTERS)),
  technique(
    'A23',
    'cursors that were forged',
    'refuse',
    withQuery,
    encoded('cursor', ['a', 'a.b', '..', 'e30', text64({ value: '1', id: "'" }), 'A'.repeat(8000), '\u0000', 'null']),
  ),
  technique(
    'S58',
    'pages without measure',
    'refuse',
    withQuery,
    encoded('limit', ['0', '-1', '201', '1e9', 'NaN', '1.5', '9'.repeat(300), 'null', '']),
  ),
  technique('S56', 'parameters that nobody has', 'refuse', withQuery, ({ url }) =>
    [
      'limit[$gt]=1',
      'limit=1&limit=2',
      '__proto__[a]=1',
      'constructor=1',
      'fields=passwordHash',
      'count=all',
      'page=2',
      'filter[]=a',
    ].map((query) => ({ url: `${url}?${query}` })),
  ),
  technique('S56', 'hostile texts in the query', 'survive', everywhere, ({ url }) =>
    HOSTILE_TEXTS.map((text) => ({ url: `${url}?q=${text.replaceAll(' ', '%20').replaceAll("'", '%27')}` })),
  ),
  technique('S60', 'an upgrade, an expectation, an old version', 'survive', everywhere, () => [
    headers('Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: AAAA', 'Sec-WebSocket-Version: 13'),
    headers('Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'),
    headers('Expect: 200-ok'),
    { version: 'HTTP/1.0' },
    { version: 'HTTP/9.9' },
    { version: 'HTTP/1.1\nX: y' },
  ]),
  technique('S60', 'headers that are cut in two', 'survive', everywhere, () =>
    each(
      'X-A: b\r\n folded',
      'X-A : b',
      ': no name',
      'X-A: \u0000',
      'X-A: a\rb',
      'X-A: a\nX-B: b',
      'Transfer-Encoding : chunked',
    ),
  ),
];
