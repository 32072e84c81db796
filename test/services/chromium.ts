import { existsSync } from 'node:fs';

import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

const PROGRAM = '/usr/bin/chromium';

/** Debian's Chromium without a window and without a word to the outside; an absent one is a failure, never a skip. */
export function startChromium(): Promise<Browser> {
  if (!existsSync(PROGRAM)) throw new Error(`Debian's Chromium is not installed at ${PROGRAM}: .ci/run installs it`);
  const quiet = [
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
    '--disable-quic',
    '--disable-gpu',
  ];
  return chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox', ...quiet], timeout: 90_000 });
}

export interface Watched {
  /** Errors and warnings of the console, which tells violations of the policy too, and of scripts. */
  readonly trouble: string[];
  /** Requests to anybody else. */
  readonly foreign: string[];
}

/** What a page does wrong, from its first request on. */
export function watchPage(page: Page, url: string): Watched {
  const watched: Watched = { trouble: [], foreign: [] };
  // What a browser takes on a busy machine is no promise: whoever waits goes on at once.
  page.setDefaultTimeout(30_000);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) watched.trouble.push(message.text());
  });
  page.on('pageerror', (error) => watched.trouble.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) watched.foreign.push(request.url());
  });
  return watched;
}

/** Keeps what the page looks like in docs/pictures, if `UPDATE_PICTURES=1` asks for it. */
export async function picture(page: Page, name: string): Promise<void> {
  if (process.env['UPDATE_PICTURES'] !== '1') return;
  await page.screenshot({ path: `docs/pictures/${name}.png` });
}
