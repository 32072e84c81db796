import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const COMMITTED = 'sdk/src/generated';

/** Every file below a folder, with its text. */
function textsIn(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length + 1), readFileSync(path, 'utf8')];
    }),
  );
}

describe('the generated client', () => {
  it('is what the committed document gives: else run `npm run sdk`', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'roster-sdk-drift-'));
    try {
      await promisify(execFile)(process.execPath, ['sdk/generate.mjs', folder]);
      const [fresh, committed] = [textsIn(folder), textsIn(COMMITTED)];
      const differ = [...new Set([...Object.keys(fresh), ...Object.keys(committed)])].filter(
        (name) => fresh[name] !== committed[name],
      );
      expect(differ).toEqual([]);
      expect(Object.keys(fresh).length).toBeGreaterThan(5);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('needs nothing at run time', () => {
    const { dependencies, peerDependencies } = JSON.parse(readFileSync('sdk/package.json', 'utf8')) as Record<
      string,
      object
    >;
    expect([dependencies, peerDependencies]).toEqual([undefined, undefined]);
    const strangers = Object.entries(textsIn('sdk/src')).flatMap(([name, text]) =>
      [...text.matchAll(/from '([^.'][^']*)'/g)].map(([, from]) => `${name}: ${from}`),
    );
    expect(strangers).toEqual([]);
  });
});
