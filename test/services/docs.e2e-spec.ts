import type { AddressInfo } from 'node:net';

import type { Browser, Page } from 'playwright-core';

import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { startChromium } from './chromium.js';

describe('/docs in a browser', () => {
  let app: TestApp;
  let ada: Person;
  let browser: Browser;
  let page: Page;
  let url: string;
  const trouble: string[] = [];
  const foreign: string[] = [];

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.admin({ name: 'Ada Lovelace' });
    await app.app.fastify.listen({ port: 0, host: '127.0.0.1' });
    url = `http://127.0.0.1:${(app.app.fastify.server.address() as AddressInfo).port}`;
    browser = await startChromium();
    page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    page.setDefaultTimeout(10_000);
    page.on('console', (message) => {
      if (message.type() === 'error') trouble.push(message.text());
    });
    page.on('pageerror', (error) => trouble.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith('data:')) foreign.push(request.url());
    });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await app?.stop();
  });

  it('shows every tag in order, from this server alone, under its policy', async () => {
    await page.goto(`${url}/docs`);
    await page.waitForSelector('.opblock-tag-section');
    const tags = await page.$$eval('.opblock-tag', (headings) =>
      headings.map((heading) => heading.getAttribute('data-tag')),
    );
    expect(tags).toEqual(['auth', 'me', 'users', 'keys', 'problems', 'health']);
    expect(foreign).toEqual([]);
    expect(trouble).toEqual([]);
    if (process.env['UPDATE_PICTURES']) await page.screenshot({ path: 'docs/pictures/docs.png' });
  });

  it('signs in by a bearer token, asks, reads the answer, and is still signed in after a reload', async () => {
    await page.click('.auth-wrapper .authorize');
    await page.fill('.auth-container input', ada.token);
    await page.click('.auth-btn-wrapper .authorize');
    await page.click('.auth-btn-wrapper .btn-done');
    await page.reload();
    await page.waitForSelector('.opblock-tag-section');
    const operation = page.locator('.opblock-get', { has: page.locator('[data-path="/api/v1/me"]') });
    await operation.locator('.opblock-summary-control').click();
    await operation.locator('.execute').click();
    const answer = operation.locator('.live-responses-table');
    expect(await answer.locator('.response-col_status').last().textContent()).toContain('200');
    expect(await answer.textContent()).toContain('Ada Lovelace');
    expect(trouble).toEqual([]);
  });
});
