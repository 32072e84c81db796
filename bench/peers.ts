import { join } from 'node:path';

import { PYTHON, buildGin, hasPython } from './debian.js';
import type { Ground } from './ground.js';
import type { Job } from './options.js';
import { COLUMNS } from './peers/columns.js';
import type { Command } from './server.js';

/** One way to do the same jobs on the same table, for whoever has one of the same tokens. */
export interface Peer {
  readonly name: string;
  readonly about: string;
  readonly jobs: readonly Job[];
  /** Where it answers to hello. */
  readonly hello: string;
  /** Each request has a token that it has not seen for a long while. */
  readonly freshTokens?: boolean;
  /** @returns null where what it needs is not installed */
  command(root: string, folder: string, ground: Ground): Command | null;
}

const EVERYWHERE: readonly Job[] = ['hello', 'read', 'list', 'create'];

export const ROSTER: Peer = {
  name: 'roster',
  about: 'this application, everything on: log, metrics, limits, permissions, revocation, events, Idempotency-Key',
  jobs: [...EVERYWHERE, 'sign-in', 'refresh'],
  hello: '/health/live',
  command: (root, _folder, { environment }) => ({
    arguments: ['--max-semi-space-size=16', '--max-old-space-size=384', join(root, 'dist', 'src', 'main.js')],
    environment,
  }),
};

/** Without a log, metrics, roles, permissions or revocation: what they leave out is in their favour. */
export const PEERS: readonly Peer[] = [
  ROSTER,
  {
    ...ROSTER,
    name: 'roster, fresh tokens',
    about: 'the same without its token cache: more tokens than it remembers, each verified anew',
    jobs: ['read'],
    freshTokens: true,
  },
  node('node-http', 'node:http, pg with named statements, jsonwebtoken with a KeyObject'),
  node('fastify-pg', 'Fastify with response schemas, pg with named statements, jsonwebtoken with a KeyObject'),
  node('fastify-pg, cached', 'the same with a token cache like ours', { TOKEN_CACHE: '1' }),
  node('express-pg', 'Express, pg, passport-jwt with a PEM key'),
  node(
    'nest-usual',
    'Nest: Express adapter, TypeORM repository, ClassSerializerInterceptor, passport-jwt with a PEM key',
  ),
  {
    ...usual('gin', 'Go: gin, lib/pq with prepared statements, golang-jwt'),
    command: (root, folder, ground) => {
      const program = buildGin(root, folder);
      return program === null ? null : { program, arguments: [], environment: environmentOf(ground) };
    },
  },
  python('fastapi-asyncpg', 'FastAPI, asyncpg, PyJWT; one process', 'fastapi', 'uvicorn', 'asyncpg', 'jwt'),
  python(
    'fastapi-sqlalchemy',
    'FastAPI, SQLAlchemy, PyJWT; one process',
    'fastapi',
    'uvicorn',
    'sqlalchemy',
    'psycopg2',
  ),
  {
    ...usual('django', 'Django, PyJWT; gunicorn with one worker of ten threads'),
    command: (root, _folder, ground) => {
      const folder = join(root, 'bench', 'peers');
      const settings = `file:${join(folder, 'gunicorn_settings.py')}`;
      const parts = ['-m', 'gunicorn', '--chdir', folder, '-c', settings, 'django_app:application'];
      return hasPython('django', 'gunicorn', 'jwt', 'psycopg2')
        ? { program: PYTHON, arguments: parts, environment: environmentOf(ground) }
        : null;
    },
  },
];

function usual(name: string, about: string): Omit<Peer, 'command'> {
  return { name, about, jobs: EVERYWHERE, hello: '/hello' };
}

function node(name: string, about: string, more: Readonly<Record<string, string>> = {}): Peer {
  const program = join(import.meta.dirname, 'peers', `${name.split(',')[0]}.js`);
  return {
    ...usual(name, about),
    command: (_root, _folder, ground) => ({ arguments: [program], environment: { ...environmentOf(ground), ...more } }),
  };
}

function python(name: string, about: string, ...modules: string[]): Peer {
  return {
    ...usual(name, about),
    command: (root, _folder, ground) => {
      const source = join(root, 'bench', 'peers', `${name.replace('-', '_')}.py`);
      return hasPython(...modules)
        ? { program: PYTHON, arguments: [source], environment: environmentOf(ground) }
        : null;
    },
  };
}

function environmentOf({ environment, databaseUrl, publicKey, issuer, audience }: Ground): Record<string, string> {
  return {
    PATH: environment['PATH']!,
    NODE_ENV: 'production',
    PYTHONDONTWRITEBYTECODE: '1',
    DATABASE_URL: databaseUrl,
    COLUMNS_SQL: COLUMNS,
    JWT_PUBLIC_KEY: publicKey,
    JWT_ISSUER: issuer,
    JWT_AUDIENCE: audience,
  };
}
