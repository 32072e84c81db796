import { Client } from 'pg';
import type { Browser, Page } from 'playwright-core';

import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { TestApp } from '../harness/app.js';
import { asSuperuser, freshDatabase } from '../harness/database.js';
import { NDJSON, handIn, ndjson, over } from '../imports/files.js';
import { listening } from '../realtime/clients.js';
import { picture, startChromium, watchPage } from './chromium.js';
import type { Watched } from './chromium.js';
import { until } from './until.js';

describe('/dev/realtime in a browser', () => {
  let app: TestApp;
  let browser: Browser;
  let page: Page;
  let watched: Watched;
  let url: string;
  let root: Person;

  beforeAll(async () => {
    app = await TestApp.start({ database: await freshDatabase('realtime_page') });
    url = await listening(app);
    root = await app.people.admin();
    browser = await startChromium();
  }, 180_000);
  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 1000, height: 860 } });
    watched = watchPage(page, url);
  });
  afterEach(async () => {
    expect(watched).toEqual({ trouble: [], foreign: [] });
    await page.close();
  });
  afterAll(async () => {
    await browser?.close();
    await app?.stop();
  });

  const stands = (words: string, on = page) => on.locator('#state', { hasText: words }).waitFor();
  const row = (type: string, id: string) =>
    page.locator('#events tr', { hasText: type }).filter({ hasText: id }).first();

  /** Whether the page has ever told of a rate: it tells of each second for a second alone. */
  const rates = {
    begin: () =>
      page.evaluate(`{
        const rate = document.getElementById('rate');
        const look = () => (globalThis.hadRate ||= /^[1-9]/.test(rate.textContent));
        new MutationObserver(look).observe(rate, { childList: true, characterData: true, subtree: true });
      }`),
    told: () => until('a rate was told', () => page.evaluate<boolean>('globalThis.hadRate === true')),
  };

  /** An import that has come so far goes no further, until this is called. A lock that has no number holds up no facts. */
  async function heldAt(id: string, position: number): Promise<() => Promise<void>> {
    const holder = new Client({ connectionString: asSuperuser(app.ground.address) });
    await holder.connect();
    const come = 'SELECT 1 FROM roster.imports WHERE id = $1 AND position >= $2';
    await until('the import has come so far', async () => (await app.sql(come, [id, position])).length > 0);
    await holder.query('BEGIN; LOCK TABLE roster.import_rows IN SHARE MODE');
    return () => holder.end();
  }

  /** Waits until the page has told of so many. */
  const counted = async (least: number): Promise<void> => {
    const count = async () => Number((await page.locator('#count').innerText()).replaceAll(',', ''));
    await until(`${least} are counted`, async () => (await count()) >= least, 240_000);
  };

  it('shows events as they come, under the strict policy, with a token that leaves the address bar', async () => {
    await page.goto(`${url}/dev/realtime#token=${root.token}`);
    await page.waitForURL(`${url}/dev/realtime`);
    await page.click('form button');
    await stands('connected');
    const people = await Promise.all(Array.from({ length: 12 }, () => app.people.person()));
    for (const { id } of people) await root.patch(`/api/v1/users/${id}`, { name: 'Somebody Else' });
    const [ada] = people;
    await root.put(`/api/v1/users/${ada!.id}/suspension`, { reason: 'A demonstration' });
    await row('user.suspended', ada!.id).waitFor();
    await row('user.suspended', ada!.id).click();
    await page.locator('tr.detail pre', { hasText: '"specversion": "1.0"' }).waitFor();
    expect(Number(await page.locator('#count').innerText())).toBeGreaterThanOrEqual(24);
    await page.locator('#sparkline .line[d^="M"]').waitFor({ state: 'attached' });
  });

  it('shows the events of an import as they come, hundreds a second, and stays at hand', async () => {
    await page.goto(`${url}/dev/realtime#token=${root.token}`);
    await page.click('form button');
    await stands('connected');
    const rows = Array.from({ length: 12_000 }, (_, at) => ({
      email: `${unique('live')}@example.com`,
      name: `No. ${at}`,
    }));
    // Two hundred come and go within a moment: another page tells of the import itself, and of nothing else.
    const aside = await browser.newPage();
    await aside.goto(`${url}/dev/realtime#token=${root.token}`);
    await aside.fill('input[name=types]', 'import.*');
    await aside.click('form button');
    await stands('connected', aside);
    const ofImport = (type: string) => aside.locator('#events tr', { hasText: type }).filter({ hasText: body.id });
    await rates.begin();
    const { body } = await handIn(root, ndjson(...rows), NDJSON);
    const letGo = await heldAt(body.id, 2000);
    await ofImport('import.started').waitFor();
    await counted(2000);
    await rates.told();
    await picture(page, 'realtime');
    expect(await ofImport('import.finished').count()).toBe(0);
    expect(await row('import.finished', body.id).count()).toBe(0);
    // Held in the middle of it: what is read stands still, and what comes is counted all the same.
    await page.click('#pause');
    const [first] = await page.locator('#events tr').allInnerTexts();
    await page.locator('#events tr').nth(1).click();
    await page.locator('tr.detail pre', { hasText: '"specversion": "1.0"' }).waitFor();
    await letGo();
    await counted(rows.length);
    expect((await page.locator('#events tr').allInnerTexts())[0]).toBe(first);
    await page.click('#pause');
    await row('import.finished', body.id).waitFor();
    await ofImport('import.finished').waitFor();
    await aside.close();
    // Those at the top are the newest; the first of them have left, so that the page does not grow.
    expect(await page.locator('#events tr').count()).toBeLessThanOrEqual(201);
    expect((await over(root, body.id)).created).toBe(rows.length);
  }, 300_000);

  it('shows only what the filter lets through, holds the list, and says what is wrong', async () => {
    await page.goto(`${url}/dev/realtime#token=${root.token}`);
    await page.fill('input[name=types]', 'user.flew');
    await page.click('form button');
    await page.locator('#trouble', { hasText: 'there is no event of this type' }).waitFor();
    await page.fill('input[name=types]', 'user.suspended');
    await page.click('form button');
    await stands('connected');
    const ada = await app.people.user();
    await root.patch(`/api/v1/users/${ada.id}`, { name: 'Ada' });
    await root.put(`/api/v1/users/${ada.id}/suspension`, { reason: 'left' });
    await row('user.suspended', ada.id).waitFor();
    expect(await page.locator('#events tr').count()).toBe(1);
    await page.click('#pause');
    await root.delete(`/api/v1/users/${ada.id}/suspension`);
    await root.put(`/api/v1/users/${ada.id}/suspension`, { reason: 'left again' });
    await page.locator('#count', { hasText: '2' }).waitFor();
    expect(await page.locator('#events tr').count()).toBe(1);
    await page.click('#pause');
    await page.locator('#events tr').nth(1).waitFor();
  });

  it('takes the session of the browser, and says why it is closed', async () => {
    const ada = await app.people.person();
    app.ground.publicUrl.settle(url);
    await page.goto(`${url}/dev/realtime`);
    const signedIn = await page.evaluate(
      async ([identifier, password]) =>
        (
          await fetch('/api/v1/auth/login', {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ identifier, password, session: 'cookie' }),
          })
        ).status,
      [ada.user.email, PASSWORD] as const,
    );
    expect(signedIn).toBe(200);
    await page.check('input[name=own]');
    await page.click('form button');
    await stands('connected');
    await root.patch(`/api/v1/users/${ada.id}`, { name: 'Ada' });
    await row('user.updated', ada.id).waitFor();
    await root.put(`/api/v1/users/${ada.id}/suspension`, { reason: 'left' });
    await page.locator('#trouble', { hasText: 'This session has ended' }).waitFor();
    await stands('closed');
  });

  it('is not there in production, nor for somebody who is not near', async () => {
    const { status } = await app.send('GET', '/dev/realtime', { headers: { host: 'roster.example' } });
    expect(status).toBe(404);
  });
});
