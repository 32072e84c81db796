import { createHash } from 'node:crypto';

import { problems } from '../../src/platform/contract/problem.js';
import { problemPage } from '../../src/platform/pages/problems.page.js';
import { TestApp } from '../harness/app.js';
import type { Answer } from '../harness/household.js';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';

interface Explained {
  code: string;
  status: number;
  type: string;
  example: { code: string; status: number; errors?: unknown[] };
}

describe('/problems', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });
  afterAll(() => app.stop());

  const ask = <T = never>(url: string, accept?: string): Promise<Answer<T>> =>
    app.send<T>('GET', url, { headers: accept ? { accept } : {} });
  const typeOf = ({ headers }: Answer): string => String(headers['content-type']).split(';')[0]!;

  it.each([
    ['nothing', undefined, 'application/json'],
    ['anything', '*/*', 'application/json'],
    ['JSON', 'application/json', 'application/json'],
    ['HTML', 'text/html', 'text/html'],
    ['what a browser asks for', BROWSER, 'text/html'],
    ['JSON rather than HTML', 'text/html;q=0.5, application/json', 'application/json'],
    ['HTML rather than JSON', 'application/json;q=0.5, text/html', 'text/html'],
  ])('answers who asks for %s', async (_, accept, type) => {
    for (const url of ['/problems', '/problems/email_taken']) {
      const answer = await ask(url, accept);
      expect([answer.status, typeOf(answer), String(answer.headers['vary'])]).toEqual([
        200,
        type,
        expect.stringMatching(/accept/i),
      ]);
    }
  });

  it.each([
    ['a page', BROWSER, 'text/html'],
    ['a problem', 'application/json', 'application/problem+json'],
  ])('tells of an unknown code by %s, in the format of who asked', async (_, accept, type) => {
    const answer = await ask('/problems/no_such_code', accept);
    expect([answer.status, typeOf(answer)]).toEqual([404, type]);
  });

  it('writes an unknown code so that it cannot become markup', async () => {
    const answer = await ask(`/problems/${encodeURIComponent('<img src=x onerror=alert(1)>')}`, BROWSER);
    expect(answer.status).toBe(404);
    expect(answer.text).not.toContain('<img');
    expect(answer.text).toContain('&lt;img src&#x3D;x');
  });

  it('lists every code with its status, each linked to its page', async () => {
    const { text } = await ask('/problems', BROWSER);
    for (const { code, status } of problems.values())
      expect(text).toContain(`<tr><td>${status}</td><td><a href="/problems/${code}"><code>${code}</code></a></td>`);
  });

  it('explains each code in both formats, with an example that is one', async () => {
    const { body } = await ask<{ data: Explained[] }>('/problems');
    expect(body.data.map(({ code }) => code)).toEqual([...problems.keys()].sort());
    for (const { code, status, type, example } of body.data) {
      expect(new URL(type).pathname).toBe(`/problems/${code}`);
      expect(example).toMatchObject({ code, status, type });
      const one = await ask<Explained>(new URL(type).pathname);
      expect(one.body).toMatchObject({ code, example });
      const page = await ask(new URL(type).pathname, BROWSER);
      expect(page.text).toContain(`&quot;code&quot;: &quot;${code}&quot;`);
    }
    const withFaults = body.data.filter(({ example }) => example.errors).map(({ code }) => code);
    expect(withFaults).toEqual(expect.arrayContaining(['email_taken', 'parameter_invalid', 'validation_failed']));
  });

  it('sends pages under a policy that allows their own style alone', async () => {
    const { text, headers } = await ask('/problems/email_taken', BROWSER);
    const style = /<style>(.*?)<\/style>/s.exec(text)![1]!;
    const digest = createHash('sha256').update(style).digest('base64');
    expect(headers['content-security-policy']).toContain(`style-src 'sha256-${digest}'`);
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(text).not.toMatch(/<script|style=|https?:\/\/(?!www\.rfc-editor\.org|127\.0\.0\.1)/);
  });

  it('sets words in back-quotes as code, after they were escaped', () => {
    const hostile = { code: 'x', status: 400, title: '<b>', cause: '`<i>` & co', mend: '"', example: { a: '</pre>' } };
    const page = problemPage(hostile, [hostile]);
    expect(page).toContain('<code>&lt;i&gt;</code> &amp; co');
    expect(page).not.toMatch(/<b>|<i>|"<\/pre>"/);
  });
});
