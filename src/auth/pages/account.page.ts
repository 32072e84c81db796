import { readFileSync } from 'node:fs';

import Handlebars from 'handlebars';

import type { AccountPage } from '../accounts/account-links.js';
import { PAGE_WORDS } from './account.words.js';
import type { PageLanguage } from './account.words.js';

/** Served beside the pages, for their policy allows no script of another place, nor one that stands in them. */
export const ACCOUNT_SCRIPT = readFileSync(new URL('./account.mjs', import.meta.url), 'utf8');

interface Form {
  readonly action: string;
  readonly also?: object;
  readonly fields?: readonly ('name' | 'new-password' | 'password' | 'code')[];
}

const FORMS: Readonly<Record<AccountPage, Form>> = {
  'verify-email': { action: '/api/v1/auth/email/verify', fields: ['password'] },
  'revert-email': { action: '/api/v1/auth/email/revert' },
  'reset-password': { action: '/api/v1/auth/password/reset', fields: ['new-password'] },
  'sign-in': { action: '/api/v1/auth/magic-link/consume', also: { session: 'cookie' }, fields: ['code'] },
  'accept-invitation': { action: '/api/v1/auth/invitations/accept', fields: ['name', 'new-password'] },
};

/** Shown at once, or only when the server asks for them. */
const FIELDS = {
  name: { id: 'name-field', name: 'name', type: 'text', autocomplete: 'name', hidden: false, required: false },
  'new-password': {
    id: 'new-password-field',
    name: 'password',
    type: 'password',
    autocomplete: 'new-password',
    hidden: false,
    required: true,
  },
  password: {
    id: 'password-field',
    name: 'password',
    type: 'password',
    autocomplete: 'current-password',
    hidden: true,
    required: false,
  },
  code: { id: 'code-field', name: 'code', type: 'text', autocomplete: 'one-time-code', hidden: true, required: false },
} as const;

const CONTENT = Handlebars.compile<object>(`
<main>
<h1>{{title}}</h1>
<p>{{text}}</p>
<form id="account" data-action="{{action}}" data-also="{{also}}">
{{#each fields}}
<p id="{{id}}"{{#if hidden}} hidden{{/if}}><label>{{label}}<br><input name="{{name}}" type="{{type}}" autocomplete="{{autocomplete}}"{{#if required}} required{{/if}}></label></p>
{{/each}}
<p><button id="button">{{button}}</button></p>
{{#if passkey}}
<p><button id="passkey" type="button" hidden>{{passkey}}</button></p>
{{/if}}
</form>
<p id="outcome" role="status"></p>
<noscript><p>{{noscript}}</p></noscript>
<script type="application/json" id="words">{{{told}}}</script>
</main>
`);

/** @returns the title and the HTML of one of the pages; the same for whoever opens it */
export function accountPage(page: AccountPage, language: PageLanguage): { title: string; content: string } {
  const { pages, common } = PAGE_WORDS[language];
  const { action, also = {}, fields = [] } = FORMS[page];
  const { title, text, button, done } = pages[page];
  const content = CONTENT({
    ...{ title, text, button, action, noscript: common.noscript },
    also: JSON.stringify(also),
    // Only where a second factor may be asked for.
    passkey: fields.includes('code') ? common.passkey : null,
    fields: fields.map((name) => ({ ...FIELDS[name], label: common[name] })),
    // Words of our own, without an end of a script in them.
    told: JSON.stringify({ ...common.told, done }),
  });
  return { title, content };
}
