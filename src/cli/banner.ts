import { styleText } from 'node:util';

import { VERSION } from '../app.js';
import { RESET, curlOf, dataOf, notesOf, urlsOf } from './news.js';
import type { News } from './news.js';

const LABEL_WIDTH = 15;

/** The same as the line of JSON, for somebody who sits at a terminal. */
export function banner(news: News): string {
  const { api, docs, openapi, health, metrics, outbox } = urlsOf(news);
  const title = styleText('bold', `Roster ${VERSION} is ready`);
  const lines = [
    `${title} ${styleText('dim', `(${(news.startMs / 1000).toFixed(1)} s)`)}`,
    '',
    ...row('API', api && `${api}/api/v1`),
    ...row('Documentation', docs),
    ...row('OpenAPI', openapi),
    ...row('Health', health),
    ...row('Metrics', metrics),
    ...row('Outbox', outbox),
    ...row('Data', dataOf(news)),
    ...notesOf(news).map((note) => styleText('yellow', `! ${note}`)),
    '',
    ...administratorOf(news),
    '',
    ...row('Try it', news.token && api ? curlOf(news.token, api) : undefined),
    '',
    styleText('dim', 'Ctrl-C stops everything.'),
  ];
  return `\n${lines.map((line) => (line ? `  ${line}` : '')).join('\n')}\n\n`;
}

function administratorOf({ administrator }: News): string[] {
  if (!administrator) return row('Administrator', `as before; ${RESET} makes a new password`);
  const { email, oneTimePassword } = administrator;
  if (!oneTimePassword) return row('Administrator', `${email}, with the password of ADMIN_PASSWORD`);
  return [
    ...row('Administrator', email),
    ...row('Password', `${styleText('bold', oneTimePassword)}  ${styleText('dim', '(for one use; shown once)')}`),
  ];
}

function row(label: string, value: string | undefined): string[] {
  return value ? [`${styleText('cyan', label.padEnd(LABEL_WIDTH))}${value}`] : [];
}
