import { STATUS_CODES } from 'node:http';
import { existsSync, readFileSync, readdirSync } from 'node:fs';

import { Administrators } from '../../src/auth/administrators.service.js';
import { settings } from '../../src/platform/config/settings.js';
import { problems } from '../../src/platform/contract/problem.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { examplesOf, kept, pattern } from './guide.js';

const FOLDER = new URL('../../docs/guide/', import.meta.url);
const pages = readdirSync(FOLDER).filter((name) => /^\d\d-.+\.md$/.test(name));
const textOf = (page: string): string => readFileSync(new URL(page, FOLDER), 'utf8');

describe('the guide', () => {
  let app: TestApp;
  const variables: Record<string, string> = {};

  beforeAll(async () => {
    const database = await freshDatabase(`guide_${process.env['JEST_WORKER_ID']}`);
    app = await TestApp.start({ database, settings: { RATE_LIMITS: 'on' } });
    const first = await app.get(Administrators).ensureFirst();
    variables['PASSWORD'] = first!.oneTimePassword!;
  });
  afterAll(() => app.stop());

  it('has ten pages, all in its index, each with the next', () => {
    expect(pages.length).toBe(10);
    const index = textOf('README.md');
    for (const [place, page] of pages.entries()) {
      expect(index).toContain(`(${page})`);
      expect(textOf(page)).toContain(pages[place + 1] ?? 'configuration.md');
    }
  });

  // In their order: what one page makes, the next ones find.
  it.each(pages)('%s tells what is answered to each of its commands', async (page) => {
    for (const example of examplesOf(page, textOf(page))) {
      const { command, method, url, headers, body, expected } = example(variables);
      const answer = await app.send(method, url, { headers, body });
      const told: unknown =
        typeof expected.body === 'string' ? answer.text.trim().replaceAll('\r\n', '\n') : answer.body;
      expect({ command, status: answer.status, body: told }).toEqual({
        command,
        status: expected.status,
        body: expected.body === undefined ? told : pattern(expected.body),
      });
      for (const [name, value] of expected.headers)
        expect({ command, [name]: String(answer.headers[name]) }).toEqual({ command, [name]: pattern(value) });
      Object.assign(variables, kept(answer.body));
    }
  });

  it('shows an answer to every command that is sent to the API', () => {
    const sent = pages.flatMap((page) => [...textOf(page).matchAll(/^curl .*127\.0\.0\.1:3000/gm)]).length;
    const shown = pages.flatMap((page) => examplesOf(page, textOf(page))).length;
    expect([shown, shown > 20]).toEqual([sent, true]);
  });

  it.each(['README.md', ...pages])('%s names only what there is', (page) => {
    const text = textOf(page);
    const words = new Set([...text.matchAll(/`([^`\n]+)`/g)].map(([, word]) => word!));
    const faults = [...words].flatMap((word) => {
      if (/^[A-Z][A-Z_]+(=\S+)?$/.test(word) && word.includes('_'))
        return word.split('=')[0]! in settings ? [] : [`no setting ${word}`];
      if (/^[a-z]+(_[a-z]+)+$/.test(word) && !CODES_OF_FAULTS.has(word))
        return problems.has(word) ? [] : [`no problem ${word}`];
      return [];
    });
    for (const [, name] of text.matchAll(/^([A-Z][A-Z_]+?)(?:_FILE)?=\S+ \\$/gm))
      if (!(name! in settings)) faults.push(`no setting ${name}`);
    for (const [, path] of text.matchAll(/`(\/(?:api|health|problems|docs|openapi)[^`\s{]*)`/g))
      if (!isServed(path!)) faults.push(`nothing at ${path}`);
    for (const [, link] of text.matchAll(/\]\((?!https?:)([^)#]+)/g))
      if (!existsSync(new URL(link!, FOLDER))) faults.push(`a dead link, ${link}`);
    for (const [, status, words] of text.matchAll(/^HTTP\/1\.1 (\d{3}) (.+)$/gm))
      if (STATUS_CODES[status!] !== words) faults.push(`${status} is not ${words}`);
    expect(faults).toEqual([]);
  });

  const CODES_OF_FAULTS = new Set(['unknown_member', 'email_invalid', 'filter_attribute_unknown']);
  const isServed = (path: string): boolean =>
    path in app.app.document.paths || app.app.fastify.hasRoute({ method: 'GET', url: path });
});
