import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import Handlebars from 'handlebars';

import { eventTypes } from '../platform/contract/event.js';
import { SCRIPTED_PAGE_POLICY, renderPage } from '../platform/pages/page.js';

const beside = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

/** Its style and its scripts are files of this server; a socket to where the page came from is `'self'` too (CSP 3). */
export const DEV_PAGE_POLICY = SCRIPTED_PAGE_POLICY.replace('style-src', "style-src 'self'");

/** Read when somebody asks: production never does. */
export const devScript = (): string => beside('./live-events.mjs');
export const devStyle = (): string => beside('./live-events.css');

/** The client that comes with the server: no other version, and nobody else's server. */
export function clientScript(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('socket.io/package.json'));
  return readFileSync(join(folder, 'client-dist', 'socket.io.esm.min.js'), 'utf8');
}

const CONTENT = Handlebars.compile<{ types: readonly string[] }>(`
<link rel="stylesheet" href="/dev/realtime/page.css">
<header>
  <h1>Live events</h1>
  <p id="state" class="pill" role="status" data-state="off">not connected</p>
</header>
<form id="settings">
  <label class="wide">Access token or key <input name="token" type="password" autocomplete="off" spellcheck="false" placeholder="empty: the session of this browser’s cookies"></label>
  <label>Types <input name="types" list="types" autocomplete="off" placeholder="all, or user.*, session.started"></label>
  <label>Subject <input name="subject" autocomplete="off" placeholder="all, or users/*"></label>
  <label class="choice"><input name="own" type="checkbox"> only what happens to me</label>
  <button>Connect</button>
  <datalist id="types">{{#each types}}<option value="{{this}}">{{/each}}</datalist>
</form>
<p id="trouble" role="alert" hidden></p>
<section class="figures" aria-label="Figures">
  <p><strong id="count">0</strong> events</p>
  <p><strong id="rate">0</strong> a second</p>
  <p><strong id="delay">–</strong> ms behind</p>
  <svg id="sparkline" viewBox="0 0 240 48" preserveAspectRatio="none" role="img" aria-label="Events a second, of the last minute"><path class="area" d=""/><path class="line" d=""/></svg>
</section>
<div class="bar">
  <p id="who" class="quiet"></p>
  <button id="pause" type="button" class="plain" aria-pressed="false">Hold the list</button>
  <button id="clear" type="button" class="plain">Clear</button>
</div>
<table>
  <thead><tr><th scope="col">Time</th><th scope="col">Type</th><th scope="col">Subject</th></tr></thead>
  <tbody id="events"><tr class="none"><td colspan="3" class="quiet">Nothing yet. Connect, then change something: each event appears as it is committed.</td></tr></tbody>
</table>
<noscript><p>This page needs JavaScript.</p></noscript>
`);

export function devPage(): string {
  const types = [...eventTypes.keys()].sort();
  const groups = [...new Set(types.map((type) => `${type.split('.')[0]}.*`))];
  return renderPage('Live events', CONTENT({ types: [...groups, ...types] }), { script: '/dev/realtime/page.mjs' });
}
