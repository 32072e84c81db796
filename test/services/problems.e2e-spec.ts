import type { AddressInfo } from 'node:net';

import type { Browser, Page } from 'playwright-core';

import { problems } from '../../src/platform/contract/problem.js';
import { TestApp } from '../harness/app.js';
import { picture, startChromium, watchPage } from './chromium.js';
import type { Watched } from './chromium.js';

describe('/problems in a browser', () => {
  let app: TestApp;
  let browser: Browser;
  let page: Page;
  let watched: Watched;
  let url: string;

  beforeAll(async () => {
    app = await TestApp.start();
    await app.app.fastify.listen({ port: 0, host: '127.0.0.1' });
    url = `http://127.0.0.1:${(app.app.fastify.server.address() as AddressInfo).port}`;
    browser = await startChromium();
    page = await browser.newPage({ viewport: { width: 900, height: 700 } });
    watched = watchPage(page, url);
  }, 120_000);

  afterEach(() => expect(watched).toEqual({ trouble: [], foreign: [] }));
  afterAll(async () => {
    await browser?.close();
    await app?.stop();
  });

  it('lists every code, in the style that its policy allows', async () => {
    await page.goto(`${url}/problems`);
    expect(await page.locator('tbody tr').count()).toBe(problems.size);
    expect(await page.evaluate("getComputedStyle(document.querySelector('table')).borderCollapse")).toBe('collapse');
    await picture(page, 'problems');
  });

  it('leads to each explanation, to its neighbours and back', async () => {
    const at = (path: string): Promise<void> => page.waitForURL(`${url}${path}`);
    await page.click('text=email_taken');
    await at('/problems/email_taken');
    expect(await page.locator('h1').innerText()).toBe('This e-mail address is already in use');
    expect(await page.locator('pre').innerText()).toContain('"code": "email_taken"');
    const next = await page.getAttribute('a[rel=next]', 'href');
    await page.click('a[rel=next]');
    await at(new URL(next!, page.url()).pathname);
    await page.click('a[rel=prev]');
    await at('/problems/email_taken');
    await page.click('text=All problems');
    await at('/problems');
  });

  it('fits a phone', async () => {
    await page.setViewportSize({ width: 360, height: 700 });
    for (const path of ['/problems', '/problems/validation_failed', '/docs']) {
      await page.goto(`${url}${path}`, { waitUntil: 'networkidle' });
      expect([path, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([path, 360]);
    }
  });
});
