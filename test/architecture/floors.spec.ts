import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { PlantedTree, ROOT } from './planted-tree.js';

interface Cruise {
  modules: { source: string }[];
  summary: {
    violations: { rule: { name: string }; from: string; to: string }[];
    ruleSetUsed: { forbidden: { name: string }[] };
  };
}

/** One wrong import, and every rule that must speak of it. */
type Wrong = [from: string, to: string, rule: string];

const WRONG: Wrong[] = [
  ['src/jobs/up.ts', 'src/users/index.ts', 'upward-from-floor-1'],
  ['src/sessions/up.ts', 'src/auth/index.ts', 'upward-from-floor-2'],
  ['src/mfa/up.ts', 'src/scim/index.ts', 'upward-from-floor-3'],
  ['src/platform/cache/up.ts', 'src/jobs/index.ts', 'upward-from-platform'],
  ['src/users/app.ts', 'src/app.module.ts', 'app-is-known-by-none'],
  ['src/users/cli.ts', 'src/cli/admin.ts', 'app-is-known-by-none'],
  ['src/platform/database/app.ts', 'src/entities.ts', 'app-is-known-by-none'],
  ['src/health/app.ts', 'ormconfig.ts', 'app-is-known-by-none'],
  ['src/users/folder.ts', 'src/text/trim.ts', 'folder-without-a-floor'],
  ['src/users/loose.ts', 'src/platform/text.ts', 'folder-without-a-floor'],
  ['src/users/window.ts', 'src/sessions/sessions.service.ts', 'through-the-window'],
  ['src/openapi.ts', 'src/auth/auth.service.ts', 'through-the-window'],
  ['src/cli/users.ts', 'src/users/users.service.ts', 'through-the-window'],
  ['src/users/door.ts', 'src/users/index.ts', 'own-door'],
  ['src/users/entity.ts', 'src/sessions/session.entity.ts', 'foreign-entity'],
  ['src/events/entity.ts', 'src/platform/cache/revocation.entity.ts', 'foreign-entity'],
  ['src/app.ts', 'src/sessions/session.entity.ts', 'foreign-entity'],
  ['src/users/users.controller.ts', 'src/users/users.repository.ts', 'controller-to-repository'],
  ['src/mail/mail.repository.ts', 'src/mail/mail.service.ts', 'repository-calls-up'],
  ['src/users/test.ts', 'test/harness/people.ts', 'source-to-test'],
  ['src/users/spec.ts', 'src/users/user.spec.ts', 'source-to-test'],
  ['src/main.ts', 'bench/peer.ts', 'source-to-test'],
  ['src/cli/example.ts', 'examples/ledger/src/main.ts', 'source-to-test'],
  ['examples/ledger/src/roster.ts', 'src/users/users.dto.ts', 'example-stands-alone'],
  ['examples/ledger/src/neighbour.ts', 'examples/other/src/main.ts', 'example-stands-alone'],
  ['migrations/1-first.ts', 'src/platform/config/config.ts', 'migration-stands-alone'],
  ['migrations/2-second.ts', 'ormconfig.ts', 'migration-stands-alone'],
  ...sideways('keys mail', 'events keys', 'jobs events', 'mail events'),
  ...sideways('access users', 'sessions users', 'passwords users'),
  ...sideways('mfa auth', 'auth federation', 'oauth mfa', 'federation oauth'),
  ...sideways('audit webhooks', 'webhooks audit', 'realtime broker', 'broker audit', 'imports scim'),
  ...sideways('privacy imports', 'scim privacy', 'console health', 'health audit'),
  ...rightward(
    'config clock',
    'clock concurrency',
    'concurrency crypto',
    'crypto contract',
    'contract logging',
    'logging telemetry',
  ),
  ...rightward(
    'telemetry outgoing',
    'outgoing database',
    'database cache',
    'cache http',
    'http rate-limit',
    'rate-limit pages',
  ),
];

/** Imports that the plan allows: no rule may speak of them. */
const RIGHT: [from: string, to: string][] = [
  ['src/users/right.ts', 'src/passwords/index.ts'],
  ['src/users/right.ts', 'src/events/index.ts'],
  ['src/users/right.ts', 'src/platform/http/problem.ts'],
  ['src/users/right.ts', 'src/users/users.repository.ts'],
  ['src/users/right.spec.ts', 'test/harness/people.ts'],
  ['src/events/right.ts', 'src/jobs/index.ts'],
  ['src/platform/pages/right.ts', 'src/platform/config/config.ts'],
  ['src/users/users.repository.ts', 'src/access/index.ts'],
  ['src/entities.ts', 'src/sessions/session.entity.ts'],
  ['src/entities.ts', 'src/platform/cache/revocation.entity.ts'],
  ['src/cli/right.ts', 'src/users/index.ts'],
  ['ormconfig.ts', 'src/entities.ts'],
  ['examples/ledger/src/right.ts', 'examples/ledger/src/main.ts'],
  ['test/users/right.ts', 'src/sessions/session.entity.ts'],
  ['test/users/right.ts', 'src/sessions/sessions.service.ts'],
];

