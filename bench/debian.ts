import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';

const PACKAGES = [
  ...['wrk', 'python3-fastapi', 'uvicorn', 'python3-sqlalchemy', 'python3-asyncpg', 'python3-psycopg2'],
  ...['python3-jwt', 'python3-cryptography', 'python3-django', 'gunicorn', 'golang-go'],
  ...['golang-github-gin-gonic-gin-dev', 'golang-github-lib-pq-dev', 'golang-github-golang-jwt-jwt-dev'],
];
/** Debian's own: another Python on the PATH has none of its packages. */
export const PYTHON = '/usr/bin/python3';
const GO = { GO111MODULE: 'off', GOPATH: '/usr/share/gocode' };

/** Fetches the peers that are no npm packages; as root, or as someone who may use sudo. */
export function install(): void {
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo'];
  const run = (...command: string[]): void => {
    const [program, ...parts] = [...asRoot, ...command];
    execFileSync(program!, parts, { stdio: 'inherit' });
  };
  run('apt-get', 'update');
  run('apt-get', 'install', '--yes', '--no-install-recommends', ...PACKAGES);
}

/** Whether Debian's Python can import all of these. */
export function hasPython(...modules: string[]): boolean {
  return spawnSync(PYTHON, ['-c', `import ${modules.join(', ')}`]).status === 0;
}

/** Compiles the peer in Go. @returns its program, or null where there is no Go or not its packages */
export function buildGin(root: string, folder: string): string | null {
  const program = join(folder, 'gin');
  const source = join(root, 'bench', 'peers', 'gin', 'main.go');
  const env = { ...process.env, ...GO, GOCACHE: join(folder, 'go') };
  return spawnSync('go', ['build', '-o', program, source], { env }).status === 0 ? program : null;
}
