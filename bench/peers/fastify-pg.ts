import { createPublicKey } from 'node:crypto';

import { fastify } from 'fastify';
import jwt from 'jsonwebtoken';
import { Pool } from 'pg';

const key = createPublicKey(process.env['JWT_PUBLIC_KEY']!);
const checks: jwt.VerifyOptions = {
  algorithms: ['ES256'],
  issuer: process.env['JWT_ISSUER']!,
  audience: process.env['JWT_AUDIENCE']!,
};
const pool = new Pool({ connectionString: process.env['DATABASE_URL']!, max: 10 });
const find = {
  name: 'find',
  text: `SELECT id, email, email_verified_at IS NOT NULL AS "emailVerified", name, username, phone, locale, timezone,
    external_id AS "externalId", metadata, app_metadata AS "appMetadata", created_at AS "createdAt",
    updated_at AS "updatedAt", last_sign_in_at AS "lastSignInAt", version FROM roster.users WHERE id = $1`,
};
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

const app = fastify({ logger: false });
app.addHook('onRequest', (request, reply, done) => {
  try {
    jwt.verify(request.headers.authorization?.slice('Bearer '.length) ?? '', key, checks);
    done();
  } catch {
    // Whatever is wrong with a token, its bearer hears no more than this.
    void reply.code(401).send({ message: 'Unauthorized' });
  }
});
app.get<{ Params: { id: string } }>(
  '/api/v1/users/:id',
  { schema: { response: { 200: user } } },
  async (request, reply) => {
    const { rows } = await pool.query<object>({ ...find, values: [request.params.id] });
    return rows[0] ?? reply.code(404).send({ message: 'Not Found' });
  },
);
const url = await app.listen({ port: 0, host: '127.0.0.1' });
console.log(JSON.stringify({ ready: true, urls: { api: url } }));
