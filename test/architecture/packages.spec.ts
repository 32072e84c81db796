import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './planted-tree.js';

interface Locked {
  version: string;
  license?: string;
  resolved?: string;
  dev?: boolean;
  optional?: boolean;
  devOptional?: boolean;
  hasInstallScript?: boolean;
}

interface Manifest {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  allowScripts?: Record<string, boolean>;
  scarfSettings?: { enabled: boolean };
}

const parse = <T>(path: string): T => JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as T;
const manifest = parse<Manifest>('package.json');
const locked = Object.entries(parse<{ packages: Record<string, Locked> }>('package-lock.json').packages)
  .filter(([path]) => path !== '')
  .map(([path, entry]) => ({ name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length), ...entry }));
const shipped = locked.filter(({ dev, optional, devOptional }) => !dev && !optional && !devOptional);

/** Install scripts that nobody has allowed or refused by name. */
function unreviewed(packages: Pick<Locked & { name: string }, 'name' | 'version' | 'hasInstallScript'>[]): string[] {
  const reviewed = manifest.allowScripts ?? {};
  return packages
    .filter(
      ({ name, version, hasInstallScript }) =>
        hasInstallScript && !(name in reviewed || `${name}@${version}` in reviewed),
    )
    .map(({ name }) => name);
}

/** SQL with something else in it. */
const PUT_TOGETHER = /\$\{|\bquery\([^)]*['"`]\s*\+/;

describe('The packages', () => {
  it('run no install script that was not reviewed', () => {
    expect(unreviewed(locked)).toEqual([]);
    expect(unreviewed([{ name: 'stranger', version: '1.0.0', hasInstallScript: true }])).toEqual(['stranger']);
  });

  it('A24 run no text of a database as a migration: TypeORM from 1.1 on, and migrations that are written, not put together', () => {
    const [major, minor] = manifest.dependencies['typeorm']!.split('.').map(Number);
    expect(major! * 1000 + minor!).toBeGreaterThanOrEqual(1001);
    const migrations = globSync('migrations/*.ts', { cwd: ROOT });
    const together = migrations.filter((file) => PUT_TOGETHER.test(readFileSync(join(ROOT, file), 'utf8')));
    // CONCURRENTLY takes no parameters and no DO: it refuses whatever is no plain name (database/online-index).
    expect(together).toEqual(['migrations/online-index.ts']);
    expect(migrations.length).toBeGreaterThan(5);
    expect(PUT_TOGETHER.test('await runner.query(`COMMENT ON TABLE t IS ${text}`)')).toBe(true);
  });

  it('do not report installations to a third party', () => {
    expect(manifest.allowScripts).toMatchObject({ '@scarf/scarf': false });
    // An npm that does not know `allowScripts` runs it all the same: this switch is read by the script itself.
    expect(manifest.scarfSettings).toEqual({ enabled: false });
  });

  it('are pinned to exact versions', () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    const wanted = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
    expect(wanted.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });

  it('come from whatever registry npm is set to', () => {
    expect(locked.filter(({ resolved }) => resolved?.startsWith('http')).map(({ name }) => name)).toEqual([]);
  });

  it('are at most 350 in production, under licences that ask for no more than a notice', () => {
    const permissive = [
      'MIT',
      'MIT-0',
      'ISC',
      'Apache-2.0',
      'BSD-2-Clause',
      'BSD-3-Clause',
      '0BSD',
      'Python-2.0',
      'Unlicense',
    ];
    // MIT, said in the old way (`licenses: [{ type }]`), which the lockfile does not carry.
    const saidTheOldWay = ['passport-strategy', 'pause'];
    expect(shipped.length).toBeGreaterThan(50);
    expect(shipped.length).toBeLessThanOrEqual(350);
    const others = shipped.filter(
      ({ name, license }) => !permissive.includes(license ?? '') && !saidTheOldWay.includes(name),
    );
    expect(others).toEqual([]);
  });
});
