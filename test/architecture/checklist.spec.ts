import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { PlantedTree, ROOT } from './planted-tree.js';

const range = (letter: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, place) => `${letter}${from + place}`);

/** The rows of the checklist that what is built here has to keep. */
const ROWS = [
  ...[range('S', 1, 37), range('S', 54, 64), range('A', 1, 12), range('A', 15, 24)].flat(),
  ...['A26', 'A28', 'A29', 'A30'],
];

/** The rows of the table in docs/security.md, each with the files that it names. */
function tableIn(root: string): [number: string, files: string[]][] {
  const text = readFileSync(join(root, 'docs/security.md'), 'utf8');
  return [...text.matchAll(/^\| ([SA]\d+) +\|[^|]*\|([^|]*)\|$/gm)].map(([, number, files]) => [
    number!,
    [...files!.matchAll(/`([^`]+)`/g)].map(([, file]) => (file!.startsWith('src/') ? file! : `test/${file}`)),
  ]);
}

/** In the name of a test or a technique, not in a remark. */
function names(text: string, number: string): boolean {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/ .*$/gm, '');
  const strings = code.match(/'[^'\n]*'|"[^"\n]*"|`[^`\n]*`/g) ?? [];
  return strings.some((string) => new RegExp(`\\b${number}\\b`).test(string));
}

function faultsOf(root: string): string[] {
  return tableIn(root).flatMap(([number, files]) => {
    if (files.length === 0) return [`${number} is tested nowhere`];
    return files.flatMap((file) => {
      if (!existsSync(join(root, file))) return [`${number}: there is no ${file}`];
      return names(readFileSync(join(root, file), 'utf8'), number) ? [] : [`${number} is not named in ${file}`];
    });
  });
}

describe('The checklist', () => {
  it('has a row in docs/security.md for each of its numbers, in their order', () => {
    expect(tableIn(ROOT).map(([number]) => number)).toEqual(ROWS);
  });

  it('is tested where docs/security.md says: the files are there, and name the number', () => {
    using tree = new PlantedTree({
      'docs/security.md': '| S1 | a | `a.spec.ts` |\n| S2 | b | `a.spec.ts`, `b.spec.ts` |\n| S3 | c | none |\n',
      'test/a.spec.ts': "it('S1 and S22 hold', () => undefined); // S2",
    });
    expect(faultsOf(tree.folder)).toEqual([
      'S2 is not named in test/a.spec.ts',
      'S2: there is no test/b.spec.ts',
      'S3 is tested nowhere',
    ]);
    expect(faultsOf(ROOT)).toEqual([]);
  });
});
