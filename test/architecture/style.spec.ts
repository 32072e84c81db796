import { globSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import ts from 'typescript';
import { PlantedTree, ROOT } from './planted-tree.js';

/** The plan's top level (docs/architecture.md); a new entry is a change of plan. */
const TOP = {
  plan: ['src', 'test', 'migrations', 'nest-cli.json', 'package.json', 'tsconfig.json', 'ormconfig.ts', 'Dockerfile'],
  beside: ['docs', 'bench', 'deploy', 'sdk', 'console', 'examples', 'compose.yaml', '.ci'],
  pages: ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  tools: [
    ...['package-lock.json', 'tsconfig.build.json', 'jest.config.js', 'eslint.config.js', 'knip.json', 'redocly.yaml'],
    ...['.dependency-cruiser.js', '.prettierrc.json', '.prettierignore', '.editorconfig', '.npmrc', '.swcrc'],
    ...['.git', '.gitattributes', '.gitignore', '.dockerignore'],
  ],
  made: ['node_modules', 'dist', 'data'],
};

const NAMELESS_FOLDERS = new Set(['common', 'shared', 'util', 'utils', 'helper', 'helpers', 'core', 'lib', 'misc']);

/** Words that no committed text holds, and why. */
const FORBIDDEN: [why: string, word: RegExp][] = [
  ['work left undone', /\b(TODO|FIXME|XXX|HACK)\b/],
  ['a silenced check', /eslint-disable|@ts-ignore|@ts-nocheck|prettier-ignore|istanbul ignore/],
  ["one machine's path", /(^|[\s'"`(=:])\/(work|root|tmp|home)\//m],
  ["one machine's registry", /https?:\/\/registry\./],
];

/** The text that people write; what machines write has checks of its own. */
function textsOf(root: string): string[] {
  return globSync(
    [
      '{src,test,migrations,docs,bench,deploy,examples,.ci}/**/*.{ts,js,mjs,md,sh,yaml,json,hbs}',
      '*.{ts,js,md,json,yaml}',
      '.ci/run',
      'Dockerfile',
      '.npmrc',
    ],
    { cwd: root, exclude: ['docs/reference/**', '**/node_modules/**', 'test/architecture/style.spec.ts'] },
  );
}

const read = (root: string, path: string): string => readFileSync(join(root, path), 'utf8');

function strangersAtTheTop(root: string): string[] {
  const known = new Set(Object.values(TOP).flat());
  return readdirSync(root).filter((name) => !known.has(name) && !name.endsWith('.log'));
}

function namelessFolders(root: string): string[] {
  return globSync('{src,test,migrations,bench,deploy}/**/*', { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isDirectory() && NAMELESS_FOLDERS.has(entry.name))
    .map((entry) => entry.name);
}

function forbiddenWords(root: string): string[] {
  return textsOf(root).flatMap((path) => {
    const text = read(root, path);
    return FORBIDDEN.filter(([, word]) => word.test(text)).map(([why]) => `${path}: ${why}`);
  });
}

function longFiles(root: string): string[] {
  return globSync('{src,migrations}/**/*.ts', { cwd: root })
    .filter((path) => read(root, path).trimEnd().split('\n').length > 300)
    .sort();
}

/** The doors of the modules, each with the names it offers; `*` for a door that does not list them. */
function doors(root: string): [door: string, names: string[]][] {
  return globSync('src/*/index.ts', { cwd: root }).map((path) => {
    const { statements } = ts.createSourceFile(path, read(root, path), ts.ScriptTarget.Latest);
    return [basename(dirname(path)), statements.flatMap(namesOffered)];
  });
}

function namesOffered(statement: ts.Statement): string[] {
  if (!ts.isExportDeclaration(statement)) return ['*'];
  const clause = statement.exportClause;
  return clause && ts.isNamedExports(clause) ? clause.elements.map(({ name }) => name.text) : ['*'];
}

function doorsOfAnotherSize(root: string): string[] {
  return doors(root)
    .filter(([, names]) => names.includes('*') || names.length < 2 || names.length > 8)
    .map(([door, names]) => `${door}: ${names.join(', ')}`)
    .sort();
}

function modulesWithoutADoor(root: string): string[] {
  const open = new Set(doors(root).map(([door]) => door));
  return readdirSync(join(root, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !['platform', 'cli'].includes(entry.name))
    .filter((entry) => globSync('**/*.ts', { cwd: join(root, 'src', entry.name) }).length > 0 && !open.has(entry.name))
    .map(({ name }) => name);
}

describe('The house', () => {
  it('has at its top what the plan names, and no more', () => {
    expect(strangersAtTheTop(ROOT)).toEqual([]);
    using tree = new PlantedTree({ 'src/main.ts': '', 'scripts/build.js': '', 'notes.md': '', 'npm-debug.log': '' });
    expect(strangersAtTheTop(tree.folder)).toEqual(['notes.md', 'scripts']);
  });

  it('has no folder for things without a name', () => {
    expect(namelessFolders(ROOT)).toEqual([]);
    using tree = new PlantedTree({ 'src/users/helpers/trim.ts': '', 'src/users/user.entity.ts': '' });
    expect(namelessFolders(tree.folder)).toEqual(['helpers']);
  });

  it('holds none of the forbidden words', () => {
    expect(forbiddenWords(ROOT)).toEqual([]);
    using tree = new PlantedTree({
      'src/a.ts': '// TODO: later',
      'test/b.ts': '// eslint-disable-next-line',
      'docs/c.md': 'Look into /home/ada/data first.',
      '.npmrc': 'registry=https://registry.example/',
      'src/d.ts': "const right = 'https://example.test/home/items';",
    });
    expect(forbiddenWords(tree.folder).sort()).toEqual([
      ".npmrc: one machine's registry",
      "docs/c.md: one machine's path",
      'src/a.ts: work left undone',
      'test/b.ts: a silenced check',
    ]);
  });

  it('keeps files within 300 lines', () => {
    expect(longFiles(ROOT)).toEqual([]);
    using tree = new PlantedTree({ 'src/a.ts': 'x\n'.repeat(300), 'src/b.ts': 'x\n'.repeat(301) });
    expect(longFiles(tree.folder)).toEqual(['src/b.ts']);
  });

  it('has a door to every module, of 2 to 8 names', () => {
    expect(modulesWithoutADoor(ROOT)).toEqual([]);
    expect(doorsOfAnotherSize(ROOT)).toEqual([]);
    using tree = new PlantedTree({
      'src/users/index.ts': `export { a, b, c, d } from './x.js';\nexport type { E } from './y.js';`,
      'src/auth/index.ts': `export { alone } from './x.js';`,
      'src/mail/index.ts': `export * from './x.js';`,
      'src/jobs/index.ts': `export { a, b, c, d, e, f, g, h, i } from './x.js';`,
      'src/keys/keys.service.ts': '',
      'src/platform/config/config.ts': '',
    });
    expect(modulesWithoutADoor(tree.folder)).toEqual(['keys']);
    expect(doorsOfAnotherSize(tree.folder)).toEqual(['auth: alone', 'jobs: a, b, c, d, e, f, g, h, i', 'mail: *']);
  });
});
