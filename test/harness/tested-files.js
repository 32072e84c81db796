import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const NOTE = 'node_modules/.cache/roster/tested-files';

/** What is tested: the tree that git would commit now, and what runs it; null where there is no git. */
function testedFiles() {
  const folder = mkdtempSync(join(tmpdir(), 'roster-index-'));
  const git = (...parameters) =>
    execFileSync('git', parameters, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, GIT_INDEX_FILE: join(folder, 'index') },
    }).trim();
  try {
    git('add', '--all');
    return `${git('write-tree')} ${process.version} ${process.platform} ${process.arch}\n`;
  } catch {
    // No git here, or no repository: then nothing is remembered.
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether all tests of `npm test` have passed here on exactly these files. */
export function havePassed() {
  try {
    return readFileSync(NOTE, 'utf8') === testedFiles();
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Jest's reporter that remembers a whole run that passed: `npm run check` runs all tests, and CI calls it right after
 * `npm test`, which would be the same tests on the same files. Whoever changes one letter, or has no git, runs them all.
 */
export default class TestedFiles {
  constructor(globalConfig) {
    const { testPathPatterns, testNamePattern, nonFlagArgs, shard, onlyChanged } = globalConfig;
    this.isWhole = !testPathPatterns?.isSet() && !testNamePattern && nonFlagArgs.length === 0 && !shard && !onlyChanged;
    this.before = this.isWhole ? testedFiles() : null;
  }

  // Jest tells `success` only afterwards, and whatever comes after the tests may fail yet: the end of the process knows.
  onRunComplete(_contexts, { numTotalTests, numPassedTests, numTotalTestSuites, numPassedTestSuites, wasInterrupted }) {
    const passed = numPassedTests === numTotalTests && numPassedTestSuites === numTotalTestSuites;
    if (this.before === null || wasInterrupted || numTotalTests === 0 || !passed) return;
    process.once('exit', (code) => {
      // Files that were changed meanwhile are not those that were tested.
      if (code === 0 && this.before === testedFiles()) remember(this.before);
    });
  }
}

function remember(files) {
  mkdirSync(dirname(NOTE), { recursive: true });
  writeFileSync(NOTE, files);
}
