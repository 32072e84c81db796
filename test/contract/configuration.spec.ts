import { settings } from '../../src/platform/config/settings.js';
import type { Setting } from '../../src/platform/config/settings.js';
import { committed } from './reference.js';

/** Text in a cell: a bar would end it. */
const cell = (text: string): string => text.replaceAll('|', '\\|');
const code = (text: string): string => (text ? `\`${cell(text)}\`` : '');

function configurationPage(): string {
  const rows = (Object.entries(settings) as [string, Setting<unknown>][]).map(
    ([name, { usual, expects, about, secret }]) =>
      `| ${code(name)} | ${code(usual)} | ${cell(expects)} | ${cell(about)}${secret ? ' (a secret)' : ''} |`,
  );
  return [
    '# Configuration',
    '',
    'By environment alone. Nothing has to be set; whatever is wrong stops the start, and all of it is named at once. Each',
    'variable `NAME` may come from the file that `NAME_FILE` names instead. Generated:',
    '`UPDATE_REFERENCE=1 npm test -- test/contract/configuration` writes it anew.',
    '',
    '| variable | default | is | for |',
    '|---|---|---|---|',
    ...rows,
    '',
    'With `NODE_ENV=production` these have to be set: `SECRET_KEY`, and `DATABASE_URL` unless `ALLOW_EMBEDDED_DATABASE=1`.',
    '',
  ].join('\n');
}

it('is documented as it is: docs/reference/configuration.md has every variable', () => {
  expect(committed('configuration.md', configurationPage())).toBe(configurationPage());
});
