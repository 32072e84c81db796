import { existsSync } from 'node:fs';

import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

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
  return chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox', ...quiet] });
}
