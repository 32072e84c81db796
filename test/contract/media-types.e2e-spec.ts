import { operationsOf } from '../../src/platform/http/document.js';
import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { addressOf } from '../harness/scenes.js';
import { portOf, request, wire } from './wire.js';

/** Read as JSON by any sane reading of RFC 9110, 8.3.1. */
const JSON_TYPES = [
  'application/json',
  'APPLICATION/JSON',
  'Application/Json',
  'application/json;charset=utf-8',
  'application/json; charset=UTF-8',
  'application/json;charset="utf-8"',
  'application/json ; charset=utf-8',
  'application/json;',
  'application/json ;',
  'application/json; foo=bar',
];
/** Neither JSON nor anything else that we read. */
const OTHER_TYPES = [
  'text/json',
  'text/plain',
  'text/plain; application/json',
  'application/jsonx',
  'application/json-patch+json',
  'application/json+xml',
  'application/vnd.api+json',
  'xapplication/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=application/json',
  'application/octet-stream',
  'application',
  'json',
  '*/*',
  'application/*',
  '',
];
/** Once read without validation by a Fastify that took them for JSON in one place only; each may be read or refused. */
const ODD_TYPES = [
  'application/json\t',
  'application/json\t;charset=utf-8',
  '\tapplication/json',
  ' application/json',
  'application/json charset=utf-8',
  'application/json,text/plain',
  'text/plain,application/json',
  'application/json\u00a0',
  'application /json',
  'application/ json',
  'application/json;charset=utf-16',
  'application/json;charset',
];

const INVALID = '{"nobody_knows_this":true}';

describe('the type of a body', () => {
  let app: TestApp;
  let ada: Person;
  let port: number;
  let writes: { method: string; url: string }[];

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.admin();
    port = await portOf(app);
    writes = operationsOf(app.app.document)
      .filter(({ operation }) => operation.requestBody && !operation['x-streamed-body'])
      .map(({ method, path }) => ({ method: method.toUpperCase(), url: addressOf(path, {}, ada.id) }));
  });
  afterAll(() => app.stop());

  /** What each write says to an invalid body of this type. */
  async function outcomes(type: string): Promise<{ write: string; code: string }[]> {
    const found = [];
    for (const { method, url } of writes) {
      const headers = type === '' ? undefined : { 'content-type': type };
      const answer = await app.send<{ code: string }>(method, url, {
        token: ada.token,
        body: INVALID,
        headers: headers ?? { 'content-type': '' },
      });
      found.push({ write: `${method} ${url}`, code: answer.body.code });
      if (answer.body.code !== 'unsupported_media_type') continue;
      const field = { POST: 'accept-post', PATCH: 'accept-patch' }[method] ?? 'accept';
      const takes =
        method === 'PATCH' ? 'application/json, application/merge-patch+json' : 'application/json, application/xml';
      expect(answer.headers[field]).toBe(takes);
    }
    expect(found.length).toBeGreaterThan(8);
    return found;
  }

  it.each(JSON_TYPES)('%j is read, and what it holds is checked', async (type) => {
    for (const { write, code } of await outcomes(type)) expect([write, code]).toEqual([write, 'validation_failed']);
  });

  it.each(OTHER_TYPES)('%j is refused', async (type) => {
    for (const { write, code } of await outcomes(type))
      expect([write, code]).toEqual([write, 'unsupported_media_type']);
  });

  it.each(ODD_TYPES)('%j is refused, or what it holds is checked', async (type) => {
    for (const { write, code } of await outcomes(type))
      expect([write, ['validation_failed', 'unsupported_media_type', 'malformed_request'].includes(code)]).toEqual([
        write,
        true,
      ]);
  });

  it('application/merge-patch+json is for PATCH alone', async () => {
    for (const { write, code } of await outcomes('application/merge-patch+json')) {
      const right = write.startsWith('PATCH') ? 'validation_failed' : 'unsupported_media_type';
      expect([write, code]).toEqual([write, right]);
    }
  });

  it.each([
    ['none', []],
    ['two, JSON first', ['Content-Type: application/json', 'Content-Type: text/plain']],
    ['two, JSON last', ['Content-Type: text/plain', 'Content-Type: application/json']],
    ['a folded one', ['Content-Type: application/json;', ' charset=utf-8']],
    ['one with a tab at its end', ['Content-Type: application/json\t']],
    ['one with a tab inside', ['Content-Type: application/json\t;charset=utf-8']],
    ['an encoded body', ['Content-Type: application/json', 'Content-Encoding: gzip']],
  ])('on the wire: %s', async (_, headers) => {
    const line = 'POST /api/v1/auth/login HTTP/1.1';
    const answer = await wire(port, request(line, [...headers, `Content-Length: ${INVALID.length}`], INVALID));
    expect([400, 415, 422]).toContain(answer.status);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  });
});
