import type { AddressInfo } from 'node:net';

import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';

import { Administrators } from '../../src/auth/administrators.service.js';
import { TAGS } from '../../src/openapi.js';
import { TestApp } from '../harness/app.js';
import { PASSWORD, unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { picture, startChromium, watchPage } from './chromium.js';
import type { Watched } from './chromium.js';
import { until } from './until.js';

const MINUTE = 60_000;

describe('/docs in a browser', () => {
  let app: TestApp;
  let ada: Person;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let watched: Watched;
  let url: string;

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.admin({ name: 'Ada Lovelace', email: `${unique('ada')}@example.com` });
    await app.app.fastify.listen({ port: 0, host: '127.0.0.1' });
    url = `http://127.0.0.1:${(app.app.fastify.server.address() as AddressInfo).port}`;
    browser = await startChromium();
    context = await browser.newContext({ viewport: { width: 1280, height: 1000 } });
    page = await context.newPage();
    watched = watchPage(page, url);
    await page.clock.install();
    await load();
  }, 180_000);

  afterEach(() => {
    expect(watched.foreign.splice(0)).toEqual([]);
    // Errors of scripts, and everything that the policy of the page forbids.
    expect(watched.trouble.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await app?.stop();
  });

  async function load(): Promise<void> {
    await page.goto(`${url}/docs`);
    await page.waitForSelector('.opblock-tag-section');
  }
  async function signIn(identifier: string, password: string): Promise<void> {
    await page.fill('#identifier', identifier);
    await page.fill('#password', password);
    await page.keyboard.press('Enter');
  }
  const saysWho = (words: RegExp): Promise<void> => page.locator('#who', { hasText: words }).waitFor();
  const shown = (selector: string): Promise<void> => page.locator(selector).waitFor({ state: 'visible' });
  const alert = async (): Promise<string | null> => {
    await shown('#alert');
    return page.locator('#alert').textContent();
  };
  /** The browser tells each refused request on its console; these were meant. */
  const meant = (...statuses: number[]): void =>
    expect(watched.trouble.splice(0)).toEqual(statuses.map((status) => expect.stringContaining(`status of ${status}`)));

  /** The tag of an operation shows what is in it once it is opened. */
  async function unfold(method: string, path: string): Promise<void> {
    const { tags } = (app.app.document.paths[path] as Record<string, { tags: string[] }>)[method]!;
    const tag = page.locator(`.opblock-tag[data-tag="${tags[0]}"]`);
    if ((await tag.getAttribute('data-is-open')) !== 'true') await tag.click();
  }

  async function open(method: string, path: string): Promise<Locator> {
    await unfold(method, path);
    const operation = page.locator(`.opblock-${method}`, { has: page.locator(`[data-path="${path}"]`) });
    if (!(await operation.getAttribute('class'))!.includes('is-open'))
      await operation.locator('.opblock-summary-control').click();
    await operation.locator('.execute').waitFor();
    return operation;
  }
  const close = (operation: Locator): Promise<void> => operation.locator('.opblock-summary-control').click();

  async function execute(operation: Locator): Promise<{ status: string; text: string }> {
    const clear = operation.locator('.btn-clear');
    // The answer before it would be taken for this one.
    const answer = operation.locator('.live-responses-table');
    if (await clear.isVisible()) {
      await clear.click();
      await answer.waitFor({ state: 'detached' });
    }
    await operation.locator('.execute').click();
    await answer.waitFor();
    return {
      status: (await answer.locator('.response-col_status').last().innerText()).trim(),
      text: await answer.innerText(),
    };
  }

  it('shows every tag in order, each with what it is for', async () => {
    const tags = await page.$$eval('.opblock-tag', (headings) =>
      headings.map((heading) => [
        heading.getAttribute('data-tag'),
        heading.querySelector('small')?.textContent?.trim(),
      ]),
    );
    expect(tags).toEqual(TAGS.map(({ name, about }) => [name, about]));
  });

  it('refuses a wrong password in the words of the problem, and leaves the form as it was', async () => {
    await signIn(ada.user.email, 'not the password of Ada');
    expect(await alert()).toBe('Name or password is not right');
    expect(await page.inputValue('#identifier')).toBe(ada.user.email);
    meant(401);
  });

  it('signs in by its form, says who it is and until when, and leaves the keyboard where one goes on', async () => {
    await signIn(ada.user.email, PASSWORD);
    await shown('#sign-out');
    await saysWho(/^Signed in as Ada Lovelace \(ada\w+@example\.com\) until .+, renewed by itself$/);
    expect(await page.locator('#alert').isVisible()).toBe(false);
    expect(await page.locator('#sign-in').isVisible()).toBe(false);
    expect(await page.evaluate('document.activeElement.id')).toBe('leave');
  });

  it('creates a user from a named example, and finds them in the list', async () => {
    const create = await open('post', '/api/v1/users');
    await create.locator('.examples-select select').first().selectOption({ label: 'Invited' });
    const body = create.locator('.body-param__text');
    const email = `${unique('alan')}@example.com`;
    await until('the example is there', async () => (await body.inputValue()).includes('Alan Turing'));
    await body.fill((await body.inputValue()).replace(/"email": "[^"]+"/, `"email": "${email}"`));
    const created = await execute(create);
    expect(created.status).toContain('201');
    expect(created.text).toContain('"status": "invited"');
    await create.evaluate((element) => element.scrollIntoView());
    await page.evaluate('window.scrollBy(0, -70)');
    await picture(page, 'docs');
    await close(create);

    const list = await open('get', '/api/v1/users');
    await list.locator('[data-param-name="filter"] input').fill(`email eq "${email}"`);
    const listed = await execute(list);
    expect(listed.status).toContain('200');
    expect(listed.text).toContain(`"email": "${email}"`);
    expect(listed.text).toContain('"name": "Alan Turing"');
  });

  it('is still signed in after a reload, and keeps nothing beyond the tab', async () => {
    await page.reload();
    await page.waitForSelector('.opblock-tag-section');
    await saysWho(/Signed in as Ada Lovelace/);
    const get = await open('get', '/api/v1/me');
    const answer = await execute(get);
    expect(answer.status).toContain('200');
    expect(answer.text).toContain('Ada Lovelace');
    expect(await page.evaluate('localStorage.length')).toBe(0);
    await close(get);
  });

  it('fills in nothing that would hide what there is, and says who may ask', async () => {
    const list = await open('get', '/api/v1/users');
    const filled = await list
      .locator('.parameters input')
      .evaluateAll((inputs) => inputs.map((input) => (input as unknown as { value: string }).value));
    expect(filled.filter(Boolean)).toEqual(['20']);
    expect(await list.innerText()).toContain('Needs the permission users:read.');
    await close(list);
  });

  it('renews its token before it ends, and sends the new one', async () => {
    const renewed = page.waitForResponse((answer) => answer.url().endsWith('/auth/refresh'));
    app.clock.advance(9.5 * MINUTE);
    await page.clock.fastForward(9.5 * MINUTE);
    expect((await renewed).status()).toBe(200);
    app.clock.advance(5 * MINUTE);
    const get = await open('get', '/api/v1/me');
    expect((await execute(get)).status).toContain('200');
    await close(get);
  });

  it('leaves the renewal to the tab that it was copied from', async () => {
    const kept = await page.evaluate<string>('JSON.stringify({ ...sessionStorage })');
    const copy = await context.newPage();
    const watchedCopy = watchPage(copy, url);
    await copy.addInitScript(`Object.assign(sessionStorage, ${kept})`);
    await copy.goto(`${url}/docs`);
    await copy.locator('#who', { hasText: 'until' }).filter({ hasNotText: 'renewed' }).waitFor();
    expect(watchedCopy).toEqual({ trouble: [], foreign: [] });
    await copy.close();
    await saysWho(/renewed by itself/);
  });

  it('signs out here and at the server', async () => {
    const token = await page.evaluate<string>("JSON.parse(sessionStorage['roster.docs.session']).accessToken");
    const left = page.waitForResponse((answer) => answer.url().endsWith('/auth/logout'));
    await page.click('#leave');
    expect((await left).status()).toBe(204);
    await shown('#sign-in');
    expect(await page.locator('#who').textContent()).toBe('');
    expect((await app.send('GET', '/api/v1/me', { token })).body).toMatchObject({ code: 'token_revoked' });
    const get = await open('get', '/api/v1/me');
    expect((await execute(get)).text).toContain('token_missing');
    await close(get);
    meant(401);
  });

  it('takes a bearer token by hand, also over a reload, and forgets it', async () => {
    const { token } = await app.people.signIn(ada.user);
    await page.click('.auth-wrapper .authorize');
    await page.fill('.auth-container input', token);
    await page.click('.auth-btn-wrapper .authorize');
    await page.click('.auth-btn-wrapper .btn-done');
    await saysWho(/^A bearer token, given by hand until /);
    await page.reload();
    await page.waitForSelector('.opblock-tag-section');
    const get = await open('get', '/api/v1/me');
    expect((await execute(get)).text).toContain('Ada Lovelace');
    await close(get);
    await page.click('#leave');
    await shown('#sign-in');
    expect((await app.send('GET', '/api/v1/me', { token })).status).toBe(200);
  });

  it('asks for another password after one for one use, and signs in with it', async () => {
    const { email, oneTimePassword } = await app.get(Administrators).create(`${unique('grace')}@example.com`);
    await signIn(email, oneTimePassword!);
    await shown('#change-password');
    expect(await page.inputValue('#current-password')).toBe(oneTimePassword);
    await page.fill('#new-password', 'too short');
    await page.keyboard.press('Enter');
    expect(await alert()).toBe('1 member is wrong. Use at least 15 characters.');
    meant(422);
    await page.fill('#new-password', 'a lighthouse made of paper and patience');
    await page.keyboard.press('Enter');
    await page.locator('#change-password').waitFor({ state: 'hidden' });
    const get = await open('get', '/api/v1/me');
    expect((await execute(get)).text).toContain(email);
    await close(get);
  });

  it('says so when the session was ended elsewhere', async () => {
    const { userId } = await page.evaluate<{ userId: string }>(
      "({ userId: JSON.parse(atob(JSON.parse(sessionStorage['roster.docs.session']).accessToken.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))).sub })",
    );
    expect(
      (await (await app.people.admin()).put(`/api/v1/users/${userId}/suspension`, { reason: 'left' })).status,
    ).toBe(200);
    await execute(await open('get', '/api/v1/me'));
    expect(await alert()).toBe('Your session has ended. Sign in again.');
    await shown('#sign-in');
    meant(401);
  });
});
