import { join } from 'node:path';

import type { Ground } from './ground.js';
import type { Command } from './server.js';

/** One way to answer `GET /api/v1/users/:id` from the same table, to whoever has one of the same tokens. */
export interface Peer {
  readonly name: string;
  readonly about: string;
  command(root: string, ground: Ground): Command;
}

export const ROSTER: Peer = {
  name: 'roster',
  about: 'this application, everything on',
  command: (root, { environment }) => ({
    arguments: ['--max-semi-space-size=16', '--max-old-space-size=384', join(root, 'dist', 'src', 'main.js')],
    environment,
  }),
};

/** Without a log, metrics, roles, permissions or revocation: what they leave out is in their favour. */
export const PEERS: readonly Peer[] = [
  ROSTER,
  peer(
    'nest-usual',
    'Nest the usual way: Express adapter, TypeORM findOneBy, ClassSerializerInterceptor, passport-jwt with a PEM key',
  ),
  peer('fastify-pg', 'Fastify with a response schema, pg with a named statement, jsonwebtoken with a KeyObject'),
];

function peer(name: string, about: string): Peer {
  return {
    name,
    about,
    command: (_root, { environment, databaseUrl, publicKey, issuer, audience }) => ({
      arguments: [join(import.meta.dirname, 'peers', `${name}.js`)],
      environment: {
        PATH: environment['PATH']!,
        NODE_ENV: 'production',
        DATABASE_URL: databaseUrl,
        JWT_PUBLIC_KEY: publicKey,
        JWT_ISSUER: issuer,
        JWT_AUDIENCE: audience,
      },
    }),
  };
}
