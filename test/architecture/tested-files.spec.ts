import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ROOT } from './planted-tree.js';

const WHOLE = { nonFlagArgs: [] };
const PASSED = { success: true, numTotalTests: 3, numPassedTests: 3 };

describe('npm run test:once', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tested-files-'));
    execFileSync('git', ['init', '--quiet'], { cwd: folder });
    writeFileSync(join(folder, '.gitignore'), 'node_modules\n');
    writeFileSync(join(folder, 'a.ts'), 'one');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** In a process of its own, whose folder is the one that was tested. */
  const ask = (text: string): string =>
    execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import T, { havePassed } from ${JSON.stringify(`${ROOT}/test/harness/tested-files.js`)};${text}`,
      ],
      { cwd: folder, encoding: 'utf8' },
    ).trim();
  const run = (config: object, results: object): string =>
    ask(`new T(${JSON.stringify(config)}).onRunComplete(null, ${JSON.stringify(results)})`);
  const passed = (): string => ask('console.log(havePassed())');

  it('runs nothing again that has passed whole on exactly these files', () => {
    expect(passed()).toBe('false');
    run(WHOLE, PASSED);
    expect(passed()).toBe('true');
    writeFileSync(join(folder, 'b.ts'), 'new');
    expect(passed()).toBe('false');
    rmSync(join(folder, 'b.ts'));
    expect(passed()).toBe('true');
    writeFileSync(join(folder, 'a.ts'), 'other');
    expect(passed()).toBe('false');
  });

  it.each([
    ['part of it', { nonFlagArgs: ['users'] }, PASSED],
    ['one name', { ...WHOLE, testNamePattern: 'x' }, PASSED],
    ['a run that failed', WHOLE, { ...PASSED, success: false }],
    ['a run that skipped one', WHOLE, { ...PASSED, numPassedTests: 2 }],
    ['a run that was interrupted', WHOLE, { ...PASSED, wasInterrupted: true }],
    ['a run of nothing', WHOLE, { success: true, numTotalTests: 0, numPassedTests: 0 }],
  ])('takes %s for nothing', (_what, config, results) => {
    run(config, results);
    expect(passed()).toBe('false');
  });
});
