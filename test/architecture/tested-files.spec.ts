import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ROOT } from './planted-tree.js';

const REPORTER = `${ROOT}/test/harness/tested-files.js`;
const TESTS = "it('a', () => {}); it('b', () => {});";

/** Real runs of Jest over a small repository, as `npm test` is one over this. */
describe('npm run test:once', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tested-files-'));
    execFileSync('git', ['init', '--quiet'], { cwd: folder });
    write('.gitignore', 'node_modules\n');
    write('a.test.js', TESTS);
    write('jest.config.json', JSON.stringify({ reporters: [REPORTER], globalTeardown: './teardown.js' }));
    write('teardown.js', 'module.exports = () => {}');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const jest = (...parameters: string[]): number | null =>
    spawnSync(process.execPath, [`${ROOT}/node_modules/jest/bin/jest.js`, ...parameters], { cwd: folder }).status;
  const passed = (): string =>
    execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { havePassed } from ${JSON.stringify(REPORTER)}; console.log(havePassed())`,
      ],
      { cwd: folder, encoding: 'utf8' },
    ).trim();

  it('runs nothing again that has passed whole on exactly these files', () => {
    expect(passed()).toBe('false');
    expect(jest()).toBe(0);
    expect(passed()).toBe('true');
    write('b.js', 'new');
    expect(passed()).toBe('false');
    rmSync(join(folder, 'b.js'));
    expect(passed()).toBe('true');
    write('a.test.js', `${TESTS} `);
    expect(passed()).toBe('false');
  });

  // What stands in quotes is written into the small repository, and only its Jest runs, fails or skips it.
  it.each([
    ['part of it', { 'b.test.js': TESTS }, ['a.test.js'], 0],
    ['one name', {}, ['--testNamePattern', 'a'], 0],
    ['a run that failed', { 'b.test.js': "it('c', () => expect(1).toBe(2))" }, [], 1],
    ['a file that does not load', { 'b.test.js': 'no' }, [], 1],
    ['a run that skipped one', { 'b.test.js': "it.skip('c', () => {})" }, [], 0],
    ['a run whose end failed', { 'teardown.js': "module.exports = () => { throw new Error('no') }" }, [], 1],
    [
      'a run that changed a file',
      { 'teardown.js': "module.exports = () => require('fs').writeFileSync('n', '')" },
      [],
      0,
    ],
    ['a run of nothing', { 'a.test.js': '' }, ['--passWithNoTests', '--testMatch', 'none'], 0],
  ])('takes %s for nothing', (_what, files: Record<string, string>, parameters, status) => {
    for (const [name, text] of Object.entries(files)) write(name, text);
    expect(jest(...parameters)).toBe(status);
    expect(passed()).toBe('false');
  });
});