function sideways(...pairs: string[]): Wrong[] {
  return pairs
    .map((pair) => pair.split(' ') as [string, string])
    .map(([from, to]) => [`src/${from}/beside.ts`, `src/${to}/index.ts`, `sideways-from-${from}`]);
}

function rightward(...pairs: string[]): Wrong[] {
  return pairs
    .map((pair) => pair.split(' ') as [string, string])
    .map(([from, to]) => [
      `src/platform/${from}/right.ts`,
      `src/platform/${to}/leaf.ts`,
      `platform-rightward-from-${from}`,
    ]);
}

/** Files that hold the given imports; a file that is only imported is empty. */
function filesFor(imports: [from: string, to: string][]): Record<string, string> {
  const files: Record<string, string> = {};
  for (const [from, to] of imports) {
    const path = relative(dirname(from), to).replace(/\.ts$/, '.js');
    files[from] = `${files[from] ?? ''}import '${path.startsWith('.') ? path : `./${path}`}';\n`;
    files[to] ??= '';
  }
  return files;
}

/** dependency-cruiser over `folder` by the project's own rules; the paths it reports are relative to that folder. */
function cruise(folder: string): Cruise {
  const entries = ['src', 'test', 'migrations', 'bench', 'examples', 'ormconfig.ts'].filter((entry) =>
    existsSync(join(folder, entry)),
  );
  const program = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const options = ['--config', join(ROOT, '.dependency-cruiser.js'), '--output-type', 'json'];
  const { stdout, stderr } = spawnSync(process.execPath, [program, ...options, ...entries], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (!stdout) throw new Error(stderr);
  return JSON.parse(stdout) as Cruise;
}

const violationsIn = ({ summary }: Cruise): string[] =>
  summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`).sort();

describe('The floors', () => {
  it('hold in the whole tree', () => {
    const result = cruise(ROOT);
    expect(violationsIn(result)).toEqual([]);
    expect(result.modules.map(({ source }) => source)).toContain('src/main.ts');
  }, 60_000);

  it('catch a wrong import of each kind, and nothing that is allowed', () => {
    using tree = new PlantedTree({
      ...filesFor([...WRONG.map(([from, to]): [string, string] => [from, to]), ...RIGHT]),
      'package.json': JSON.stringify({ type: 'module', dependencies: { ours: '1' }, devDependencies: { tool: '1' } }),
      'node_modules/ours/package.json': JSON.stringify({ name: 'ours', version: '1.0.0', main: 'index.js' }),
      'node_modules/ours/index.js': '',
      'node_modules/tool/package.json': JSON.stringify({ name: 'tool', version: '1.0.0', main: 'index.js' }),
      'node_modules/tool/index.js': '',
      'node_modules/theirs/package.json': JSON.stringify({ name: 'theirs', version: '1.0.0', main: 'index.js' }),
      'node_modules/theirs/index.js': '',
      'src/jobs/packages.ts': `import 'ours';\nimport 'tool';\nimport 'theirs';\nimport './gone.js';\n`,
      'src/jobs/round.ts': `import type { Trip } from './trip.js';\nexport type Round = Trip;\n`,
      'src/jobs/trip.ts': `import type { Round } from './round.js';\nexport type Trip = Round;\n`,
    });
    const result = cruise(tree.folder);

    expect(violationsIn(result)).toEqual(
      [
        ...WRONG.map(([from, to, rule]) => `${rule}: ${from} -> ${to}`),
        'circle: src/jobs/round.ts -> src/jobs/trip.ts',
        'unresolvable: src/jobs/packages.ts -> ./gone.js',
        'not-in-package-json: src/jobs/packages.ts -> node_modules/theirs/index.js',
        'development-package-in-source: src/jobs/packages.ts -> node_modules/tool/index.js',
      ].sort(),
    );

    const spoken = new Set(result.summary.violations.map(({ rule }) => rule.name));
    expect(result.summary.ruleSetUsed.forbidden.map(({ name }) => name).filter((name) => !spoken.has(name))).toEqual(
      [],
    );
  }, 60_000);
});
