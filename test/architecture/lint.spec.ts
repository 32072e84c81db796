import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PlantedTree, ROOT } from './planted-tree.js';

interface Linted {
  filePath: string;
  messages: { ruleId: string | null; message: string }[];
}

/** The wrong line, where it stands, and the one rule that must speak. */
const WRONG: [rule: string, path: string, text: string][] = [
  ['house/settings', 'src/users/a.ts', 'export const a = process.env.PORT;'],
  ['house/settings', 'src/users/b.ts', `import { env } from 'node:process';\nexport const b = env;`],
  ['house/clock', 'src/users/c.ts', 'export const c = new Date();'],
  ['house/clock', 'src/users/d.ts', 'export const d = Date.now();'],
  ['house/chance', 'src/users/e.ts', 'export const e = Math.random();'],
  ['house/injection', 'src/users/f.ts', `import { InjectRepository } from '@nestjs/typeorm';\nInjectRepository();`],
  ['house/injection', 'src/users/g.ts', `import { forwardRef } from '@nestjs/common';\nforwardRef();`],
  ['house/problems', 'src/users/h.ts', 'export const h = new NotFoundException();'],
  ['house/problems', 'src/users/i.ts', 'export class Gone extends HttpException {}'],
  ['house/swallowed', 'src/users/j.ts', 'export const j = (p: Promise<void>) => p.catch(() => {});'],
  ['house/swallowed', 'test/users/k.ts', 'export const k = (p: Promise<void>) => p.catch(() => undefined);'],
  ['house/swallowed', 'src/users/k.ts', 'export const k = (p: Promise<void>) => p.catch(() => null);'],
  ['no-empty', 'src/users/l.ts', 'export function l(f: () => void) {\n  try {\n    f();\n  } catch {}\n}'],
  [
    'house/one-query-at-a-time',
    'src/users/m.ts',
    'export const m = (db: Database) => db.transaction(async () => Promise.all([Promise.resolve()]));',
  ],
  ['house/names', 'src/users/n.ts', 'export function processUser() {}'],
  ['house/names', 'src/users/o.ts', 'export class BaseService {}'],
  [
    'house/constructor-size',
    'src/users/p.ts',
    'export class P {\n  constructor(db: Database, a: A, b: B, c: C, d: D, e: E, f: F) {\n    void [db, a, b, c, d, e, f];\n  }\n}',
  ],
  [
    'house/parameters',
    'src/users/q.ts',
    'export const q = (a: 1, b: 1, c: 1, d: 1, e: 1, f: 1) => [a, b, c, d, e, f];',
  ],
  ['house/import-order', 'src/users/r.ts', `import './s.js';\nimport 'node:fs';`],
  ['no-restricted-imports', 'src/users/users.service.ts', `import { In } from 'typeorm';\nexport const inside = In;`],
  ['no-console', 'src/users/t.ts', `console.log('here');`],
  ['max-lines', 'src/users/u.ts', 'export {};\n'.repeat(301)],
  ['max-lines-per-function', 'src/users/v.ts', `export function v() {\n${'  v();\n'.repeat(40)}}`],
  ['house/whole-suite', 'test/users/w.spec.ts', `it.only('alone', () => undefined);`],
  ['house/whole-suite', 'src/users/x.spec.ts', `xit('not today', () => undefined);`],
  ['@typescript-eslint/no-floating-promises', 'test/users/y.ts', 'Promise.resolve();'],
  ['@typescript-eslint/no-misused-promises', 'src/users/z.ts', '[1].forEach(async () => Promise.resolve());'],
];

/** The same deeds where they belong. */
const RIGHT: [path: string, text: string][] = [
  ['src/platform/config/a.ts', 'export const a = process.env.PORT;'],
  ['src/platform/clock/b.ts', 'export const b = new Date();'],
  ['src/platform/http/c.ts', 'export class C extends HttpException {}'],
  ['src/users/users.repository.ts', `import { In } from 'typeorm';\nexport const inside = In;`],
  ['src/users/user.spec.ts', 'export const later = new Date();'],
  ['src/users/right.ts', 'export const parsed = (text: string) => new Date(text);'],
  [
    'src/users/explained.ts',
    'export const e = (p: Promise<void>) => p.catch(() => {\n  // The next poll asks again.\n});',
  ],
  [
    'src/users/heard.ts',
    'export const h = (p: Promise<void>, log: (e: unknown) => void) => p.catch((e: unknown) => log(e));',
  ],
  ['src/users/overrides.ts', 'export class Guard extends Ours {\n  override handleRequest() {}\n}'],
  [
    'src/users/asks.ts',
    'export class Asks {\n  ask(@Id() a: 1, @Id() b: 1, @Id() c: 1, @Id() d: 1, e: 1, f: 1) {\n    void [a, b, c, d, e, f];\n  }\n}',
  ],
  ['src/cli/d.ts', `console.log('done');`],
];

/** ESLint over a planted tree by the project's own settings: which rules spoke in which file. */
function lint(files: [path: string, text: string][]): string[] {
  const compilerOptions = { target: 'es2024', module: 'nodenext', strict: true, types: ['node'] };
  using tree = new PlantedTree({
    ...Object.fromEntries(files),
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        ...compilerOptions,
        experimentalDecorators: true,
        typeRoots: [join(ROOT, 'node_modules/@types')],
      },
    }),
  });
  const options = ['--config', join(ROOT, 'eslint.config.js'), '--format', 'json', 'src', 'test'];
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, 'node_modules/eslint/bin/eslint.js'), ...options],
    {
      cwd: tree.folder,
      encoding: 'utf8',
    },
  );
  if (!stdout) throw new Error(stderr);
  return (JSON.parse(stdout) as Linted[])
    .flatMap(({ filePath, messages }) =>
      messages.map(({ ruleId, message }) => `${filePath.slice(tree.folder.length + 1)}: ${ruleId ?? message}`),
    )
    .sort();
}

describe('The rules of lint', () => {
  it('catch each wrong line, and nothing where it belongs', () => {
    expect(lint([...WRONG.map(([, path, text]): [string, string] => [path, text]), ...RIGHT])).toEqual(
      WRONG.map(([rule, path]) => `${path}: ${rule}`).sort(),
    );
  }, 60_000);

  it('are all planted: no rule of the house is without its wrong line', async () => {
    const { default: blocks } = (await import(pathToFileURL(join(ROOT, 'eslint.config.js')).href)) as {
      default: { plugins?: { house?: { rules: Record<string, unknown> } } }[];
    };
    const rules = blocks.flatMap(({ plugins }) => Object.keys(plugins?.house?.rules ?? {}));
    const planted = new Set(WRONG.map(([rule]) => rule));
    expect(rules.length).toBeGreaterThan(0);
    expect(rules.filter((name) => !planted.has(`house/${name}`))).toEqual([]);
  }, 60_000);
});
