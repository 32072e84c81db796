import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';

import express from 'express';
import passport from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { Pool } from 'pg';

import { CREATE, FIND, LIST } from './columns.js';

// Written as the documentation of Express and of passport-jwt writes it: the key is a text.
passport.use(
  new Strategy(
    {
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKey: process.env['JWT_PUBLIC_KEY']!,
      algorithms: ['ES256'],
      issuer: process.env['JWT_ISSUER']!,
      audience: process.env['JWT_AUDIENCE']!,
    },
    (payload: { sub: string }, done) => done(null, { id: payload.sub }),
  ),
);
const pool = new Pool({ connectionString: process.env['DATABASE_URL']!, max: 10 });

const app = express();
app.use(express.json());
app.get('/hello', (_request, response) => {
  response.json({ hello: 'world' });
});
const users = express.Router();
users.use(passport.authenticate('jwt', { session: false }));
users.get('/:id', async (request, response) => {
  const { rows } = await pool.query<object>(FIND, [request.params['id']]);
  if (rows[0]) response.json(rows[0]);
  else response.status(404).json({ message: 'Not Found' });
});
users.get('/', async (request, response) => {
  const { rows } = await pool.query<object>(LIST, [Number(request.query['limit'] ?? 20)]);
  response.json({ data: rows });
});
users.post('/', async (request, response) => {
  const { email, name } = request.body as { email: string; name: string };
  const { rows } = await pool.query<object>(CREATE, [randomUUID(), email, name]);
  response.status(201).json(rows[0]);
});
app.use('/api/v1/users', users);
const server = app.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ ready: true, urls: { api: `http://127.0.0.1:${port}` } }));
});
