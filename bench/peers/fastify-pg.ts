import { createHash, createPublicKey, randomUUID } from 'node:crypto';

import { fastify } from 'fastify';
import jwt from 'jsonwebtoken';
import { Pool } from 'pg';

import { CREATE, FIND, LIST } from './columns.js';

const key = createPublicKey(process.env['JWT_PUBLIC_KEY']!);
const checks: jwt.VerifyOptions = {
  algorithms: ['ES256'],
  issuer: process.env['JWT_ISSUER']!,
  audience: process.env['JWT_AUDIENCE']!,
};
const pool = new Pool({ connectionString: process.env['DATABASE_URL']!, max: 10 });
const text = { type: 'string' };
const maybe = { type: 'string', nullable: true };
const moment = { type: 'string', format: 'date-time', nullable: true };
const open = { type: 'object', additionalProperties: true };
const user = {
  type: 'object',
  properties: {
    id: text,
    email: text,
    emailVerified: { type: 'boolean' },
    name: text,
    username: maybe,
    phone: maybe,
    locale: text,
    timezone: maybe,
    externalId: maybe,
    metadata: open,
    appMetadata: open,
    createdAt: moment,
    updatedAt: moment,
    lastSignInAt: moment,
    version: { type: 'integer' },
  },
};
const page = { type: 'object', properties: { data: { type: 'array', items: user } } };
const newUser = {
  type: 'object',
  required: ['email', 'name'],
  properties: { email: { ...text, maxLength: 254 }, name: { ...text, maxLength: 200 } },
};

/** With TOKEN_CACHE a token is verified once and then known by its hash until it ends, as Roster does. */
const known = process.env['TOKEN_CACHE'] === '1' ? new Map<string, number>() : null;

function verify(token: string): void {
  if (!known) return void jwt.verify(token, key, checks);
  const hash = createHash('sha256').update(token).digest('base64');
  if ((known.get(hash) ?? 0) * 1000 > Date.now()) return;
  const { exp } = jwt.verify(token, key, checks) as { exp: number };
  known.set(hash, exp);
}

const app = fastify({ logger: false });
app.get('/hello', { schema: { response: { 200: { type: 'object', properties: { hello: text } } } } }, () => ({
  hello: 'world',
}));
app.register(
  (api, _options, done) => {
    api.addHook('onRequest', (request, reply, next) => {
      try {
        verify(request.headers.authorization?.slice('Bearer '.length) ?? '');
        next();
      } catch {
        // Whatever is wrong with a token, its bearer hears no more than this.
        void reply.code(401).send({ message: 'Unauthorized' });
      }
    });
    api.get<{ Params: { id: string } }>('/:id', { schema: { response: { 200: user } } }, async (request, reply) => {
      const { rows } = await pool.query<object>({ name: 'find', text: FIND, values: [request.params.id] });
      return rows[0] ?? reply.code(404).send({ message: 'Not Found' });
    });
    api.get<{ Querystring: { limit?: string } }>('/', { schema: { response: { 200: page } } }, async ({ query }) => {
      const { rows } = await pool.query<object>({ name: 'list', text: LIST, values: [Number(query.limit ?? 20)] });
      return { data: rows };
    });
    api.post<{ Body: { email: string; name: string } }>(
      '/',
      { schema: { body: newUser, response: { 201: user } } },
      async ({ body }, reply) => {
        const values = [randomUUID(), body.email, body.name];
        const { rows } = await pool.query<object>({ name: 'create', text: CREATE, values });
        return reply.code(201).send(rows[0]);
      },
    );
    done();
  },
  { prefix: '/api/v1/users' },
);
const url = await app.listen({ port: 0, host: '127.0.0.1' });
console.log(JSON.stringify({ ready: true, urls: { api: url } }));
